-- The column calls equal what differs in upper and lower case.
-- request role: tn312_fault_collation_app
-- declare: tenant api.items tenant_id
-- expect: error TN312 api.items/tenant
-- leak: set app.current_tenant_id = 'ACME';
--   select * from api.items

create role tn312_fault_collation_app login password 'app';
create role tn312_fault_collation_owner nologin;
create schema api authorization tn312_fault_collation_owner;
grant usage on schema api to tn312_fault_collation_app;

create collation api.any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);

create table api.items (
    tenant_id text collate api.any_case not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn312_fault_collation_owner;
insert into api.items (tenant_id, id, name)
values
    ('acme', 1, 'of tenant A'),
    ('beta', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn312_fault_collation_app
    using (tenant_id = current_setting('app.current_tenant_id', true));
grant select, insert, update, delete on api.items to tn312_fault_collation_app;
