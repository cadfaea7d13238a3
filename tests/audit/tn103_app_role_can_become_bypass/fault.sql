-- The request role inherits nothing, and is two steps from a role with BYPASSRLS.
-- request role: tn103_fault_app
-- declare: tenant api.items tenant_id
-- expect: error TN103 tn103_fault_app
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   set role tn103_fault_other;
--   select * from api.items

create role tn103_fault_app login noinherit password 'app';
create role tn103_fault_owner nologin;
create schema api authorization tn103_fault_owner;
grant usage on schema api to tn103_fault_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn103_fault_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn103_fault_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn103_fault_app;

create role tn103_fault_mid nologin noinherit;
create role tn103_fault_other nologin bypassrls;
grant tn103_fault_other to tn103_fault_mid;
grant tn103_fault_mid to tn103_fault_app;
grant usage on schema api to tn103_fault_other;
grant select on api.items to tn103_fault_other;
