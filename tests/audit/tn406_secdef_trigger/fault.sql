-- A trigger reads as its owner, and writes what it read into the row.
-- request role: tn406_fault_app
-- declare: tenant api.items tenant_id
-- expect: error TN203 api.items
-- expect: error TN406 api.items/count_names
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   insert into api.items (tenant_id, id, name) values ('99999999-0000-4000-8000-000000000009', 1, 'mine');
--   select * from api.items where name like '%of tenant B%'

create role tn406_fault_app login password 'app';
create role tn406_fault_owner nologin;
create schema api authorization tn406_fault_owner;
grant usage on schema api to tn406_fault_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn406_fault_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
create policy tenant on api.items
    to tn406_fault_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn406_fault_app;
create function api.count_names()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
    begin
        new.name := (select string_agg(i.name, ', ') from api.items as i);
        return new;
    end
$$;
alter function api.count_names() owner to tn406_fault_owner;
revoke all on function api.count_names() from public;
create trigger count_names
    before insert
    on api.items
    for each row
    execute function api.count_names();
