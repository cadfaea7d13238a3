-- Unique among all tenants, and not the request role's to write.
-- request role: tn603_near_miss_app
-- declare: tenant api.items tenant_id

create role tn603_near_miss_app login password 'app';
create role tn603_near_miss_owner nologin;
create schema api authorization tn603_near_miss_owner;
grant usage on schema api to tn603_near_miss_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    slug text not null default gen_random_uuid(),
    primary key (tenant_id, id),
    constraint items_slug unique (slug)
);
alter table api.items owner to tn603_near_miss_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');
update api.items
set slug = name;

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn603_near_miss_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, delete on api.items to tn603_near_miss_app;
grant insert (tenant_id, id, name), update (name) on api.items to tn603_near_miss_app;
