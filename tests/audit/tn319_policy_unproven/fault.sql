-- The policy asks a function of which nothing is declared.
-- request role: tn319_fault_app
-- declare: tenant api.items tenant_id
-- expect: warning TN319 api.items/tenant
-- no leak: the function is sound, which nobody has said

create role tn319_fault_app login password 'app';
create role tn319_fault_owner nologin;
create schema api authorization tn319_fault_owner;
grant usage on schema api to tn319_fault_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn319_fault_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');
create function api.may_see(owner uuid)
returns boolean
language sql
stable
set search_path = ''
as $$
    select owner = nullif(current_setting('app.current_tenant_id', true), '')::uuid
$$;
alter function api.may_see(uuid) owner to tn319_fault_owner;

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn319_fault_app
    using (api.may_see(tenant_id));
grant select, insert, update, delete on api.items to tn319_fault_app;
