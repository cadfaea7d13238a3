-- The policy compares the tenant, and asks the written table a further question.
-- request role: tn314_near_miss_app
-- declare: tenant api.items tenant_id
-- declare: tenant api.memberships tenant_id

create role tn314_near_miss_app login password 'app';
create role tn314_near_miss_owner nologin;
create schema api authorization tn314_near_miss_owner;
grant usage on schema api to tn314_near_miss_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn314_near_miss_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

create table api.memberships (
    tenant_id uuid not null,
    user_id text not null,
    primary key (tenant_id, user_id)
);
alter table api.memberships owner to tn314_near_miss_owner;
insert into api.memberships (tenant_id, user_id)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 'ann'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 'bob');
alter table api.memberships enable row level security;
alter table api.memberships force row level security;
create policy tenant on api.memberships
    to tn314_near_miss_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert on api.memberships to tn314_near_miss_app;

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn314_near_miss_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid) and exists (
        select
        from api.memberships as m
        where m.tenant_id = items.tenant_id
    ));
grant select, insert, update, delete on api.items to tn314_near_miss_app;
