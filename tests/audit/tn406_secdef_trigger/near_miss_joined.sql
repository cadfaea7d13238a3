-- What the triggers read and write is tied to the tenant of the rows that were written.
-- request role: tn406_near_miss_joined_app
-- declare: tenant api.items tenant_id
-- declare: tenant api.orders tenant_id
-- declare: tenant api.tenants id
-- expect: advice TN406 api.items/record_all
-- expect: advice TN406 api.items/rename_all

create role tn406_near_miss_joined_app login password 'app';
create role tn406_near_miss_joined_owner nologin;
create schema api authorization tn406_near_miss_joined_owner;
grant usage on schema api to tn406_near_miss_joined_app;
create table api.items (
    tenant_id uuid not null,
    id int not null,
    parent_id int,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn406_near_miss_joined_owner;
create table api.orders (
    tenant_id uuid not null,
    id int not null,
    item_id int not null,
    customer text not null,
    primary key (tenant_id, id)
);
alter table api.orders owner to tn406_near_miss_joined_owner;
create table api.tenants (id uuid primary key, name text not null);
alter table api.tenants owner to tn406_near_miss_joined_owner;
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
    to tn406_near_miss_joined_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
alter table api.orders enable row level security;
create policy tenant on api.orders
    to tn406_near_miss_joined_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
alter table api.tenants enable row level security;
create policy tenant on api.tenants
    to tn406_near_miss_joined_app
    using (id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items, api.orders to tn406_near_miss_joined_app;
grant select on api.tenants to tn406_near_miss_joined_app;
create function api.tenant()
returns uuid
language sql
stable
set search_path = ''
as $$
    select nullif(current_setting('app.current_tenant_id', true), '')::uuid
$$;
create function api.record_all()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
    insert into api.orders (tenant_id, id, item_id, customer)
    select n.tenant_id, n.id, n.id, 'of ' || t.name
    from written as n
    join api.tenants as t on t.id = n.tenant_id
    on conflict (tenant_id, id) do update set customer = excluded.customer;
    return null;
end
$$;
alter function api.record_all() owner to tn406_near_miss_joined_owner;
create trigger record_all after insert on api.items
    referencing new table as written
    for each statement execute function api.record_all();
create function api.rename_all()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
    update api.orders as o
    set customer = i.name
    from api.items as i
    where i.tenant_id = new.tenant_id and i.id = new.id and o.tenant_id = i.tenant_id and o.item_id = i.id;
    return null;
end
$$;
alter function api.rename_all() owner to tn406_near_miss_joined_owner;
create trigger rename_all after update on api.items for each row execute function api.rename_all();
