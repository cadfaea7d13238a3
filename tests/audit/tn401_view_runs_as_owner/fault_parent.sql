-- The view reads the parent of a tenant table, which shows its rows without its policies.
-- request role: tn401_fault_parent_app
-- declare: tenant api.items tenant_id
-- expect: error TN401 api.names
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select * from api.names

create role tn401_fault_parent_app login password 'app';
create role tn401_fault_parent_owner nologin;
create schema api authorization tn401_fault_parent_owner;
grant usage on schema api to tn401_fault_parent_app;
create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn401_fault_parent_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to public
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn401_fault_parent_app;
create table api.stamped (changed_at timestamptz);
alter table api.stamped owner to tn401_fault_parent_owner;
alter table api.items add column changed_at timestamptz;
alter table api.items inherit api.stamped;
create view api.names as
select tableoid, changed_at
from api.stamped;
alter view api.names owner to tn401_fault_parent_owner;
grant select on api.names to tn401_fault_parent_app;
