-- Rows of one tenant may share the number, rows of two may not.
-- request role: tn604_fault_unequal_app
-- declare: tenant api.items tenant_id
-- expect: warning TN604 api.items_one_tenant
-- no leak: what is told is an error, and no row

create role tn604_fault_unequal_app login password 'app';
create role tn604_fault_unequal_owner nologin;
create schema api authorization tn604_fault_unequal_owner;
grant usage on schema api to tn604_fault_unequal_app;

create extension btree_gist;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id),
    constraint items_one_tenant exclude using gist (id with =, tenant_id with <>)
);
alter table api.items owner to tn604_fault_unequal_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn604_fault_unequal_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn604_fault_unequal_app;
