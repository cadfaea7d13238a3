-- A policy shows the owner everything, and what runs as the owner reads another table, which is the same for all.
-- request role: tn318_near_miss_door_app
-- declare: tenant api.items tenant_id
-- declare: global api.countries

create role tn318_near_miss_door_app login password 'app';
create role tn318_near_miss_door_owner nologin;
create schema api authorization tn318_near_miss_door_owner;
grant usage on schema api to tn318_near_miss_door_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn318_near_miss_door_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn318_near_miss_door_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn318_near_miss_door_app;
create policy migrations on api.items
    for select
    to tn318_near_miss_door_owner
    using (true);
create table api.countries (code text primary key);
alter table api.countries owner to tn318_near_miss_door_owner;
create view api.codes as
select code
from api.countries;
alter view api.codes owner to tn318_near_miss_door_owner;
grant select on api.codes to tn318_near_miss_door_app;
