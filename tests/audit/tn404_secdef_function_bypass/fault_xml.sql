-- The function reads a table whose name it is given: its text names none.
-- request role: tn404_fault_xml_app
-- declare: tenant api.items tenant_id
-- expect: error TN203 api.items
-- expect: error TN404 api.contents(regclass)
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select 1 where api.contents('api.items') like '%of tenant%'

create role tn404_fault_xml_app login password 'app';
create role tn404_fault_xml_owner nologin;
create schema api authorization tn404_fault_xml_owner;
grant usage on schema api to tn404_fault_xml_app;
create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn404_fault_xml_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
create policy tenant on api.items
    to tn404_fault_xml_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn404_fault_xml_app;
create function api.contents(source regclass)
returns text
language sql
stable
security definer
set search_path = ''
as $$
    select pg_catalog.table_to_xml(source, true, false, '')::text
$$;
alter function api.contents(source regclass) owner to tn404_fault_xml_owner;
