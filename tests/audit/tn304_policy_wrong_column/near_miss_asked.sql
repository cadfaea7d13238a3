-- The tenant is compared with another table's column, and the row's tenant is looked for there.
-- request role: tn304_near_miss_asked_app
-- declare: tenant api.items tenant_id
-- declare: global api.tenants
-- expect: warning TN319 api.items/tenant

create role tn304_near_miss_asked_app login password 'app';
create role tn304_near_miss_asked_owner nologin;
create schema api authorization tn304_near_miss_asked_owner;
grant usage on schema api to tn304_near_miss_asked_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn304_near_miss_asked_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');
create table api.tenants (id uuid primary key);
alter table api.tenants owner to tn304_near_miss_asked_owner;
insert into api.tenants (id)
values
    ('aaaaaaaa-0000-4000-8000-000000000001'),
    ('bbbbbbbb-0000-4000-8000-000000000002');
grant select on api.tenants to tn304_near_miss_asked_app;

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn304_near_miss_asked_app
    using (tenant_id in (select t.id from api.tenants as t where t.id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid)));
grant select, insert, update, delete on api.items to tn304_near_miss_asked_app;
