-- A trigger writes in the view's stead, as its definer.
-- request role: tn403_fault_trigger_app
-- declare: tenant api.items tenant_id
-- expect: error TN203 api.items
-- expect: error TN403 api.names
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   insert into api.names (tenant_id, id, name) values ('bbbbbbbb-0000-4000-8000-000000000002', 3, 'planted')

create role tn403_fault_trigger_app login password 'app';
create role tn403_fault_trigger_owner nologin;
create schema api authorization tn403_fault_trigger_owner;
grant usage on schema api to tn403_fault_trigger_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn403_fault_trigger_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
create policy tenant on api.items
    to tn403_fault_trigger_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn403_fault_trigger_app;
create view api.names with (security_barrier = true) as
select tenant_id, id, name
from api.items
where tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid);
alter view api.names owner to tn403_fault_trigger_owner;
grant select, insert on api.names to tn403_fault_trigger_app;
create function api.write()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
    begin
        insert into api.items (tenant_id, id, name)
        values (new.tenant_id, new.id, new.name);
        return new;
    end
$$;
alter function api.write() owner to tn403_fault_trigger_owner;
revoke all on function api.write() from public;
create trigger write
    instead of insert
    on api.names
    for each row
    execute function api.write();
