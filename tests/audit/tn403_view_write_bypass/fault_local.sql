-- The check option is local, and the condition another view's.
-- request role: tn403_fault_local_app
-- declare: tenant api.items tenant_id
-- expect: error TN403 api.names
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   insert into api.names (tenant_id, id, name)
--   values ('bbbbbbbb-0000-4000-8000-000000000002', 7, 'planted')

create role tn403_fault_local_app login password 'app';
create role tn403_fault_local_owner nologin;
create schema api authorization tn403_fault_local_owner;
grant usage on schema api to tn403_fault_local_app;
create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn403_fault_local_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
create policy tenant on api.items
    to tn403_fault_local_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn403_fault_local_app;
create view api.own_items
with (security_barrier = true)
as
select *
from api.items
where tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid);
alter view api.own_items owner to tn403_fault_local_owner;
create view api.names
with (security_barrier = true, check_option = local)
as
select *
from api.own_items;
alter view api.names owner to tn403_fault_local_owner;
grant select, insert on api.names to tn403_fault_local_app;
