-- The function says that it tells nothing, so it is asked before the policy, and it tells.
-- request role: tn408_fault_app
-- declare: tenant api.items tenant_id
-- expect: error TN408 api.noisy(text)
-- leak: create temp table seen (name text);
--   set enable_indexscan = off;
--   set enable_bitmapscan = off;
--   set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select * from api.items where api.noisy(name);
--   select * from seen

create role tn408_fault_app login password 'app';
create role tn408_fault_owner nologin;
create schema api authorization tn408_fault_owner;
grant usage on schema api to tn408_fault_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn408_fault_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
create policy tenant on api.items
    to tn408_fault_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn408_fault_app;
create function api.noisy(name text)
returns boolean
language plpgsql
volatile
leakproof
cost 0.0000001
as $$
    begin
        insert into pg_temp.seen (name) values (name);
        return true;
    end
$$;
alter function api.noisy(text) owner to tn408_fault_owner;
