-- The right is of a group that the request role may become and does not inherit; the group is bound by the same policy.
-- request role: tn201_near_miss_group_app
-- declare: tenant api.items tenant_id

create role tn201_near_miss_group_app login noinherit password 'app';
create role tn201_near_miss_group_owner nologin;
create schema api authorization tn201_near_miss_group_owner;
grant usage on schema api to tn201_near_miss_group_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn201_near_miss_group_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn201_near_miss_group_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn201_near_miss_group_app;
create role tn201_near_miss_group_mid nologin;
grant tn201_near_miss_group_mid to tn201_near_miss_group_app;
grant usage on schema api to tn201_near_miss_group_mid;
grant select on api.items to tn201_near_miss_group_mid;
create policy tenant_group on api.items
    to tn201_near_miss_group_mid
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
