-- The view compares the tenant itself, and lets a cheap function of the caller run first.
-- request role: tn402_fault_app
-- declare: tenant api.items tenant_id
-- expect: error TN402 api.names
-- leak: create temp table seen (name text);
--   create function pg_temp.spy(name text) returns boolean language plpgsql cost 0.0000001 as 'begin insert into seen values (name); return true; end';
--   set enable_indexscan = off;
--   set enable_bitmapscan = off;
--   set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select * from api.names where pg_temp.spy(name);
--   select * from seen

create role tn402_fault_app login password 'app';
create role tn402_fault_owner nologin;
create schema api authorization tn402_fault_owner;
grant usage on schema api to tn402_fault_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn402_fault_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
create policy tenant on api.items
    to tn402_fault_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn402_fault_app;
create view api.names as
select tenant_id, name
from api.items
where tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid);
alter view api.names owner to tn402_fault_owner;
grant select on api.names to tn402_fault_app;
