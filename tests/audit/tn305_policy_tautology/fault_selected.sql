-- The column is looked for in itself.
-- request role: tn305_fault_selected_app
-- declare: tenant api.items tenant_id
-- expect: error TN305 api.items/tenant
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select * from api.items

create role tn305_fault_selected_app login password 'app';
create role tn305_fault_selected_owner nologin;
create schema api authorization tn305_fault_selected_owner;
grant usage on schema api to tn305_fault_selected_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn305_fault_selected_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn305_fault_selected_app
    using (tenant_id in (select items.tenant_id));
grant select, insert, update, delete on api.items to tn305_fault_selected_app;
