-- The policy reads the tenant out of claims, and not out of the setting.
-- request role: tn313_fault_claims_app
-- declare: tenant api.items tenant_id
-- expect: error TN313 api.items/tenant
-- leak: set request.jwt.claims = '{"tenant": "bbbbbbbb-0000-4000-8000-000000000002"}';
--   set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select * from api.items

create role tn313_fault_claims_app login password 'app';
create role tn313_fault_claims_owner nologin;
create schema api authorization tn313_fault_claims_owner;
grant usage on schema api to tn313_fault_claims_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn313_fault_claims_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn313_fault_claims_app
    using (tenant_id = (current_setting('request.jwt.claims', true)::jsonb ->> 'tenant')::uuid);
grant select, insert, update, delete on api.items to tn313_fault_claims_app;
