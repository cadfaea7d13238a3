-- The helper remembers the tenant for the session: the next request on the connection gets it.
-- request role: tn317_fault_app
-- declare: tenant api.items tenant_id
-- expect: error TN317 api.items/tenant
-- leak: set app.current_tenant_id = 'aaaaaaaa-0000-4000-8000-000000000001';
--   select * from api.items;
--   set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select * from api.items

create role tn317_fault_app login password 'app';
create role tn317_fault_owner nologin;
create schema api authorization tn317_fault_owner;
grant usage on schema api to tn317_fault_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn317_fault_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');
create function api.current_tenant()
returns uuid
language plpgsql
stable
set search_path = ''
as $$
    begin
        if coalesce(current_setting('app.cached_tenant_id', true), '') = '' then
            perform set_config('app.cached_tenant_id', current_setting('app.current_tenant_id', true), false);
        end if;
        return nullif(current_setting('app.cached_tenant_id', true), '')::uuid;
    end
$$;
alter function api.current_tenant() owner to tn317_fault_owner;

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn317_fault_app
    using (tenant_id = (select api.current_tenant()));
grant select, insert, update, delete on api.items to tn317_fault_app;
