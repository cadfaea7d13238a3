-- The foreign key asks for the row alone: it finds, and points at, another tenant's.
-- request role: tn601_fault_app
-- declare: tenant api.items tenant_id
-- declare: tenant api.comments tenant_id
-- expect: warning TN601 api.comments/comments_item
-- expect: advice TN603 api.items_pkey
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   insert into api.comments (tenant_id, id, item_id) values ('99999999-0000-4000-8000-000000000009', 2, 'bbbbbbbb-0000-4000-8000-000000000002')

create role tn601_fault_app login password 'app';
create role tn601_fault_owner nologin;
create schema api authorization tn601_fault_owner;
grant usage on schema api to tn601_fault_app;

create table api.items (
    tenant_id uuid not null,
    id uuid not null default gen_random_uuid(),
    name text not null,
    primary key (id),
    unique (tenant_id, id)
);
alter table api.items owner to tn601_fault_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 'aaaaaaaa-0000-4000-8000-000000000001', 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 'bbbbbbbb-0000-4000-8000-000000000002', 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn601_fault_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn601_fault_app;

create table api.comments (
    tenant_id uuid not null,
    id int not null,
    item_id uuid,
    primary key (tenant_id, id),
    constraint comments_item foreign key (item_id) references api.items (id)
);
create index on api.comments (item_id);
alter table api.comments owner to tn601_fault_owner;
insert into api.comments (tenant_id, id, item_id)
values ('bbbbbbbb-0000-4000-8000-000000000002', 1, 'bbbbbbbb-0000-4000-8000-000000000002');
alter table api.comments enable row level security;
alter table api.comments force row level security;
create policy tenant on api.comments
    to tn601_fault_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.comments to tn601_fault_app;
