-- The same question, of a table that shows the tenant of the request alone, and is not declared.
-- request role: tn319_near_miss_asks_app
-- declare: tenant api.items tenant_id
-- expect: warning TN206 api.tenants
-- expect: warning TN319 api.items/tenant

create role tn319_near_miss_asks_app login password 'app';
create role tn319_near_miss_asks_owner nologin;
create schema api authorization tn319_near_miss_asks_owner;
grant usage on schema api to tn319_near_miss_asks_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn319_near_miss_asks_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');
create table api.tenants (id uuid primary key);
alter table api.tenants owner to tn319_near_miss_asks_owner;
insert into api.tenants (id)
values
    ('aaaaaaaa-0000-4000-8000-000000000001'),
    ('bbbbbbbb-0000-4000-8000-000000000002');
grant select on api.tenants to tn319_near_miss_asks_app;
alter table api.tenants enable row level security;
alter table api.tenants force row level security;
create policy tenant on api.tenants
    to tn319_near_miss_asks_app
    using (id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn319_near_miss_asks_app
    using (tenant_id in (select t.id from api.tenants as t));
grant select, insert, update, delete on api.items to tn319_near_miss_asks_app;
