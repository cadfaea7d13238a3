-- What the owner makes next is granted before it is protected.
-- request role: tn505_fault_app
-- declare: tenant api.items tenant_id
-- expect: warning TN505 tn505_fault_owner/api
-- no leak: there is no such table yet

create role tn505_fault_app login password 'app';
create role tn505_fault_owner nologin;
create schema api authorization tn505_fault_owner;
grant usage on schema api to tn505_fault_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn505_fault_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn505_fault_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn505_fault_app;
alter default privileges for role tn505_fault_owner in schema api
    grant select on tables to tn505_fault_app;
