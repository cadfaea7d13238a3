-- The schema says that it is temporary.
-- request role: tn703_fault_schema_app
-- declare: tenant api.items tenant_id
-- expect: warning TN703 api.keep()
-- no leak: it is the next request on the connection that sees it

create role tn703_fault_schema_app login password 'app';
create role tn703_fault_schema_owner nologin;
create schema api authorization tn703_fault_schema_owner;
grant usage on schema api to tn703_fault_schema_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn703_fault_schema_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn703_fault_schema_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn703_fault_schema_app;

create function api.keep()
returns void
language plpgsql
set search_path = ''
as $$
begin
    create table pg_temp.kept as select * from api.items;
end
$$;
alter function api.keep() owner to tn703_fault_schema_owner;
