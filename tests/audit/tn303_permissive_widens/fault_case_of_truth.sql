-- CASE compares the truth of the tenant with another truth, and false is false.
-- request role: tn303_fault_case_of_truth_app
-- declare: tenant api.items tenant_id
-- expect: error TN303 api.items/tenant
-- leak: set app.current_tenant_id = 'aaaaaaaa-0000-4000-8000-000000000001';
--   select * from api.items where tenant_id = 'bbbbbbbb-0000-4000-8000-000000000002'

create role tn303_fault_case_of_truth_app login password 'app';
create role tn303_fault_case_of_truth_owner nologin;
create schema api authorization tn303_fault_case_of_truth_owner;
grant usage on schema api to tn303_fault_case_of_truth_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn303_fault_case_of_truth_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn303_fault_case_of_truth_app
    using (case name = 'of nobody' when (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid)) then true else false end);
grant select, insert, update, delete on api.items to tn303_fault_case_of_truth_app;
