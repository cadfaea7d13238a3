-- The function reads behind a call of another one, which sets the tenant.
-- request role: tn409_fault_called_app
-- declare: tenant api.items tenant_id
-- expect: warning TN409 api.enter(text)
-- expect: error TN409 api.names(text)
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select * from api.names('bbbbbbbb-0000-4000-8000-000000000002')

create role tn409_fault_called_app login password 'app';
create role tn409_fault_called_owner nologin;
create schema api authorization tn409_fault_called_owner;
grant usage on schema api to tn409_fault_called_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn409_fault_called_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn409_fault_called_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn409_fault_called_app;
create function api.enter(tenant text)
returns void
language sql
set search_path = ''
as $$
    select pg_catalog.set_config('app.' || 'current_tenant_id', tenant, true)
$$;
alter function api.enter(text) owner to tn409_fault_called_owner;
create function api.names(tenant text)
returns setof text
language plpgsql
set search_path = ''
as $$
begin
    perform api.enter(tenant);
    return query select i.name from api.items as i;
end
$$;
alter function api.names(text) owner to tn409_fault_called_owner;
