-- A foreign table can have no policy: whom it shows what is decided elsewhere.
-- request role: tn208_fault_app
-- declare: tenant api.items tenant_id
-- expect: error TN208 api.lines
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select * from api.lines

create role tn208_fault_app login password 'app';
create role tn208_fault_owner nologin;
create schema api authorization tn208_fault_owner;
grant usage on schema api to tn208_fault_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn208_fault_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn208_fault_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn208_fault_app;

create extension file_fdw;
create server files foreign data wrapper file_fdw;
create foreign table api.lines (
    line text
) server files options (filename 'PG_VERSION');
grant select on api.lines to tn208_fault_app;
