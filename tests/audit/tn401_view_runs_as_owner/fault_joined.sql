-- The view asks for the tenant of one table, and joins another of everybody.
-- request role: tn401_fault_joined_app
-- declare: tenant api.items tenant_id
-- declare: tenant api.orders tenant_id
-- declare: tenant api.tenants id
-- expect: error TN203 api.items
-- expect: error TN203 api.orders
-- expect: error TN203 api.tenants
-- expect: error TN401 api.bought
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   insert into api.orders (tenant_id, id, item_id, customer)
--   values ('99999999-0000-4000-8000-000000000009', 1, 1, 'mine');
--   select 1 from api.bought as b where b.name like '%of tenant%'

create role tn401_fault_joined_app login password 'app';
create role tn401_fault_joined_owner nologin;
create schema api authorization tn401_fault_joined_owner;
grant usage on schema api to tn401_fault_joined_app;
create table api.items (
    tenant_id uuid not null,
    id int not null,
    parent_id int,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn401_fault_joined_owner;
create table api.orders (
    tenant_id uuid not null,
    id int not null,
    item_id int not null,
    customer text not null,
    primary key (tenant_id, id)
);
alter table api.orders owner to tn401_fault_joined_owner;
create table api.tenants (id uuid primary key, name text not null);
alter table api.tenants owner to tn401_fault_joined_owner;
insert into api.items (tenant_id, id, parent_id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, null, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 1, null, 'of tenant B');
insert into api.orders (tenant_id, id, item_id, customer)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 1, 1, 'of tenant B');
insert into api.tenants (id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 'of tenant B');

alter table api.items enable row level security;
create policy tenant on api.items
    to tn401_fault_joined_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
alter table api.orders enable row level security;
create policy tenant on api.orders
    to tn401_fault_joined_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
alter table api.tenants enable row level security;
create policy tenant on api.tenants
    to tn401_fault_joined_app
    using (id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items, api.orders to tn401_fault_joined_app;
grant select on api.tenants to tn401_fault_joined_app;
create function api.tenant()
returns uuid
language sql
stable
set search_path = ''
as $$
    select nullif(current_setting('app.current_tenant_id', true), '')::uuid
$$;
create view api.bought with (security_barrier) as
select o.customer, i.name
from api.orders as o
join api.items as i on i.id = o.item_id
left join api.tenants as t on t.id = o.tenant_id
where o.tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid);
alter view api.bought owner to tn401_fault_joined_owner;
grant select on api.bought to tn401_fault_joined_app;
