-- The key is made by Postgres and cannot be guessed.
-- request role: tn603_near_miss_uuid_app
-- declare: tenant api.items tenant_id
-- expect: advice TN603 api.items_pkey

create role tn603_near_miss_uuid_app login password 'app';
create role tn603_near_miss_uuid_owner nologin;
create schema api authorization tn603_near_miss_uuid_owner;
grant usage on schema api to tn603_near_miss_uuid_app;

create table api.items (
    tenant_id uuid not null,
    id uuid not null default gen_random_uuid(),
    name text not null,
    primary key (id),
    unique (tenant_id, id)
);
alter table api.items owner to tn603_near_miss_uuid_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 'aaaaaaaa-0000-4000-8000-000000000001', 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 'bbbbbbbb-0000-4000-8000-000000000002', 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn603_near_miss_uuid_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn603_near_miss_uuid_app;
