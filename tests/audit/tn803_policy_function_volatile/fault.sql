-- The helper is volatile: no index is used, and it is called for each row.
-- request role: tn803_fault_app
-- declare: tenant api.items tenant_id
-- expect: warning TN803 api.items/tenant
-- no leak: it is slow, and open to nobody

create role tn803_fault_app login password 'app';
create role tn803_fault_owner nologin;
create schema api authorization tn803_fault_owner;
grant usage on schema api to tn803_fault_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn803_fault_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');
create function api.current_tenant()
returns uuid
language sql
volatile
set search_path = ''
as $$
    select nullif(current_setting('app.current_tenant_id', true), '')::uuid
$$;
alter function api.current_tenant() owner to tn803_fault_owner;

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn803_fault_app
    using (tenant_id = api.current_tenant());
grant select, insert, update, delete on api.items to tn803_fault_app;
