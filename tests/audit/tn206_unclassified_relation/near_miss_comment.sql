-- The second table is declared by its comment.
-- request role: tn206_near_miss_comment_app
-- declare: tenant api.items tenant_id
-- open: it is the same for all tenants

create role tn206_near_miss_comment_app login password 'app';
create role tn206_near_miss_comment_owner nologin;
create schema api authorization tn206_near_miss_comment_owner;
grant usage on schema api to tn206_near_miss_comment_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn206_near_miss_comment_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn206_near_miss_comment_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn206_near_miss_comment_app;

create table api.notes (
    item_id int not null,
    body text not null
);
alter table api.notes owner to tn206_near_miss_comment_owner;
insert into api.notes (item_id, body)
values (1, 'of tenant A');
grant select on api.notes to tn206_near_miss_comment_app;
comment on table api.notes is E'What everybody reads.\n@global: the same for all tenants.';
