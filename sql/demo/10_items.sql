-- Tenant isolation at its smallest: one table, each tenant reads and writes its own rows.
-- Run by `rowhouse demo` after 00_tenants.sql, in one transaction, by a superuser; a second run changes nothing.
--
-- Copy this file to serve a table of your own. The order matters: row-level security and policies first, rights last,
-- so that at no moment somebody may read what nothing filters.

set local client_min_messages = warning;

set local role rowhouse_owner;

create table if not exists api.items (
    id uuid not null default pg_catalog.gen_random_uuid(),
    title text not null,
    -- The default saves clients from naming their tenant. One that names another is refused by the policy.
    tenant_id uuid not null default tenancy.current_tenant_id(),
    -- Every key leads with the tenant: the index serves the policy, and the error about a duplicate tells
    -- nobody what another tenant has.
    constraint items_pkey primary key (tenant_id, id),
    constraint items_title_key unique (tenant_id, title),
    constraint items_tenant_fkey foreign key (tenant_id) references tenancy.tenants (id) on delete cascade,
    constraint items_title_given check (pg_catalog.length(pg_catalog.btrim(title)) between 1 and 200)
);
comment on table api.items is 'Things a tenant has.';
comment on column api.items.id is 'The item, unique within its tenant.';
comment on column api.items.title is 'What it is. No two items of a tenant have the same title.';
comment on column api.items.tenant_id is 'Whose it is.';

alter table api.items enable row level security;
-- Without this the owner of the table would see all rows, and whatever runs as the owner with it.
alter table api.items force row level security;

drop policy if exists select_tenant on api.items;
create policy select_tenant on api.items
    for select
    to rowhouse_app
    using (tenant_id = (select tenancy.current_tenant_id()));
comment on policy select_tenant on api.items is 'A tenant reads its own items.';

drop policy if exists insert_tenant on api.items;
create policy insert_tenant on api.items
    for insert
    to rowhouse_app
    with check (tenant_id = (select tenancy.current_tenant_id()));
comment on policy insert_tenant on api.items is 'A tenant adds items of its own.';

drop policy if exists update_tenant on api.items;
create policy update_tenant on api.items
    for update
    to rowhouse_app
    using (tenant_id = (select tenancy.current_tenant_id()))
    with check (tenant_id = (select tenancy.current_tenant_id()));
comment on policy update_tenant on api.items is 'A tenant changes its own items, and they stay its own.';

drop policy if exists delete_tenant on api.items;
create policy delete_tenant on api.items
    for delete
    to rowhouse_app
    using (tenant_id = (select tenancy.current_tenant_id()));
comment on policy delete_tenant on api.items is 'A tenant deletes its own items.';

revoke all on api.items from public, rowhouse_app;
grant select, delete on api.items to rowhouse_app;
grant insert (id, title, tenant_id) on api.items to rowhouse_app;
grant update (title) on api.items to rowhouse_app;

select tenancy.declare('api.items', 'tenant', 'What a tenant has is its own business.');

-- The data, as each tenant.
set local role rowhouse_app;

set local app.current_tenant_id = '7a245486-3fc8-47ec-b303-04fefe7a58ff';
insert into api.items (title)
values
    ('art-fair'),
    ('book drive'),
    ('community garden'),
    ('harvest festival'),
    ('swing set repairs')
on conflict do nothing;

set local app.current_tenant_id = '162be16f-4c1d-4b0e-9a53-6f7d20c8e915';
insert into api.items (title)
values
    ('a4 paper'),
    ('card stock'),
    ('envelopes'),
    ('letterhead'),
    ('toner')
on conflict do nothing;

set local app.current_tenant_id = 'ebdba44d-93f2-4e67-8d1b-0a5c7be3f248';
insert into api.items (title)
values
    ('apple'),
    ('beetroot'),
    ('chickpea'),
    ('fig'),
    ('lemon')
on conflict do nothing;
