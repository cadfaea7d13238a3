-- The tenant is compared for the row outside, and the rows within are everybody's.
-- request role: tn404_fault_outer_app
-- declare: tenant api.items tenant_id
-- expect: error TN203 api.items
-- expect: error TN404 api.names()
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   insert into api.items (tenant_id, id, name)
--   values ('99999999-0000-4000-8000-000000000009', 9, 'mine');
--   select 1 from api.names() as n (name) where n.name like '%of tenant%'

create role tn404_fault_outer_app login password 'app';
create role tn404_fault_outer_owner nologin;
create schema api authorization tn404_fault_outer_owner;
grant usage on schema api to tn404_fault_outer_app;
create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn404_fault_outer_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
create policy tenant on api.items
    to tn404_fault_outer_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn404_fault_outer_app;
create function api.names()
returns setof text
language sql
stable
security definer
set search_path = ''
as $$
    select (select string_agg(j.name, ', ') from api.items as j where i.tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid))
    from api.items as i
    where i.tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid)
$$;
alter function api.names() owner to tn404_fault_outer_owner;
