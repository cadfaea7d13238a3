-- The rule does nothing, on a table that is not forced.
-- request role: tn407_near_miss_nothing_app
-- declare: tenant api.items tenant_id

create role tn407_near_miss_nothing_app login password 'app';
create role tn407_near_miss_nothing_owner nologin;
create schema api authorization tn407_near_miss_nothing_owner;
grant usage on schema api to tn407_near_miss_nothing_app;
create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn407_near_miss_nothing_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
create policy tenant on api.items
    to tn407_near_miss_nothing_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn407_near_miss_nothing_app;
create rule keeping as on delete to api.items do instead nothing;
