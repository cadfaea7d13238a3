-- The policy is open where the setting is short.
-- request role: tn306_fault_length_app
-- declare: tenant api.items tenant_id
-- expect: error TN306 api.items/tenant
-- leak: set app.current_tenant_id = '';
--   select * from api.items

create role tn306_fault_length_app login password 'app';
create role tn306_fault_length_owner nologin;
create schema api authorization tn306_fault_length_owner;
grant usage on schema api to tn306_fault_length_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn306_fault_length_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn306_fault_length_app
    using (length(coalesce(current_setting('app.current_tenant_id', true), '')) = 0 or tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn306_fault_length_app;
