-- The policy itself makes the tenant of the row that of the request.
-- request role: tn317_fault_sets_itself_app
-- declare: tenant api.items tenant_id
-- expect: error TN317 api.items/tenant
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select * from api.items where tenant_id = 'bbbbbbbb-0000-4000-8000-000000000002'

create role tn317_fault_sets_itself_app login password 'app';
create role tn317_fault_sets_itself_owner nologin;
create schema api authorization tn317_fault_sets_itself_owner;
grant usage on schema api to tn317_fault_sets_itself_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn317_fault_sets_itself_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn317_fault_sets_itself_app
    using (set_config('app.current_tenant_id', tenant_id::text, true) <> '' and tenant_id::text = current_setting('app.current_tenant_id', true));
grant select, insert, update, delete on api.items to tn317_fault_sets_itself_app;
