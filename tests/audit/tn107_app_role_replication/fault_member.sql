-- The request role inherits nothing, and can become a role that may decode what every tenant writes.
-- request role: tn107_fault_member_app
-- declare: tenant api.items tenant_id
-- expect: error TN107 tn107_fault_member_app
-- no leak: decoding needs wal_level logical

create role tn107_fault_member_app login noinherit password 'app';
create role tn107_fault_member_owner nologin;
create schema api authorization tn107_fault_member_owner;
grant usage on schema api to tn107_fault_member_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn107_fault_member_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn107_fault_member_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn107_fault_member_app;

create role tn107_fault_member_other nologin replication;
grant tn107_fault_member_other to tn107_fault_member_app;
