-- The policy asks a function that does not know the tenant of the request.
-- request role: tn302_fault_function_app
-- declare: tenant api.items tenant_id
-- expect: error TN302 api.items/tenant
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select * from api.items

create role tn302_fault_function_app login password 'app';
create role tn302_fault_function_owner nologin;
create schema api authorization tn302_fault_function_owner;
grant usage on schema api to tn302_fault_function_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn302_fault_function_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');
create function api.is_whole(owner uuid, name text)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
    return owner is not null and length(name) > 0;
end
$$;
alter function api.is_whole(uuid, text) owner to tn302_fault_function_owner;

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn302_fault_function_app
    using (api.is_whole(tenant_id, name));
grant select, insert, update, delete on api.items to tn302_fault_function_app;
