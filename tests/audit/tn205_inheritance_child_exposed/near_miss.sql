-- The child is granted, and has row-level security and a policy of its own.
-- request role: tn205_near_miss_app
-- declare: tenant api.items tenant_id

create role tn205_near_miss_app login password 'app';
create role tn205_near_miss_owner nologin;
create schema api authorization tn205_near_miss_owner;
grant usage on schema api to tn205_near_miss_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn205_near_miss_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn205_near_miss_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn205_near_miss_app;

create table api.items_1 (
    note text,
    primary key (tenant_id, id)
) inherits (api.items);
alter table api.items_1 owner to tn205_near_miss_owner;
insert into api.items_1 (tenant_id, id, name)
values ('bbbbbbbb-0000-4000-8000-000000000002', 3, 'of tenant B');
grant select on api.items_1 to tn205_near_miss_app;
alter table api.items_1 enable row level security;
alter table api.items_1 force row level security;
create policy tenant on api.items_1
    to tn205_near_miss_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
