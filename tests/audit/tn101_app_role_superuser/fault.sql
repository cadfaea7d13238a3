-- The request role is a superuser: no policy is evaluated for it.
-- request role: tn101_fault_app
-- declare: tenant api.items tenant_id
-- expect: error TN101 tn101_fault_app
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select * from api.items

create role tn101_fault_app login superuser password 'app';
create role tn101_fault_owner nologin;
create schema api authorization tn101_fault_owner;
grant usage on schema api to tn101_fault_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn101_fault_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn101_fault_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn101_fault_app;
