-- A trigger runs as its owner, and gives nothing back.
-- request role: tn406_fault_silent_app
-- declare: tenant api.items tenant_id
-- declare: internal api.log
-- expect: warning TN406 api.items/count_names
-- no leak: nothing comes back

create role tn406_fault_silent_app login password 'app';
create role tn406_fault_silent_owner nologin;
create schema api authorization tn406_fault_silent_owner;
grant usage on schema api to tn406_fault_silent_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn406_fault_silent_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
create policy tenant on api.items
    to tn406_fault_silent_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn406_fault_silent_app;
create table api.log (
    line text not null
);
alter table api.log owner to tn406_fault_silent_owner;
create function api.count_names()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
    begin
        insert into api.log (line) values ('a row');
        return null;
    end
$$;
alter function api.count_names() owner to tn406_fault_silent_owner;
revoke all on function api.count_names() from public;
create trigger count_names
    after insert
    on api.items
    for each row
    execute function api.count_names();
