-- TRIGGER is granted, and there is nowhere to make a function.
-- request role: tn502_fault_no_temporary_app
-- declare: tenant api.items tenant_id
-- expect: warning TN502 api.items
-- no leak: only the functions that are there can be attached

create role tn502_fault_no_temporary_app login password 'app';
create role tn502_fault_no_temporary_owner nologin;
create schema api authorization tn502_fault_no_temporary_owner;
grant usage on schema api to tn502_fault_no_temporary_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn502_fault_no_temporary_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn502_fault_no_temporary_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn502_fault_no_temporary_app;
grant trigger on api.items to tn502_fault_no_temporary_app;
do $$
    begin
        execute format('revoke temporary on database %I from public', current_database());
    end
$$;
