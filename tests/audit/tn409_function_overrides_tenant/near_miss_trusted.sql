-- Somebody vouches for what sets the tenant.
-- request role: tn409_near_miss_trusted_app
-- declare: tenant api.items tenant_id
-- trust: api.names(uuid)

create role tn409_near_miss_trusted_app login password 'app';
create role tn409_near_miss_trusted_owner nologin;
create schema api authorization tn409_near_miss_trusted_owner;
grant usage on schema api to tn409_near_miss_trusted_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn409_near_miss_trusted_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn409_near_miss_trusted_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn409_near_miss_trusted_app;
create function api.names(tenant uuid)
returns setof text
language plpgsql
set search_path = ''
as $$
begin
    if tenant is distinct from nullif(current_setting('app.current_tenant_id', true), '')::uuid then
        raise 'not yours';
    end if;
    perform pg_catalog.set_config('app.current_tenant_id', tenant::text, true);
    return query select i.name from api.items as i;
end
$$;
alter function api.names(uuid) owner to tn409_near_miss_trusted_owner;
