-- Nobody may call the function but the owner of an aggregate, which everybody may.
-- request role: tn404_fault_aggregate_app
-- declare: tenant api.items tenant_id
-- expect: error TN203 api.items
-- expect: error TN404 private.collect(text, integer)
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select 1 where (select api.collected(1)) like '%of tenant%'

create role tn404_fault_aggregate_app login password 'app';
create role tn404_fault_aggregate_owner nologin;
create schema api authorization tn404_fault_aggregate_owner;
grant usage on schema api to tn404_fault_aggregate_app;
create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn404_fault_aggregate_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
create policy tenant on api.items
    to tn404_fault_aggregate_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn404_fault_aggregate_app;
create schema private authorization tn404_fault_aggregate_owner;
create function private.collect(state text, step int)
returns text
language sql
stable
security definer
set search_path = ''
as $$
    select pg_catalog.concat(state, (select string_agg(name, ', ') from api.items))
$$;
alter function private.collect(state text, step int) owner to tn404_fault_aggregate_owner;
revoke execute on function private.collect(text, int) from public;
create aggregate api.collected(int) (sfunc = private.collect, stype = text);
alter aggregate api.collected(int) owner to tn404_fault_aggregate_owner;
