-- The database has a tenant for every connection.
-- request role: tn701_fault_database_app
-- declare: tenant api.items tenant_id
-- expect: error TN701 {database}
-- leak: select * from api.items

create role tn701_fault_database_app login password 'app';
create role tn701_fault_database_owner nologin;
create schema api authorization tn701_fault_database_owner;
grant usage on schema api to tn701_fault_database_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn701_fault_database_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn701_fault_database_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn701_fault_database_app;
do $$
    begin
        execute format('alter database %I set app.current_tenant_id = %L', current_database(), 'bbbbbbbb-0000-4000-8000-000000000002');
    end
$$;
