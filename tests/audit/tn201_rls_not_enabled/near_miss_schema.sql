-- Granted, in a schema that the request role may not use.
-- request role: tn201_near_miss_schema_app
-- declare: tenant api.items tenant_id

create role tn201_near_miss_schema_app login password 'app';
create role tn201_near_miss_schema_owner nologin;
create schema api authorization tn201_near_miss_schema_owner;
grant usage on schema api to tn201_near_miss_schema_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn201_near_miss_schema_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');
grant select, insert, update, delete on api.items to tn201_near_miss_schema_app;
revoke usage on schema api from tn201_near_miss_schema_app;
