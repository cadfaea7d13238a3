-- The rows point at large objects, which know no policy and one owner.
-- request role: tn211_fault_app
-- declare: tenant api.items tenant_id
-- expect: warning TN211 api.items
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select lo_get(oid) from pg_largeobject_metadata where oid = 4711

create role tn211_fault_app login password 'app';
create role tn211_fault_owner nologin;
create schema api authorization tn211_fault_owner;
grant usage on schema api to tn211_fault_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    content oid,
    primary key (tenant_id, id)
);
alter table api.items owner to tn211_fault_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');
select lo_from_bytea(4711, 'of tenant B');
alter large object 4711 owner to tn211_fault_app;
update api.items
set content = 4711
where tenant_id = 'bbbbbbbb-0000-4000-8000-000000000002';

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn211_fault_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn211_fault_app;
