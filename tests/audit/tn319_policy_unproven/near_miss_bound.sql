-- The function for the tenant has a bound body, which is nothing but the setting.
-- request role: tn319_near_miss_bound_app
-- declare: tenant api.items tenant_id

create role tn319_near_miss_bound_app login password 'app';
create role tn319_near_miss_bound_owner nologin;
create schema api authorization tn319_near_miss_bound_owner;
grant usage on schema api to tn319_near_miss_bound_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn319_near_miss_bound_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');
create function api.current_tenant()
returns uuid
language sql
stable
begin atomic
    select nullif(current_setting('app.current_tenant_id', true), '')::uuid;
end;
alter function api.current_tenant() owner to tn319_near_miss_bound_owner;

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn319_near_miss_bound_app
    using (tenant_id = (select api.current_tenant()));
grant select, insert, update, delete on api.items to tn319_near_miss_bound_app;
