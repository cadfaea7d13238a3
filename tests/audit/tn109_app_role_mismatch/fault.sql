-- The login of the request role becomes another role at once, for which the policies were not judged.
-- request role: tn109_fault_app
-- declare: tenant api.items tenant_id
-- expect: error TN109 tn109_fault_app
-- expect: error TN311 api.items/support
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select * from api.items

create role tn109_fault_app login password 'app';
create role tn109_fault_owner nologin;
create schema api authorization tn109_fault_owner;
grant usage on schema api to tn109_fault_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn109_fault_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn109_fault_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn109_fault_app;

create role tn109_fault_other nologin;
grant tn109_fault_other to tn109_fault_app;
grant usage on schema api to tn109_fault_other;
grant select on api.items to tn109_fault_other;
create policy support on api.items
    to tn109_fault_other
    using (tenant_id is not null and current_user = 'tn109_fault_other');
alter role tn109_fault_app set role = 'tn109_fault_other';
