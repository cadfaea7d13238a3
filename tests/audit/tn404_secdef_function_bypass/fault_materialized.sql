-- Forced policies bind the owner; the materialized view that the function reads has none.
-- request role: tn404_fault_materialized_app
-- declare: tenant api.items tenant_id
-- expect: error TN404 api.names()
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select * from api.names()

create role tn404_fault_materialized_app login password 'app';
create role tn404_fault_materialized_owner nologin;
create schema api authorization tn404_fault_materialized_owner;
grant usage on schema api to tn404_fault_materialized_app;
create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn404_fault_materialized_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to public
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn404_fault_materialized_app;
create materialized view api.entries as
select name
from api.items;
alter materialized view api.entries owner to tn404_fault_materialized_owner;
create function api.names()
returns setof text
language sql
stable
security definer
set search_path = ''
as $$
    select name from api.entries
$$;
alter function api.names() owner to tn404_fault_materialized_owner;
