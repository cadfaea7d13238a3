-- The functions compare the tenant wherever they name the table.
-- request role: tn404_near_miss_scoped_app
-- declare: tenant api.items tenant_id
-- expect: advice TN404 api.names()
-- expect: advice TN404 api.rename(integer, text)
-- expect: advice TN404 api.items_n()

create role tn404_near_miss_scoped_app login password 'app';
create role tn404_near_miss_scoped_owner nologin;
create schema api authorization tn404_near_miss_scoped_owner;
grant usage on schema api to tn404_near_miss_scoped_app;
create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn404_near_miss_scoped_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
create policy tenant on api.items
    to tn404_near_miss_scoped_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn404_near_miss_scoped_app;
create function api.names()
returns setof text
language sql
stable
security definer
set search_path = ''
as $$
    select i.name from api.items as i where i.tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid) and i.id > 0 order by i.name
$$;
alter function api.names() owner to tn404_near_miss_scoped_owner;
create function api.rename(item int, new_name text)
returns text
language plpgsql
security definer
set search_path = ''
as $$
declare
    tenant uuid := nullif(current_setting('app.current_tenant_id', true), '')::uuid;
    changed api.items%rowtype;
begin
    if not exists (select 1 from api.items as i where i.tenant_id = tenant and i.id = item) then
        raise exception 'no such item';
    end if;
    update api.items as i set name = new_name where i.id = item and i.tenant_id = tenant;
    select * into changed from api.items as i where i.tenant_id = tenant and i.id = item;
    return changed.name;
end
$$;
alter function api.rename(item int, new_name text) owner to tn404_near_miss_scoped_owner;
create function api.items_n()
returns bigint
language sql
stable
security definer
return (select count(*) from api.items where tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
alter function api.items_n() owner to tn404_near_miss_scoped_owner;
