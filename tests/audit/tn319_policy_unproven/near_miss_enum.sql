-- The tenant is one of an enumeration.
-- request role: tn319_near_miss_enum_app
-- declare: tenant api.items tenant_id

create role tn319_near_miss_enum_app login password 'app';
create role tn319_near_miss_enum_owner nologin;
create schema api authorization tn319_near_miss_enum_owner;
grant usage on schema api to tn319_near_miss_enum_app;

create type api.tenant_name as enum ('aaaaaaaa-0000-4000-8000-000000000001', 'bbbbbbbb-0000-4000-8000-000000000002');
create table api.items (
    tenant_id api.tenant_name not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn319_near_miss_enum_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn319_near_miss_enum_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::api.tenant_name));
grant select, insert, update, delete on api.items to tn319_near_miss_enum_app;
