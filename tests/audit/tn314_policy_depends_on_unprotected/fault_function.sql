-- The function that the policy asks believes a table that the request role writes.
-- request role: tn314_fault_function_app
-- declare: tenant api.items tenant_id
-- declare: global api.memberships
-- expect: error TN314 api.items/tenant
-- leak: insert into api.memberships (tenant_id, person) values ('bbbbbbbb-0000-4000-8000-000000000002', 'me');
--   set app.current_user_id = 'me';
--   select * from api.items

create role tn314_fault_function_app login password 'app';
create role tn314_fault_function_owner nologin;
create schema api authorization tn314_fault_function_owner;
grant usage on schema api to tn314_fault_function_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn314_fault_function_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');
create table api.memberships (
    tenant_id uuid not null,
    person text not null,
    primary key (tenant_id, person)
);
alter table api.memberships owner to tn314_fault_function_owner;
grant select, insert on api.memberships to tn314_fault_function_app;
create function api.is_member(owner uuid)
returns boolean
language sql
stable
set search_path = ''
as $$
    select exists (
        select
        from api.memberships as m
        where m.tenant_id = owner
            and m.person = current_setting('app.current_user_id', true)
    )
$$;
alter function api.is_member(uuid) owner to tn314_fault_function_owner;

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn314_fault_function_app
    using (api.is_member(tenant_id));
grant select, insert, update, delete on api.items to tn314_fault_function_app;
