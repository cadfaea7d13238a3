-- The table is declared internal, holds tenants' rows, and was granted all the same.
-- request role: tn201_fault_internal_app
-- declare: tenant api.items tenant_id
-- declare: internal api.raw
-- expect: error TN201 api.raw
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select * from api.raw

create role tn201_fault_internal_app login password 'app';
create role tn201_fault_internal_owner nologin;
create schema api authorization tn201_fault_internal_owner;
grant usage on schema api to tn201_fault_internal_app;
create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn201_fault_internal_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to public
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn201_fault_internal_app;
create table api.raw (
    tenant_id uuid not null,
    body text not null
);
alter table api.raw owner to tn201_fault_internal_owner;
insert into api.raw (tenant_id, body)
values ('bbbbbbbb-0000-4000-8000-000000000002', 'of tenant B');
grant select on api.raw to tn201_fault_internal_app;
