-- Not forced, of a global table, whose rows are the same for everybody.
-- request role: tn203_near_miss_app
-- declare: global api.items
-- open: the rows are for all tenants

create role tn203_near_miss_app login password 'app';
create role tn203_near_miss_owner nologin;
create schema api authorization tn203_near_miss_owner;
grant usage on schema api to tn203_near_miss_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn203_near_miss_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
create policy readers on api.items
    for select
    to tn203_near_miss_app
    using (true);
grant select on api.items to tn203_near_miss_app;
