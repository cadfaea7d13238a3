-- The function compares the tenant, too, which nobody has said.
-- request role: tn314_near_miss_function_app
-- declare: tenant api.items tenant_id
-- declare: global api.memberships
-- expect: warning TN319 api.items/tenant

create role tn314_near_miss_function_app login password 'app';
create role tn314_near_miss_function_owner nologin;
create schema api authorization tn314_near_miss_function_owner;
grant usage on schema api to tn314_near_miss_function_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn314_near_miss_function_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');
create table api.memberships (
    tenant_id uuid not null,
    person text not null,
    primary key (tenant_id, person)
);
alter table api.memberships owner to tn314_near_miss_function_owner;
grant select, insert on api.memberships to tn314_near_miss_function_app;
create function api.is_member(owner uuid, tenant uuid)
returns boolean
language sql
stable
set search_path = ''
as $$
    select owner = tenant and exists (
        select
        from api.memberships as m
        where m.tenant_id = owner
            and m.person = current_setting('app.current_user_id', true)
    )
$$;
alter function api.is_member(uuid, uuid) owner to tn314_near_miss_function_owner;

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn314_near_miss_function_app
    using (api.is_member(tenant_id, (select nullif(current_setting('app.current_tenant_id', true), '')::uuid)));
grant select, insert, update, delete on api.items to tn314_near_miss_function_app;
