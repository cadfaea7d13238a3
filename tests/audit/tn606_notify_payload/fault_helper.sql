-- The function of the trigger calls another one, which notifies.
-- request role: tn606_fault_helper_app
-- declare: tenant api.items tenant_id
-- expect: warning TN606 api.items/tell
-- no leak: a notification goes to another session, which these attempts do not have

create role tn606_fault_helper_app login password 'app';
create role tn606_fault_helper_owner nologin;
create schema api authorization tn606_fault_helper_owner;
grant usage on schema api to tn606_fault_helper_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn606_fault_helper_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn606_fault_helper_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn606_fault_helper_app;
create function api.tell_all(payload text)
returns void
language sql
set search_path = ''
as $$
    select pg_catalog.pg_notify('items', payload)
$$;
alter function api.tell_all(text) owner to tn606_fault_helper_owner;
create function api.tell()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    perform api.tell_all(new.name);
    return new;
end
$$;
alter function api.tell() owner to tn606_fault_helper_owner;
create trigger tell
    after insert on api.items
    for each row
    execute function api.tell();
