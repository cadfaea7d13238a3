-- The helper makes another the tenant before the comparison is made.
-- request role: tn317_fault_sets_app
-- declare: tenant api.items tenant_id
-- expect: warning TN409 api.enter()
-- expect: error TN317 api.items/tenant
-- expect: warning TN803 api.items/tenant
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select * from api.items

create role tn317_fault_sets_app login password 'app';
create role tn317_fault_sets_owner nologin;
create schema api authorization tn317_fault_sets_owner;
grant usage on schema api to tn317_fault_sets_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn317_fault_sets_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');
create function api.enter()
returns boolean
language plpgsql
volatile
set search_path = ''
cost 1
as $$
begin
    perform pg_catalog.set_config('app.current_tenant_id', 'bbbbbbbb-0000-4000-8000-000000000002', true);
    return true;
end
$$;
alter function api.enter() owner to tn317_fault_sets_owner;

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn317_fault_sets_app
    using (api.enter() and tenant_id::text = current_setting('app.current_tenant_id', true));
grant select, insert, update, delete on api.items to tn317_fault_sets_app;
