-- The function logs for the tenant of a row that it then drops, which no policy has checked.
-- request role: tn406_fault_dropped_app
-- declare: tenant api.items tenant_id
-- declare: tenant api.log tenant_id
-- expect: error TN203 api.log
-- expect: error TN406 api.items/writing
-- no leak: what is planted only the other tenant sees

create role tn406_fault_dropped_app login password 'app';
create role tn406_fault_dropped_owner nologin;
create schema api authorization tn406_fault_dropped_owner;
grant usage on schema api to tn406_fault_dropped_app;
create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn406_fault_dropped_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
create policy tenant on api.items
    to tn406_fault_dropped_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn406_fault_dropped_app;
create table api.log (
    tenant_id uuid not null,
    at timestamptz not null default now(),
    operation text not null
);
alter table api.log owner to tn406_fault_dropped_owner;
create index on api.log (tenant_id, at);
alter table api.log enable row level security;
create policy tenant on api.log
    to tn406_fault_dropped_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select on api.log to tn406_fault_dropped_app;
create function api.note()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
    insert into api.log (tenant_id, operation) values (new.tenant_id, tg_op);
    return null;
end
$$;
alter function api.note() owner to tn406_fault_dropped_owner;
create trigger writing
    before insert on api.items
    for each row
    execute function api.note();
