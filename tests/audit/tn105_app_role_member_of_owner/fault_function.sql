-- The request role can become the owner of a function that a policy calls.
-- request role: tn105_fault_function_app
-- declare: tenant api.items tenant_id
-- expect: error TN105 tn105_fault_function_app
-- no leak: who owns the function may write another

create role tn105_fault_function_app login password 'app';
create role tn105_fault_function_owner nologin;
create schema api authorization tn105_fault_function_owner;
grant usage on schema api to tn105_fault_function_app;
create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn105_fault_function_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to public
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn105_fault_function_app;
create role tn105_fault_function_helper nologin;
grant tn105_fault_function_helper to tn105_fault_function_app;
grant usage on schema api to tn105_fault_function_helper;
create function api.tenant()
returns uuid
language sql
stable
parallel safe
set search_path = ''
as $$
    select nullif(current_setting('app.current_tenant_id', true), '')::uuid
$$;
alter policy tenant on api.items
    using (tenant_id = (select api.tenant()));
alter function api.tenant() owner to tn105_fault_function_helper;
