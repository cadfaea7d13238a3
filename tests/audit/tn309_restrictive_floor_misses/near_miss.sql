-- The floor is for SELECT, and nothing else is granted.
-- request role: tn309_near_miss_app
-- declare: tenant api.items tenant_id

create role tn309_near_miss_app login password 'app';
create role tn309_near_miss_owner nologin;
create schema api authorization tn309_near_miss_owner;
grant usage on schema api to tn309_near_miss_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn309_near_miss_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy everything on api.items
    for select
    to public
    using (true);
create policy floor on api.items
    as restrictive
    for select
    to public
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select on api.items to tn309_near_miss_app;
