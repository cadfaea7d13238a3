-- The right comes through a group.
-- request role: tn201_fault_group_app
-- declare: tenant api.items tenant_id
-- expect: error TN201 api.items
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select * from api.items

create role tn201_fault_group_app login password 'app';
create role tn201_fault_group_owner nologin;
create schema api authorization tn201_fault_group_owner;
grant usage on schema api to tn201_fault_group_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn201_fault_group_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');
create role tn201_fault_group_mid nologin;
grant tn201_fault_group_mid to tn201_fault_group_app;
grant select on api.items to tn201_fault_group_mid;
