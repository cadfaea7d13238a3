-- There is no such role.
-- request role: tn109_fault_absent_nobody
-- declare: tenant api.items tenant_id
-- expect: error TN109 tn109_fault_absent_nobody
-- no leak: nobody can log in as it

create role tn109_fault_absent_app login password 'app';
create role tn109_fault_absent_owner nologin;
create schema api authorization tn109_fault_absent_owner;
grant usage on schema api to tn109_fault_absent_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn109_fault_absent_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn109_fault_absent_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn109_fault_absent_app;
