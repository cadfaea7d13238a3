-- A domain asks the function, in a schema that the request role may not use.
-- request role: tn404_fault_domain_app
-- declare: tenant api.items tenant_id
-- expect: error TN203 api.items
-- expect: error TN404 hidden.is_name(text)
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select 'of tenant B'::api.item_name

create role tn404_fault_domain_app login password 'app';
create role tn404_fault_domain_owner nologin;
create schema api authorization tn404_fault_domain_owner;
grant usage on schema api to tn404_fault_domain_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn404_fault_domain_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
create policy tenant on api.items
    to tn404_fault_domain_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn404_fault_domain_app;
create schema hidden authorization tn404_fault_domain_owner;
create function hidden.is_name(name text)
returns boolean
language sql
security definer
set search_path = ''
as $$
    select exists (select from api.items as i where i.name = $1)
$$;
alter function hidden.is_name(text) owner to tn404_fault_domain_owner;
create domain api.item_name as text check (hidden.is_name(value));
