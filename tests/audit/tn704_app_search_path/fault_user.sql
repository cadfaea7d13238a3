-- The path holds the schema that is named after the role.
-- request role: tn704_fault_user_app
-- declare: tenant api.items tenant_id
-- expect: warning TN504 tn704_fault_user_app
-- expect: warning TN704 tn704_fault_user_app
-- no leak: it needs a statement that names a relation without its schema

create role tn704_fault_user_app login password 'app';
create role tn704_fault_user_owner nologin;
create schema api authorization tn704_fault_user_owner;
grant usage on schema api to tn704_fault_user_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn704_fault_user_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn704_fault_user_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn704_fault_user_app;

create schema tn704_fault_user_app;
grant usage, create on schema tn704_fault_user_app to tn704_fault_user_app;
alter role tn704_fault_user_app set search_path = "$user", api;
