-- The policy is true of what it says, which is nothing.
-- request role: tn301_fault_constant_app
-- declare: tenant api.items tenant_id
-- expect: error TN301 api.items/tenant
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select * from api.items

create role tn301_fault_constant_app login password 'app';
create role tn301_fault_constant_owner nologin;
create schema api authorization tn301_fault_constant_owner;
grant usage on schema api to tn301_fault_constant_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn301_fault_constant_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn301_fault_constant_app
    using (1 = 1);
grant select, insert, update, delete on api.items to tn301_fault_constant_app;
