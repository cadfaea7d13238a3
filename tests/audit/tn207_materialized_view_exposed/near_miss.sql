-- The materialized view reads a global table alone.
-- request role: tn207_near_miss_app
-- declare: tenant api.items tenant_id
-- declare: global api.countries
-- declare: global api.names
-- open: countries are the same for all tenants

create role tn207_near_miss_app login password 'app';
create role tn207_near_miss_owner nologin;
create schema api authorization tn207_near_miss_owner;
grant usage on schema api to tn207_near_miss_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn207_near_miss_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn207_near_miss_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn207_near_miss_app;

create table api.countries (
    name text primary key
);
alter table api.countries owner to tn207_near_miss_owner;
insert into api.countries (name)
values ('Greece');
grant select on api.countries to tn207_near_miss_app;
create materialized view api.names as
select name
from api.countries;
alter materialized view api.names owner to tn207_near_miss_owner;
grant select on api.names to tn207_near_miss_app;
