-- The first of two selects is a row for every tenant.
-- request role: tn302_fault_union_app
-- declare: tenant api.items tenant_id
-- declare: tenant api.memberships tenant_id
-- expect: error TN302 api.items/tenant
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select * from api.items

create role tn302_fault_union_app login password 'app';
create role tn302_fault_union_owner nologin;
create schema api authorization tn302_fault_union_owner;
grant usage on schema api to tn302_fault_union_app;

create table api.memberships (
    tenant_id uuid not null,
    person int not null,
    primary key (tenant_id, person)
);
alter table api.memberships owner to tn302_fault_union_owner;
insert into api.memberships (tenant_id, person)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2);
alter table api.memberships enable row level security;
alter table api.memberships force row level security;
create policy tenant on api.memberships
    for select
    to tn302_fault_union_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select on api.memberships to tn302_fault_union_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn302_fault_union_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn302_fault_union_app
    using (exists (
        select 1
        union all
        select 1
        from api.memberships as m
        where m.tenant_id = items.tenant_id
    ));
grant select, insert, update, delete on api.items to tn302_fault_union_app;
