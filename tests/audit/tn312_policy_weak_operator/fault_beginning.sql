-- The policy compares how the tenants begin.
-- request role: tn312_fault_beginning_app
-- declare: tenant api.items tenant_id
-- expect: error TN312 api.items/tenant
-- leak: set app.current_tenant_id = 'bbbbbbbb-0000-4000-8000-000000000009';
--   select * from api.items

create role tn312_fault_beginning_app login password 'app';
create role tn312_fault_beginning_owner nologin;
create schema api authorization tn312_fault_beginning_owner;
grant usage on schema api to tn312_fault_beginning_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn312_fault_beginning_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn312_fault_beginning_app
    using (left(tenant_id::text, 8) = left(current_setting('app.current_tenant_id', true), 8));
grant select, insert, update, delete on api.items to tn312_fault_beginning_app;
