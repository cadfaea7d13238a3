-- A column of a catalog type that points at a relation, not at a large object.
-- request role: tn211_near_miss_app
-- declare: tenant api.items tenant_id

create role tn211_near_miss_app login password 'app';
create role tn211_near_miss_owner nologin;
create schema api authorization tn211_near_miss_owner;
grant usage on schema api to tn211_near_miss_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    content regclass,
    primary key (tenant_id, id)
);
alter table api.items owner to tn211_near_miss_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn211_near_miss_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn211_near_miss_app;
