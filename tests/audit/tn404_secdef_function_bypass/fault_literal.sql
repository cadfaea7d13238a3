-- What looks like a comment is within a literal.
-- request role: tn404_fault_literal_app
-- declare: tenant api.items tenant_id
-- expect: error TN203 api.items
-- expect: error TN404 api.names()
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select * from api.names()

create role tn404_fault_literal_app login password 'app';
create role tn404_fault_literal_owner nologin;
create schema api authorization tn404_fault_literal_owner;
grant usage on schema api to tn404_fault_literal_app;
create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn404_fault_literal_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
create policy tenant on api.items
    to tn404_fault_literal_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn404_fault_literal_app;
create function api.names()
returns setof text
language sql
stable
security definer
set search_path = ''
as $$
    select '--' || name from api.items
$$;
alter function api.names() owner to tn404_fault_literal_owner;
