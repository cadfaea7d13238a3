-- The request role inherits from the role that sees everything.
-- request role: tn318_fault_inherited_app
-- declare: tenant api.items tenant_id
-- expect: error TN318 api.items/administrators
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select * from api.items

create role tn318_fault_inherited_app login password 'app';
create role tn318_fault_inherited_owner nologin;
create schema api authorization tn318_fault_inherited_owner;
grant usage on schema api to tn318_fault_inherited_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn318_fault_inherited_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');
create role tn318_fault_inherited_other nologin;
grant tn318_fault_inherited_other to tn318_fault_inherited_app;

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn318_fault_inherited_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
create policy administrators on api.items
    for select
    to tn318_fault_inherited_other
    using (true);
grant select, insert, update, delete on api.items to tn318_fault_inherited_app;
