-- A copy of a protected table, which has neither its row-level security nor its policies.
-- request role: tn201_fault_copy_app
-- declare: tenant api.items tenant_id
-- declare: tenant api.items_old tenant_id
-- expect: error TN201 api.items_old
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select * from api.items_old

create role tn201_fault_copy_app login password 'app';
create role tn201_fault_copy_owner nologin;
create schema api authorization tn201_fault_copy_owner;
grant usage on schema api to tn201_fault_copy_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn201_fault_copy_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn201_fault_copy_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn201_fault_copy_app;

create table api.items_old as
select *
from api.items;
alter table api.items_old alter column tenant_id set not null;
alter table api.items_old owner to tn201_fault_copy_owner;
grant select on api.items_old to tn201_fault_copy_app;
