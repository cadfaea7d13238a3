-- The same by the statement NOTIFY.
-- request role: tn606_fault_statement_app
-- declare: tenant api.items tenant_id
-- expect: warning TN606 api.items/announce
-- no leak: it takes two sessions: one listens, another writes

create role tn606_fault_statement_app login password 'app';
create role tn606_fault_statement_owner nologin;
create schema api authorization tn606_fault_statement_owner;
grant usage on schema api to tn606_fault_statement_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn606_fault_statement_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn606_fault_statement_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn606_fault_statement_app;
create function api.announce()
returns trigger
language plpgsql
set search_path = ''
as $$
    begin
        execute pg_catalog.format('notify rows, %L', new.name);
        return null;
    end
$$;
alter function api.announce() owner to tn606_fault_statement_owner;
revoke all on function api.announce() from public;
create trigger announce
    after insert
    on api.items
    for each row
    execute function api.announce();
