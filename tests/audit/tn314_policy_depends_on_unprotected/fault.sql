-- The policy believes a table that the request role writes: a tenant lets itself in.
-- request role: tn314_fault_app
-- declare: tenant api.items tenant_id
-- declare: global api.memberships
-- expect: error TN314 api.items/tenant
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   set app.current_user_id = 'eve';
--   insert into api.memberships (tenant_id, user_id) values ('bbbbbbbb-0000-4000-8000-000000000002', 'eve');
--   select * from api.items

create role tn314_fault_app login password 'app';
create role tn314_fault_owner nologin;
create schema api authorization tn314_fault_owner;
grant usage on schema api to tn314_fault_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn314_fault_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

create table api.memberships (
    tenant_id uuid not null,
    user_id text not null,
    primary key (tenant_id, user_id)
);
alter table api.memberships owner to tn314_fault_owner;
insert into api.memberships (tenant_id, user_id)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 'ann'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 'bob');
grant select, insert on api.memberships to tn314_fault_app;

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn314_fault_app
    using (exists (
        select
        from api.memberships as m
        where m.tenant_id = items.tenant_id
            and m.user_id = (select current_setting('app.current_user_id', true))
    ));
grant select, insert, update, delete on api.items to tn314_fault_app;
