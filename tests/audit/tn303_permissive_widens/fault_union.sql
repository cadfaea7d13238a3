-- The second select names another tenant beside that of the request.
-- request role: tn303_fault_union_app
-- declare: tenant api.items tenant_id
-- expect: error TN303 api.items/tenant
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select * from api.items

create role tn303_fault_union_app login password 'app';
create role tn303_fault_union_owner nologin;
create schema api authorization tn303_fault_union_owner;
grant usage on schema api to tn303_fault_union_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn303_fault_union_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn303_fault_union_app
    using (tenant_id in (
        select (select nullif(current_setting('app.current_tenant_id', true), '')::uuid)
        union all
        select 'bbbbbbbb-0000-4000-8000-000000000002'::uuid
    ));
grant select, insert, update, delete on api.items to tn303_fault_union_app;
