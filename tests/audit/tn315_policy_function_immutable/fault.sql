-- The helper says that it never changes, so a prepared statement keeps the first tenant.
-- request role: tn315_fault_app
-- declare: tenant api.items tenant_id
-- expect: error TN315 api.items/tenant
-- leak: set app.current_tenant_id = 'aaaaaaaa-0000-4000-8000-000000000001';
--   prepare reading as select * from api.items;
--   execute reading;
--   set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   execute reading

create role tn315_fault_app login password 'app';
create role tn315_fault_owner nologin;
create schema api authorization tn315_fault_owner;
grant usage on schema api to tn315_fault_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn315_fault_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');
create function api.current_tenant()
returns uuid
language sql
immutable
set search_path = ''
as $$
    select nullif(current_setting('app.current_tenant_id', true), '')::uuid
$$;
alter function api.current_tenant() owner to tn315_fault_owner;

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn315_fault_app
    using (tenant_id = (select api.current_tenant()));
grant select, insert, update, delete on api.items to tn315_fault_app;
