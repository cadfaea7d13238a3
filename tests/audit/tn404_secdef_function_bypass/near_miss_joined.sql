-- Each table of a join, a sub-select or a common table expression is tied to the tenant, by itself or by one that is.
-- request role: tn404_near_miss_joined_app
-- declare: tenant api.items tenant_id
-- declare: tenant api.orders tenant_id
-- declare: tenant api.tenants id
-- expect: advice TN404 api.joined()
-- expect: advice TN404 api.shared()
-- expect: advice TN404 api.correlated()
-- expect: advice TN404 api.tree()
-- expect: advice TN404 api.items_of()
-- expect: advice TN404 api.stored(integer, text)
-- expect: advice TN404 api.renamed(text)
-- expect: advice TN404 api.looped()
-- expect: advice TN404 api.checked(uuid)
-- expect: advice TN404 api.written(uuid, text)
-- expect: advice TN404 api.counted()

create role tn404_near_miss_joined_app login password 'app';
create role tn404_near_miss_joined_owner nologin;
create schema api authorization tn404_near_miss_joined_owner;
grant usage on schema api to tn404_near_miss_joined_app;
create table api.items (
    tenant_id uuid not null,
    id int not null,
    parent_id int,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn404_near_miss_joined_owner;
create table api.orders (
    tenant_id uuid not null,
    id int not null,
    item_id int not null,
    customer text not null,
    primary key (tenant_id, id)
);
alter table api.orders owner to tn404_near_miss_joined_owner;
create table api.tenants (id uuid primary key, name text not null);
alter table api.tenants owner to tn404_near_miss_joined_owner;
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
    to tn404_near_miss_joined_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
alter table api.orders enable row level security;
create policy tenant on api.orders
    to tn404_near_miss_joined_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
alter table api.tenants enable row level security;
create policy tenant on api.tenants
    to tn404_near_miss_joined_app
    using (id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items, api.orders to tn404_near_miss_joined_app;
grant select on api.tenants to tn404_near_miss_joined_app;
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
    select t.name || i.name || o.customer
    from api.orders as o
    join api.items as i on (i.tenant_id = o.tenant_id and i.id = o.item_id)
    left join api.tenants as t on t.id = o.tenant_id
    where o.tenant_id = api.tenant()
$$;
alter function api.joined() owner to tn404_near_miss_joined_owner;
create function api.shared()
returns setof text
language sql
stable
security definer
set search_path = ''
as $$
    select i.name
    from api.items as i
    join api.orders as o using (tenant_id, id)
    where tenant_id = api.tenant() and i.id between 1 and 10
$$;
alter function api.shared() owner to tn404_near_miss_joined_owner;
create function api.correlated()
returns setof text
language sql
stable
security definer
set search_path = ''
as $$
    select coalesce((select max(o.customer) from api.orders as o where o.tenant_id = i.tenant_id and o.item_id = i.id), i.name)
    from api.items as i
    cross join lateral (select o.id from api.orders as o where o.tenant_id = i.tenant_id limit 1) as x
    where i.tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid)
        and exists (select from api.orders as o where o.tenant_id = i.tenant_id)
$$;
alter function api.correlated() owner to tn404_near_miss_joined_owner;
create function api.tree()
returns setof text
language sql
stable
security definer
set search_path = ''
as $$
    with recursive tree as (
        select i.tenant_id, i.id, i.name from api.items as i where i.tenant_id = api.tenant() and i.parent_id is null
        union all
        select c.tenant_id, c.id, c.name from api.items as c join tree as p on p.tenant_id = c.tenant_id and p.id = c.parent_id
    )
    select o.customer from tree as t join api.orders as o on o.tenant_id = t.tenant_id
$$;
alter function api.tree() owner to tn404_near_miss_joined_owner;
create function api.items_of()
returns setof text
language sql
stable
security definer
set search_path = ''
as $$
    with me as (select api.tenant() as id), items as (select i.name from api.items as i join me on me.id = i.tenant_id)
    select i.name from items as i
$$;
alter function api.items_of() owner to tn404_near_miss_joined_owner;
create function api.stored(item int, called text)
returns void
language sql
security definer
set search_path = ''
as $$
    insert into api.items as i (tenant_id, id, name)
    select o.tenant_id, item, called from api.orders as o where o.tenant_id = api.tenant()
    on conflict (tenant_id, id) do update set name = excluded.name where i.name <> excluded.name
$$;
alter function api.stored(item int, called text) owner to tn404_near_miss_joined_owner;
create function api.renamed(called text)
returns void
language sql
security definer
set search_path = ''
as $$
    with gone as (delete from api.orders as o where o.tenant_id = api.tenant() and o.id > 9 returning o.tenant_id, o.item_id)
    update api.items as i set name = called from gone as g where i.tenant_id = g.tenant_id and i.id = g.item_id
$$;
alter function api.renamed(called text) owner to tn404_near_miss_joined_owner;
create function api.looped()
returns setof text
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    r record;
    tenant uuid;
begin
    tenant := api.tenant();
    if tenant is null then
        raise exception 'no tenant';
    end if;
    for r in select i.tenant_id, i.id from api.items as i where i.tenant_id = tenant loop
        return query select o.customer from api.orders as o where o.tenant_id = r.tenant_id and o.item_id = r.id;
    end loop;
end
$$;
alter function api.looped() owner to tn404_near_miss_joined_owner;
create function api.checked(tenant uuid)
returns setof text
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
    if tenant is null or api.tenant() is null or tenant <> api.tenant() then
        raise exception 'not yours';
    end if;
    return query
        select o.customer
        from api.orders as o
        join api.items as i on i.tenant_id = tenant and i.id = o.item_id
        where o.tenant_id = tenant;
end
$$;
alter function api.checked(tenant uuid) owner to tn404_near_miss_joined_owner;
create function api.written(tenant_id uuid, called text)
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
    if tenant_id is distinct from api.tenant() then
        raise exception 'not yours';
    end if;
    insert into api.items (tenant_id, id, name) values (tenant_id, 99, called);
end
$$;
alter function api.written(tenant_id uuid, called text) owner to tn404_near_miss_joined_owner;
create function api.counted()
returns bigint
language sql
stable
security definer
return (
    select count(*)
    from (api.orders as o join api.items as i on i.tenant_id = o.tenant_id and i.id = o.item_id) left join api.tenants as t on t.id = i.tenant_id
    where o.tenant_id = api.tenant()
);
alter function api.counted() owner to tn404_near_miss_joined_owner;
