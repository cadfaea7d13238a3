-- The function is nobody for a while, and then the tenant again that it was.
-- request role: tn409_near_miss_kept_app
-- declare: tenant api.items tenant_id

create role tn409_near_miss_kept_app login password 'app';
create role tn409_near_miss_kept_owner nologin;
create schema api authorization tn409_near_miss_kept_owner;
grant usage on schema api to tn409_near_miss_kept_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn409_near_miss_kept_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn409_near_miss_kept_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn409_near_miss_kept_app;
create function api.nobody()
returns bigint
language plpgsql
set search_path = ''
as $$
declare
    tenant constant text := pg_catalog.current_setting('app.current_tenant_id', true);
    counted bigint;
begin
    perform pg_catalog.set_config('app.current_tenant_id', '', true);
    select count(*) into counted from api.items;
    perform pg_catalog.set_config('app.current_tenant_id', tenant, true);
    return counted;
end
$$;
alter function api.nobody() owner to tn409_near_miss_kept_owner;
