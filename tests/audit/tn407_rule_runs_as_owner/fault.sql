-- The rule of a view that asks as its caller writes as the view's owner.
-- request role: tn407_fault_app
-- declare: tenant api.items tenant_id
-- expect: error TN407 api.names/adding
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   insert into api.names (tenant_id, id, name) values ('bbbbbbbb-0000-4000-8000-000000000002', 3, 'planted')

create role tn407_fault_app login password 'app';
create role tn407_fault_owner nologin;
create schema api authorization tn407_fault_owner;
grant usage on schema api to tn407_fault_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn407_fault_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
create policy tenant on api.items
    to tn407_fault_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn407_fault_app;
create view api.names with (security_invoker = true) as
select tenant_id, id, name
from api.items;
alter view api.names owner to tn407_fault_owner;
grant select, insert on api.names to tn407_fault_app;
create rule adding as
    on insert to api.names
    do instead
    insert into api.items (tenant_id, id, name)
    values (new.tenant_id, new.id, new.name);
