-- The trigger sets the tenant that the new row names: the policy asks for that one then.
-- request role: tn409_fault_trigger_app
-- declare: tenant api.items tenant_id
-- expect: error TN409 api.enter()
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   insert into api.items (tenant_id, id, name)
--   values ('bbbbbbbb-0000-4000-8000-000000000002', 3, 'planted')

create role tn409_fault_trigger_app login password 'app';
create role tn409_fault_trigger_owner nologin;
create schema api authorization tn409_fault_trigger_owner;
grant usage on schema api to tn409_fault_trigger_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn409_fault_trigger_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn409_fault_trigger_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn409_fault_trigger_app;
create function api.enter()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    perform pg_catalog.set_config('app.current_tenant_id', new.tenant_id::text, true);
    return new;
end
$$;
alter function api.enter() owner to tn409_fault_trigger_owner;
create trigger enter
    before insert on api.items
    for each row
    execute function api.enter();
