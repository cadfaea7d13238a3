-- The floor lets any new row through, and what stands above it does not look at the tenant.
-- request role: tn307_fault_floor_app
-- declare: tenant api.items tenant_id
-- expect: error TN307 api.items/active
-- expect: error TN309 api.items/tenant
-- leak: set app.current_tenant_id = 'aaaaaaaa-0000-4000-8000-000000000001';
--   insert into api.items values ('bbbbbbbb-0000-4000-8000-000000000002', 3, 'planted')

create role tn307_fault_floor_app login password 'app';
create role tn307_fault_floor_owner nologin;
create schema api authorization tn307_fault_floor_owner;
grant usage on schema api to tn307_fault_floor_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn307_fault_floor_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy active on api.items
    to tn307_fault_floor_app
    using (name <> 'deleted');
create policy tenant on api.items
    as restrictive
    to public
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid))
    with check (true);
grant select, insert, update, delete on api.items to tn307_fault_floor_app;
