-- Without a tenant, the row is compared with its own.
-- request role: tn306_fault_app
-- declare: tenant api.items tenant_id
-- expect: error TN306 api.items/tenant
-- leak: select * from api.items

create role tn306_fault_app login password 'app';
create role tn306_fault_owner nologin;
create schema api authorization tn306_fault_owner;
grant usage on schema api to tn306_fault_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn306_fault_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn306_fault_app
    using (tenant_id = coalesce(nullif(current_setting('app.current_tenant_id', true), '')::uuid, tenant_id));
grant select, insert, update, delete on api.items to tn306_fault_app;
