-- Beside the comparison stands a function that asks nothing of the row.
-- request role: tn303_fault_function_app
-- declare: tenant api.items tenant_id
-- expect: error TN303 api.items/tenant
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select * from api.items

create role tn303_fault_function_app login password 'app';
create role tn303_fault_function_owner nologin;
create schema api authorization tn303_fault_function_owner;
grant usage on schema api to tn303_fault_function_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn303_fault_function_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');
create function api.is_open()
returns boolean
language sql
stable
set search_path = ''
as $$
    select extract(hour from now()) >= 0
$$;
alter function api.is_open() owner to tn303_fault_function_owner;

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn303_fault_function_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid) or api.is_open());
grant select, insert, update, delete on api.items to tn303_fault_function_app;
