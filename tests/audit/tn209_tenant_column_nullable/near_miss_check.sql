-- A check says what the column does not.
-- request role: tn209_near_miss_check_app
-- declare: tenant api.items tenant_id

create role tn209_near_miss_check_app login password 'app';
create role tn209_near_miss_check_owner nologin;
create schema api authorization tn209_near_miss_check_owner;
grant usage on schema api to tn209_near_miss_check_app;
create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn209_near_miss_check_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to public
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn209_near_miss_check_app;
alter table api.items drop constraint items_pkey;
alter table api.items alter tenant_id drop not null;
alter table api.items add constraint tenant_known check (tenant_id is not null);
create index on api.items (tenant_id);
