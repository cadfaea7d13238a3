-- The view reads the table as its owner, whom no policy binds.
-- request role: tn401_fault_app
-- declare: tenant api.items tenant_id
-- expect: error TN203 api.items
-- expect: error TN401 api.names
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select * from api.names

create role tn401_fault_app login password 'app';
create role tn401_fault_owner nologin;
create schema api authorization tn401_fault_owner;
grant usage on schema api to tn401_fault_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn401_fault_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
create policy tenant on api.items
    to tn401_fault_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn401_fault_app;
create view api.names as
select tenant_id, name
from api.items;
alter view api.names owner to tn401_fault_owner;
grant select on api.names to tn401_fault_app;
