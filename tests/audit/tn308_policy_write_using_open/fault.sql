-- Any row may be updated, if it becomes the tenant's: it is stolen.
-- request role: tn308_fault_app
-- declare: tenant api.items tenant_id
-- expect: error TN308 api.items/changing
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   update api.items set tenant_id = '99999999-0000-4000-8000-000000000009'

create role tn308_fault_app login password 'app';
create role tn308_fault_owner nologin;
create schema api authorization tn308_fault_owner;
grant usage on schema api to tn308_fault_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn308_fault_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy reading on api.items
    for select
    to tn308_fault_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
create policy changing on api.items
    for update
    to tn308_fault_app
    using (true)
    with check (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn308_fault_app;
