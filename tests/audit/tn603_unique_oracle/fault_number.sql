-- A number that can be guessed is the key of all tenants' rows.
-- request role: tn603_fault_number_app
-- declare: tenant api.items tenant_id
-- expect: warning TN603 api.items_pkey
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   do $$ begin insert into api.items (tenant_id, id, name) values ('99999999-0000-4000-8000-000000000009', 2, 'mine'); exception when unique_violation then perform set_config('probe.taken', 'yes', false); end $$;
--   select 'taken' where current_setting('probe.taken', true) = 'yes'

create role tn603_fault_number_app login password 'app';
create role tn603_fault_number_owner nologin;
create schema api authorization tn603_fault_number_owner;
grant usage on schema api to tn603_fault_number_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (id)
);
alter table api.items owner to tn603_fault_number_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');
create index on api.items (tenant_id);

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn603_fault_number_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn603_fault_number_app;
