-- The policy asks a table whose owner, as whom the view reads, no policy binds there.
-- request role: tn401_fault_lookup_app
-- declare: tenant api.items tenant_id
-- declare: tenant api.memberships tenant_id
-- expect: error TN401 api.names
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select * from api.names

create role tn401_fault_lookup_app login password 'app';
create role tn401_fault_lookup_owner nologin;
create schema api authorization tn401_fault_lookup_owner;
grant usage on schema api to tn401_fault_lookup_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn401_fault_lookup_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');
create table api.memberships (
    tenant_id uuid not null,
    person int not null,
    primary key (tenant_id, person)
);
alter table api.memberships owner to tn401_fault_lookup_owner;
insert into api.memberships (tenant_id, person)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2);
alter table api.memberships enable row level security;
create policy tenant on api.memberships
    for select
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select on api.memberships to tn401_fault_lookup_app;

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    using (exists (
        select
        from api.memberships as m
        where m.tenant_id = items.tenant_id
    ));
grant select, insert, update, delete on api.items to tn401_fault_lookup_app;
create view api.names as
select name
from api.items;
alter view api.names owner to tn401_fault_lookup_owner;
grant select on api.names to tn401_fault_lookup_app;
