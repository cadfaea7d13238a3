-- An identity column numbers the rows of all tenants.
-- request role: tn605_fault_identity_app
-- declare: tenant api.items tenant_id
-- expect: advice TN605 api.items_number_seq
-- leak: select last_value from api.items_number_seq

create role tn605_fault_identity_app login password 'app';
create role tn605_fault_identity_owner nologin;
create schema api authorization tn605_fault_identity_owner;
grant usage on schema api to tn605_fault_identity_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn605_fault_identity_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');
alter table api.items add column number bigint generated always as identity;

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn605_fault_identity_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn605_fault_identity_app;
grant select on sequence api.items_number_seq to tn605_fault_identity_app;
