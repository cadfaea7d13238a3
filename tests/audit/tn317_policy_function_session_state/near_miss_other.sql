-- The helper beside the comparison notes something that is not the tenant.
-- request role: tn317_near_miss_other_app
-- declare: tenant api.items tenant_id
-- expect: warning TN803 api.items/tenant

create role tn317_near_miss_other_app login password 'app';
create role tn317_near_miss_other_owner nologin;
create schema api authorization tn317_near_miss_other_owner;
grant usage on schema api to tn317_near_miss_other_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn317_near_miss_other_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');
create function api.note()
returns boolean
language plpgsql
set search_path = ''
as $$
begin
    perform pg_catalog.set_config('app.noted', 'on', true);
    return true;
end
$$;
alter function api.note() owner to tn317_near_miss_other_owner;

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn317_near_miss_other_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid) and api.note());
grant select, insert, update, delete on api.items to tn317_near_miss_other_app;
