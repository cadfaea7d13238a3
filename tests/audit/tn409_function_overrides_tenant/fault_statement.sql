-- The function sets the tenant by a statement that it puts together.
-- request role: tn409_fault_statement_app
-- declare: tenant api.items tenant_id
-- expect: error TN409 api.rename(uuid)
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   begin;
--   select api.rename('bbbbbbbb-0000-4000-8000-000000000002');
--   select * from api.items

create role tn409_fault_statement_app login password 'app';
create role tn409_fault_statement_owner nologin;
create schema api authorization tn409_fault_statement_owner;
grant usage on schema api to tn409_fault_statement_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn409_fault_statement_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn409_fault_statement_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn409_fault_statement_app;
create function api.rename(tenant uuid)
returns void
language plpgsql
set search_path = ''
as $$
begin
    execute format('set local app.current_tenant_id = %L', tenant);
    update api.items set name = 'renamed';
end
$$;
alter function api.rename(uuid) owner to tn409_fault_statement_owner;
