-- Deleting what is the same for all deletes rows of every tenant.
-- request role: tn602_fault_global_app
-- declare: tenant api.items tenant_id
-- declare: global api.kinds
-- expect: error TN602 api.items/items_kind_fkey
-- leak: delete from api.kinds where kind = 'usual'

create role tn602_fault_global_app login password 'app';
create role tn602_fault_global_owner nologin;
create schema api authorization tn602_fault_global_owner;
grant usage on schema api to tn602_fault_global_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn602_fault_global_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');
create table api.kinds (kind text primary key);
alter table api.kinds owner to tn602_fault_global_owner;
insert into api.kinds (kind) values ('usual');
grant select, delete on api.kinds to tn602_fault_global_app;
alter table api.items add column kind text not null default 'usual' references api.kinds on delete cascade;

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn602_fault_global_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn602_fault_global_app;
