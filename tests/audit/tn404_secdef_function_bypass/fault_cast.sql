-- A cast calls the function, in a schema that the request role may not use.
-- request role: tn404_fault_cast_app
-- declare: tenant api.items tenant_id
-- expect: error TN203 api.items
-- expect: error TN404 hidden.names(api.everything)
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select (row(1)::api.everything)::text

create role tn404_fault_cast_app login password 'app';
create role tn404_fault_cast_owner nologin;
create schema api authorization tn404_fault_cast_owner;
grant usage on schema api to tn404_fault_cast_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn404_fault_cast_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
create policy tenant on api.items
    to tn404_fault_cast_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn404_fault_cast_app;
create schema hidden authorization tn404_fault_cast_owner;
create type api.everything as (kind int);
create function hidden.names(everything api.everything)
returns text
language sql
security definer
set search_path = ''
as $$
    select string_agg(i.name, ', ') from api.items as i
$$;
alter function hidden.names(api.everything) owner to tn404_fault_cast_owner;
create cast (api.everything as text) with function hidden.names(api.everything);
