-- The function sets the tenant for the transaction, and does nothing behind that.
-- request role: tn702_near_miss_app
-- declare: tenant api.items tenant_id
-- expect: warning TN409 api.enter(uuid)

create role tn702_near_miss_app login password 'app';
create role tn702_near_miss_owner nologin;
create schema api authorization tn702_near_miss_owner;
grant usage on schema api to tn702_near_miss_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn702_near_miss_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn702_near_miss_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn702_near_miss_app;
create function api.enter(tenant uuid)
returns void
language plpgsql
set search_path = ''
as $$
    begin
        perform pg_catalog.set_config('app.current_tenant_id', tenant::text, true);
    end
$$;
alter function api.enter(uuid) owner to tn702_near_miss_owner;
