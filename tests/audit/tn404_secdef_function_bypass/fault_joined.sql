-- One table of each of these is not tied to the tenant.
-- request role: tn404_fault_joined_app
-- declare: tenant api.items tenant_id
-- declare: tenant api.orders tenant_id
-- declare: tenant api.tenants id
-- expect: error TN203 api.items
-- expect: error TN203 api.orders
-- expect: error TN203 api.tenants
-- expect: error TN404 api.joined()
-- expect: error TN404 api.outer_joined()
-- expect: error TN404 api.within()
-- expect: error TN404 api.outside()
-- expect: error TN404 api.united()
-- expect: error TN404 api.given(uuid)
-- expect: error TN404 api.looped()
-- expect: error TN404 api.commented()
-- expect: error TN404 api.rowed(api.orders)
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   insert into api.items (tenant_id, id, name)
--   values ('99999999-0000-4000-8000-000000000009', 1, 'mine')
--   on conflict do nothing;
--   select 1 from api.joined() as n (name) where n.name like '%of tenant%'
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select 1 from api.outer_joined() as n (name) where n.name like '%of tenant%'
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   insert into api.items (tenant_id, id, name)
--   values ('99999999-0000-4000-8000-000000000009', 1, 'mine')
--   on conflict do nothing;
--   select 1 from api.within() as n (name) where n.name like '%of tenant%'
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select 1 from api.outside() as n (name) where n.name like '%of tenant%'
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select 1 from api.united() as n (name) where n.name like '%of tenant%'
-- leak: select 1 from api.given('bbbbbbbb-0000-4000-8000-000000000002') as n (name) where n.name like '%of tenant%'
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select 1 from api.looped() as n (name) where n.name like '%of tenant%'
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select 1 from api.commented() as n (name) where n.name like '%of tenant%'
-- leak: select 1
--   from api.rowed(row('bbbbbbbb-0000-4000-8000-000000000002', 1, 1, 'x')) as n (name)
--   where n.name like '%of tenant%'

create role tn404_fault_joined_app login password 'app';
create role tn404_fault_joined_owner nologin;
create schema api authorization tn404_fault_joined_owner;
grant usage on schema api to tn404_fault_joined_app;
create table api.items (
    tenant_id uuid not null,
    id int not null,
    parent_id int,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn404_fault_joined_owner;
create table api.orders (
    tenant_id uuid not null,
    id int not null,
    item_id int not null,
    customer text not null,
    primary key (tenant_id, id)
);
alter table api.orders owner to tn404_fault_joined_owner;
create table api.tenants (id uuid primary key, name text not null);
alter table api.tenants owner to tn404_fault_joined_owner;
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
    to tn404_fault_joined_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
alter table api.orders enable row level security;
create policy tenant on api.orders
    to tn404_fault_joined_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
alter table api.tenants enable row level security;
create policy tenant on api.tenants
    to tn404_fault_joined_app
    using (id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items, api.orders to tn404_fault_joined_app;
grant select on api.tenants to tn404_fault_joined_app;
create function api.tenant()
returns uuid
language sql
stable
set search_path = ''
as $$
    select nullif(current_setting('app.current_tenant_id', true), '')::uuid
$$;
create function api.joined()
returns setof text
language sql
stable
security definer
set search_path = ''
as $$
    select o.customer from api.items as i join api.orders as o on o.item_id = i.id where i.tenant_id = api.tenant()
$$;
alter function api.joined() owner to tn404_fault_joined_owner;
create function api.outer_joined()
returns setof text
language sql
stable
security definer
set search_path = ''
as $$
    select i.name from api.items as i left join api.orders as o on i.tenant_id = api.tenant() and o.tenant_id = api.tenant()
$$;
alter function api.outer_joined() owner to tn404_fault_joined_owner;
create function api.within()
returns setof text
language sql
stable
security definer
set search_path = ''
as $$
    select (select string_agg(o.customer, ', ') from api.orders as o where o.item_id = i.id)
    from api.items as i
    where i.tenant_id = api.tenant()
$$;
alter function api.within() owner to tn404_fault_joined_owner;
create function api.outside()
returns setof text
language sql
stable
security definer
set search_path = ''
as $$
    select (select max(o.customer) from api.orders as o where o.tenant_id = i.tenant_id) from api.items as i
$$;
alter function api.outside() owner to tn404_fault_joined_owner;
create function api.united()
returns setof text
language sql
stable
security definer
set search_path = ''
as $$
    select i.name from api.items as i where i.tenant_id = api.tenant() union all select o.customer from api.orders as o
$$;
alter function api.united() owner to tn404_fault_joined_owner;
create function api.given(tenant uuid)
returns setof text
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
    if tenant <> api.tenant() then
        raise exception 'not yours';
    end if;
    return query select i.name from api.items as i where i.tenant_id = tenant;
end
$$;
alter function api.given(tenant uuid) owner to tn404_fault_joined_owner;
create function api.looped()
returns setof text
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    r record;
begin
    for r in select t.id as tenant_id from api.tenants as t loop
        return query select i.name from api.items as i where i.tenant_id = r.tenant_id;
    end loop;
end
$$;
alter function api.looped() owner to tn404_fault_joined_owner;
create function api.commented()
returns setof text
language sql
stable
security definer
set search_path = ''
as $$
    select i.name from api.items as i /* /* */ where i.tenant_id = api.tenant() -- */
$$;
alter function api.commented() owner to tn404_fault_joined_owner;
create function api.rowed(r api.orders)
returns setof text
language plpgsql
security definer
set search_path = ''
as $$
begin
    return query select i.name from api.items as i where i.tenant_id = r.tenant_id;
    select * into r from api.orders as o where o.tenant_id = api.tenant();
end
$$;
alter function api.rowed(r api.orders) owner to tn404_fault_joined_owner;
