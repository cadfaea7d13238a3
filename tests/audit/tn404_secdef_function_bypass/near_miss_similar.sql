-- The function names a table whose name begins with the name of a tenant table.
-- request role: tn404_near_miss_similar_app
-- declare: tenant api.items tenant_id
-- declare: global api.items_kinds
-- expect: warning TN404 api.names()

create role tn404_near_miss_similar_app login password 'app';
create role tn404_near_miss_similar_owner nologin;
create schema api authorization tn404_near_miss_similar_owner;
grant usage on schema api to tn404_near_miss_similar_app;
create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn404_near_miss_similar_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
create policy tenant on api.items
    to tn404_near_miss_similar_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn404_near_miss_similar_app;
create table api.items_kinds (name text primary key);
alter table api.items_kinds owner to tn404_near_miss_similar_owner;
grant select on api.items_kinds to tn404_near_miss_similar_app;
create function api.names()
returns setof text
language sql
stable
security definer
set search_path = ''
as $$
    select name from api.items_kinds
$$;
alter function api.names() owner to tn404_near_miss_similar_owner;
