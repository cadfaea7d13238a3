-- The name of the setting stands in a variable.
-- request role: tn702_fault_variable_app
-- declare: tenant api.items tenant_id
-- expect: error TN702 api.act_as(text)
-- leak: select api.act_as('bbbbbbbb-0000-4000-8000-000000000002');
--   select * from api.items

create role tn702_fault_variable_app login password 'app';
create role tn702_fault_variable_owner nologin;
create schema api authorization tn702_fault_variable_owner;
grant usage on schema api to tn702_fault_variable_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn702_fault_variable_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn702_fault_variable_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn702_fault_variable_app;

create function api.act_as(tenant text)
returns void
language plpgsql
set search_path = ''
as $$
declare
    setting constant text := 'app.current_tenant_id';
begin
    perform set_config(setting, tenant, false);
end
$$;
alter function api.act_as(text) owner to tn702_fault_variable_owner;
