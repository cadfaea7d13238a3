-- The rule deletes through a view that reads as its owner.
-- request role: tn407_fault_view_app
-- declare: tenant api.items tenant_id
-- expect: error TN407 api.requests/forget
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   insert into api.requests (id) values (2);
--   set app.current_tenant_id = 'bbbbbbbb-0000-4000-8000-000000000002';
--   select 1 where not exists (select from api.items)

create role tn407_fault_view_app login password 'app';
create role tn407_fault_view_owner nologin;
create schema api authorization tn407_fault_view_owner;
grant usage on schema api to tn407_fault_view_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn407_fault_view_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
create policy tenant on api.items
    to tn407_fault_view_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn407_fault_view_app;
create view api.all_items as
select *
from api.items;
alter view api.all_items owner to tn407_fault_view_owner;
create view api.requests as
select 1 as id;
alter view api.requests owner to tn407_fault_view_owner;
grant select, insert on api.requests to tn407_fault_view_app;
create rule forget as
    on insert to api.requests
    do instead delete from api.all_items;
