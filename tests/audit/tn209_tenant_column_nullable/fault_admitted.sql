-- The column may be null, and the policy shows such rows to a request without a tenant.
-- request role: tn209_fault_admitted_app
-- declare: tenant api.items tenant_id
-- expect: error TN209 api.items
-- expect: error TN306 api.items/tenant
-- leak: select * from api.items

create role tn209_fault_admitted_app login password 'app';
create role tn209_fault_admitted_owner nologin;
create schema api authorization tn209_fault_admitted_owner;
grant usage on schema api to tn209_fault_admitted_app;

create table api.items (
    tenant_id uuid,
    id int not null,
    name text not null,
    unique (tenant_id, id)
);
alter table api.items owner to tn209_fault_admitted_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');
insert into api.items (id, name)
values (3, 'of nobody');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn209_fault_admitted_app
    using (tenant_id is not distinct from (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn209_fault_admitted_app;
