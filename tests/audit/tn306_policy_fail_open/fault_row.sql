-- A row without a tenant is taken for the tenant's.
-- request role: tn306_fault_row_app
-- declare: tenant api.items tenant_id
-- expect: error TN209 api.items
-- expect: error TN306 api.items/tenant
-- leak: set app.current_tenant_id = 'aaaaaaaa-0000-4000-8000-000000000001';
--   select * from api.items where tenant_id is null

create role tn306_fault_row_app login password 'app';
create role tn306_fault_row_owner nologin;
create schema api authorization tn306_fault_row_owner;
grant usage on schema api to tn306_fault_row_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn306_fault_row_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');
alter table api.items drop constraint items_pkey;
alter table api.items alter column tenant_id drop not null;
insert into api.items (tenant_id, id, name) values (null, 3, 'of nobody');
create index on api.items (tenant_id);

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn306_fault_row_app
    using (coalesce(tenant_id, nullif(current_setting('app.current_tenant_id', true), '')::uuid) = nullif(current_setting('app.current_tenant_id', true), '')::uuid);
grant select, insert, update, delete on api.items to tn306_fault_row_app;
