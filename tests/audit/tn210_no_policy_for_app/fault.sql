-- Rights, row-level security, and no policy that applies to the request role: it sees nothing.
-- request role: tn210_fault_app
-- declare: tenant api.items tenant_id
-- expect: warning TN210 api.items
-- no leak: nothing is shown to anybody

create role tn210_fault_app login password 'app';
create role tn210_fault_owner nologin;
create schema api authorization tn210_fault_owner;
grant usage on schema api to tn210_fault_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn210_fault_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn210_fault_owner
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn210_fault_app;
