-- Each of these asks for the tenant, or seems to, and reads every tenant's rows.
-- request role: tn404_fault_disguised_app
-- declare: tenant api.items tenant_id
-- declare: tenant api.orders tenant_id
-- expect: error TN203 api.items
-- expect: error TN203 api.orders
-- expect: error TN404 api.circular()
-- expect: error TN404 api.circular_beside()
-- expect: error TN404 api.labelled()
-- expect: error TN404 api.renamed()
-- expect: error TN404 api.ended()
-- expect: error TN404 api.reassigned(uuid)
-- expect: error TN404 api.told()
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select 1 from api.circular() as n (name) where n.name like '%of tenant%'
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select 1 from api.circular_beside() as n (name) where n.name like '%of tenant%'
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select 1 from api.labelled() as n (name) where n.name like '%of tenant%'
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select 1 from api.renamed() as n (name) where n.name like '%of tenant%'
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select 1 from api.ended() as n (name) where n.name like '%of tenant%'
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select 1 from api.reassigned('99999999-0000-4000-8000-000000000009') as n (name) where n.name like '%of tenant%'
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select 1 from api.told() as n (name) where n.name like '%of tenant%'

create role tn404_fault_disguised_app login password 'app';
create role tn404_fault_disguised_owner nologin;
create schema api authorization tn404_fault_disguised_owner;
grant usage on schema api to tn404_fault_disguised_app;
create table api.items (
    tenant_id uuid not null,
    name text not null,
    id int not null,
    begin int,
    payer uuid default '99999999-0000-4000-8000-000000000009',
    primary key (tenant_id, id)
);
alter table api.items owner to tn404_fault_disguised_owner;
create table api.orders (
    tenant_id uuid not null,
    id int not null,
    customer text not null,
    primary key (tenant_id, id)
);
alter table api.orders owner to tn404_fault_disguised_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 1, 'of tenant B');
insert into api.orders (tenant_id, id, customer)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 1, 'of tenant B');

alter table api.items enable row level security;
create policy tenant on api.items
    to tn404_fault_disguised_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
alter table api.orders enable row level security;
create policy tenant on api.orders
    to tn404_fault_disguised_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items, api.orders to tn404_fault_disguised_app;
create function api.tenant()
returns uuid
language sql
stable
set search_path = ''
as $$
    select nullif(current_setting('app.current_tenant_id', true), '')::uuid
$$;
create function api.run(query text)
returns setof text
language plpgsql
stable
set search_path = ''
as $$
begin
    return query execute query;
end
$$;
create function api.circular()
returns setof text
language sql
stable
security definer
set search_path = ''
as $$
    select i.name from api.items as i where i.tenant_id in (select o.tenant_id from api.orders as o where o.tenant_id = i.tenant_id)
$$;
alter function api.circular() owner to tn404_fault_disguised_owner;
create function api.circular_beside()
returns setof text
language sql
stable
security definer
set search_path = ''
as $$
    select x.customer
    from api.items as i
    join lateral (select o.tenant_id, o.customer from api.orders as o where o.tenant_id = i.tenant_id limit 1) as x
        on x.tenant_id = i.tenant_id
$$;
alter function api.circular_beside() owner to tn404_fault_disguised_owner;
create function api.labelled()
returns setof text
language sql
stable
security definer
set search_path = ''
as $$
    select i.name as "limit" from api.items as i
$$;
alter function api.labelled() owner to tn404_fault_disguised_owner;
create function api.renamed()
returns setof text
language sql
stable
security definer
set search_path = ''
as $$
    select i.b from api.items as i (a, b, c, d, tenant_id) where i.tenant_id = api.tenant()
$$;
alter function api.renamed() owner to tn404_fault_disguised_owner;
create function api.ended()
returns setof text
language sql
stable
security definer
set search_path = ''
as $$
    select i.name from api.items as i where i.tenant_id = api.tenant() and i.begin = 5 or true
$$;
alter function api.ended() owner to tn404_fault_disguised_owner;
create function api.reassigned(tenant uuid)
returns setof text
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
    if tenant is distinct from api.tenant() then
        raise exception 'not yours';
    end if;
    reassigned.tenant = 'bbbbbbbb-0000-4000-8000-000000000002';
    return query select i.name from api.items as i where i.tenant_id = tenant;
end
$$;
alter function api.reassigned(uuid) owner to tn404_fault_disguised_owner;
create function api.told()
returns setof text
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
    return query select * from api.run('select name from api.items');
end
$$;
alter function api.told() owner to tn404_fault_disguised_owner;
