-- IS NOT DISTINCT FROM is = where the column is never null.
-- request role: tn306_near_miss_not_null_app
-- declare: tenant api.items tenant_id

create role tn306_near_miss_not_null_app login password 'app';
create role tn306_near_miss_not_null_owner nologin;
create schema api authorization tn306_near_miss_not_null_owner;
grant usage on schema api to tn306_near_miss_not_null_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn306_near_miss_not_null_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn306_near_miss_not_null_app
    using (tenant_id is not distinct from (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn306_near_miss_not_null_app;
