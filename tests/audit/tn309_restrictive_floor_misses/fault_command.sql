-- The floor is for SELECT: what is written stands on nothing.
-- request role: tn309_fault_command_app
-- declare: tenant api.items tenant_id
-- expect: error TN301 api.items/everything
-- expect: error TN309 api.items/floor
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   insert into api.items (tenant_id, id, name) values ('bbbbbbbb-0000-4000-8000-000000000002', 3, 'planted')

create role tn309_fault_command_app login password 'app';
create role tn309_fault_command_owner nologin;
create schema api authorization tn309_fault_command_owner;
grant usage on schema api to tn309_fault_command_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn309_fault_command_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy everything on api.items
    to public
    using (true);
create policy floor on api.items
    as restrictive
    for select
    to public
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn309_fault_command_app;
