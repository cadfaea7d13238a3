-- REFERENCES is granted: a foreign key from a table of one's own asks for any row.
-- request role: tn503_fault_app
-- declare: tenant api.items tenant_id
-- expect: warning TN503 api.items
-- expect: warning TN504 scratch
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   create table scratch.probe (tenant_id uuid, id int, foreign key (tenant_id, id) references api.items (tenant_id, id));
--   insert into scratch.probe (tenant_id, id) values ('bbbbbbbb-0000-4000-8000-000000000002', 2)

create role tn503_fault_app login password 'app';
create role tn503_fault_owner nologin;
create schema api authorization tn503_fault_owner;
grant usage on schema api to tn503_fault_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn503_fault_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn503_fault_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn503_fault_app;
grant references on api.items to tn503_fault_app;
create schema scratch;
grant usage, create on schema scratch to tn503_fault_app;
