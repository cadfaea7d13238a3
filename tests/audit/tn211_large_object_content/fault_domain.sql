-- The column is of a domain over oid.
-- request role: tn211_fault_domain_app
-- declare: tenant api.items tenant_id
-- expect: warning TN211 api.items
-- no leak: the column leads to large objects, of which there are none

create role tn211_fault_domain_app login password 'app';
create role tn211_fault_domain_owner nologin;
create schema api authorization tn211_fault_domain_owner;
grant usage on schema api to tn211_fault_domain_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn211_fault_domain_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');
create domain api.document as oid;
alter table api.items add column content api.document;

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn211_fault_domain_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn211_fault_domain_app;
