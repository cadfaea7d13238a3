-- The foreign key holds the tenant, so the rows that are deleted are the same tenant's.
-- request role: tn602_clean_app
-- declare: tenant api.items tenant_id
-- declare: tenant api.comments tenant_id
-- expect: advice TN603 api.items_pkey

create role tn602_clean_app login password 'app';
create role tn602_clean_owner nologin;
create schema api authorization tn602_clean_owner;
grant usage on schema api to tn602_clean_app;

create table api.items (
    tenant_id uuid not null,
    id uuid not null default gen_random_uuid(),
    name text not null,
    primary key (id),
    unique (tenant_id, id)
);
alter table api.items owner to tn602_clean_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 'aaaaaaaa-0000-4000-8000-000000000001', 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 'bbbbbbbb-0000-4000-8000-000000000002', 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn602_clean_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn602_clean_app;

create table api.comments (
    tenant_id uuid not null,
    id int not null,
    item_id uuid,
    primary key (tenant_id, id),
    constraint comments_item foreign key (tenant_id, item_id) references api.items (tenant_id, id) on delete cascade
);
create index on api.comments (item_id);
alter table api.comments owner to tn602_clean_owner;
insert into api.comments (tenant_id, id, item_id)
values ('bbbbbbbb-0000-4000-8000-000000000002', 1, 'bbbbbbbb-0000-4000-8000-000000000002');
alter table api.comments enable row level security;
alter table api.comments force row level security;
create policy tenant on api.comments
    to tn602_clean_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.comments to tn602_clean_app;
