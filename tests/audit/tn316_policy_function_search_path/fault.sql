-- The helper names a table without its schema and fixes no path: a temporary table comes first.
-- request role: tn316_fault_app
-- declare: tenant api.items tenant_id
-- declare: internal api.memberships
-- expect: error TN316 api.items/tenant
-- leak: create temp table memberships (tenant_id uuid, user_id text);
--   insert into pg_temp.memberships values ('bbbbbbbb-0000-4000-8000-000000000002', 'eve');
--   set app.current_user_id = 'eve';
--   set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select * from api.items

create role tn316_fault_app login password 'app';
create role tn316_fault_owner nologin;
create schema api authorization tn316_fault_owner;
grant usage on schema api to tn316_fault_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn316_fault_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

create table api.memberships (
    tenant_id uuid not null,
    user_id text not null,
    primary key (tenant_id, user_id)
);
alter table api.memberships owner to tn316_fault_owner;
insert into api.memberships (tenant_id, user_id)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 'ann'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 'bob');
alter table api.memberships enable row level security;
alter table api.memberships force row level security;
create policy tenant on api.memberships
    for select
    to tn316_fault_app
    using (user_id = (select current_setting('app.current_user_id', true)));
grant select on api.memberships to tn316_fault_app;
create function api.current_tenant()
returns uuid
language plpgsql
stable
as $$
    begin
        return (select m.tenant_id from memberships as m where m.user_id = current_setting('app.current_user_id', true));
    end
$$;
alter function api.current_tenant() owner to tn316_fault_owner;

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn316_fault_app
    using (tenant_id = (select api.current_tenant()));
grant select, insert, update, delete on api.items to tn316_fault_app;
