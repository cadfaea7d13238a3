-- Everything is shown to a role that the request role cannot become.
-- request role: tn301_near_miss_role_app
-- declare: tenant api.items tenant_id

create role tn301_near_miss_role_app login password 'app';
create role tn301_near_miss_role_owner nologin;
create schema api authorization tn301_near_miss_role_owner;
grant usage on schema api to tn301_near_miss_role_app;
create role tn301_near_miss_role_other nologin;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn301_near_miss_role_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn301_near_miss_role_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
create policy support on api.items
    to tn301_near_miss_role_other
    using (true);
grant select, insert, update, delete on api.items to tn301_near_miss_role_app;
