-- The helper prefers another setting, which any SQL can set.
-- request role: tn310_fault_helper_app
-- declare: tenant api.items tenant_id
-- expect: error TN310 api.items/tenant
-- leak: set app.acting_for = 'bbbbbbbb-0000-4000-8000-000000000002';
--   set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select * from api.items

create role tn310_fault_helper_app login password 'app';
create role tn310_fault_helper_owner nologin;
create schema api authorization tn310_fault_helper_owner;
grant usage on schema api to tn310_fault_helper_app;

create function api.current_tenant()
returns uuid
language sql
stable
set search_path = ''
as $$
    select coalesce(
        nullif(current_setting('app.acting_for', true), ''),
        nullif(current_setting('app.current_tenant_id', true), '')
    )::uuid
$$;
alter function api.current_tenant() owner to tn310_fault_helper_owner;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn310_fault_helper_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn310_fault_helper_app
    using (tenant_id = (select api.current_tenant()));
grant select, insert, update, delete on api.items to tn310_fault_helper_app;
