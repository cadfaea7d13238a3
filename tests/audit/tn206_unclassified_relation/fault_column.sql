-- A second table has the column of the tenant and a sound policy, and nobody has said that its rows belong to tenants.
-- request role: tn206_fault_column_app
-- declare: tenant api.items tenant_id
-- expect: warning TN206 api.notes
-- no leak: its policy is sound

create role tn206_fault_column_app login password 'app';
create role tn206_fault_column_owner nologin;
create schema api authorization tn206_fault_column_owner;
grant usage on schema api to tn206_fault_column_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn206_fault_column_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn206_fault_column_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn206_fault_column_app;

create table api.notes (
    tenant_id uuid not null,
    id int not null,
    body text not null,
    primary key (tenant_id, id)
);
alter table api.notes owner to tn206_fault_column_owner;
alter table api.notes enable row level security;
alter table api.notes force row level security;
create policy tenant on api.notes
    to tn206_fault_column_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select on api.notes to tn206_fault_column_app;
