-- The tenant is looked for in another column.
-- request role: tn304_fault_array_app
-- declare: tenant api.items tenant_id
-- expect: error TN304 api.items/tenant
-- leak: set app.current_tenant_id = 'aaaaaaaa-0000-4000-8000-000000000001';
--   select * from api.items where tenant_id = 'bbbbbbbb-0000-4000-8000-000000000002'

create role tn304_fault_array_app login password 'app';
create role tn304_fault_array_owner nologin;
create schema api authorization tn304_fault_array_owner;
grant usage on schema api to tn304_fault_array_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn304_fault_array_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');
alter table api.items add column shared_with uuid[] not null default '{aaaaaaaa-0000-4000-8000-000000000001}';

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn304_fault_array_app
    using (shared_with @> array[nullif(current_setting('app.current_tenant_id', true), '')::uuid]);
grant select, insert, update, delete on api.items to tn304_fault_array_app;
