-- The tenant registry.
-- Run once by `rowhouse migrate`, as rowhouse_owner.
--
-- A request sees its own tenant here and changes nothing. Tenants are made, suspended and removed by rowhouse_admin,
-- through policies that name it. No policy names rowhouse_owner, and row-level security is forced: not even
-- the tables' owner reads tenants, only foreign keys look them up on its behalf.

create table tenancy.tenants (
    id uuid not null default pg_catalog.gen_random_uuid(),
    slug text not null,
    name text not null,
    state text not null default 'active',
    limits jsonb not null default '{}',
    created_at timestamptz not null default pg_catalog.now(),
    constraint tenants_pkey primary key (id),
    -- The nil uuid is what a zeroed variable looks like; nobody shall be it.
    constraint tenants_id_not_nil check (id <> '00000000-0000-0000-0000-000000000000'),
    constraint tenants_slug_key unique (slug),
    -- One DNS label, since it may stand before the base domain in a Host header.
    constraint tenants_slug_is_label check (
        slug ~ '^[a-z0-9]+(-+[a-z0-9]+)*$'
        and pg_catalog.length(slug) <= 63
    ),
    constraint tenants_name_given check (pg_catalog.length(pg_catalog.btrim(name)) between 1 and 200),
    -- Text and a check, not an enum: the list can be changed both ways inside a transaction, and a client needs no
    -- look-up to know the type.
    constraint tenants_state_known check (state in ('provisioning', 'active', 'suspended', 'deleting', 'deleted')),
    constraint tenants_limits_is_object check (pg_catalog.jsonb_typeof(limits) = 'object')
);
comment on table tenancy.tenants is 'Who has rows here: one row per tenant. A tenant reads its own row only.';
comment on column tenancy.tenants.id is 'The tenant, as tokens name it and as every tenant table refers to it.';
comment on column tenancy.tenants.slug is 'A name for host names and paths: lower-case letters, digits, hyphens.';
comment on column tenancy.tenants.name is 'The name people read.';
comment on column tenancy.tenants.state is
    'provisioning, active, suspended, deleting or deleted. Requests are served to active tenants.';
comment on column tenancy.tenants.limits is 'Limits of this tenant that differ from the configured ones, by name.';
comment on column tenancy.tenants.created_at is 'When the tenant was registered.';

alter table tenancy.tenants enable row level security;
alter table tenancy.tenants force row level security;

create policy select_tenant on tenancy.tenants
    for select
    to rowhouse_app
    using (id = (select tenancy.current_tenant_id()));
comment on policy select_tenant on tenancy.tenants is 'A tenant reads its own registration and no other.';

create policy select_admin on tenancy.tenants
    for select
    to rowhouse_admin
    using (true);
comment on policy select_admin on tenancy.tenants is 'The administrative role reads the whole registry.';

create policy insert_admin on tenancy.tenants
    for insert
    to rowhouse_admin
    with check (true);
comment on policy insert_admin on tenancy.tenants is 'The administrative role registers tenants.';

create policy update_admin on tenancy.tenants
    for update
    to rowhouse_admin
    using (true)
    with check (true);
comment on policy update_admin on tenancy.tenants is 'The administrative role renames, suspends and limits tenants.';

create policy delete_admin on tenancy.tenants
    for delete
    to rowhouse_admin
    using (true);
comment on policy delete_admin on tenancy.tenants is
    'The administrative role removes tenants; foreign keys remove their rows with them.';

-- Columns are named so that id and created_at stay what they were.
grant select on tenancy.tenants to rowhouse_app;
grant select, delete on tenancy.tenants to rowhouse_admin;
grant insert (id, slug, name, state, limits) on tenancy.tenants to rowhouse_admin;
grant update (slug, name, state, limits) on tenancy.tenants to rowhouse_admin;

-- The service caches the registry for a few seconds; this empties the cache at once. Every login of the database can
-- listen to a channel, so the message says that something changed and never what.
create function tenancy.notify_tenants()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    perform pg_catalog.pg_notify('rowhouse', 'tenants');
    return null;
end
$$;
comment on function tenancy.notify_tenants() is
    'Tells the service, on channel rowhouse, that the tenant registry changed. Names no tenant.';
revoke all on function tenancy.notify_tenants() from public;

create trigger notify_change
    after insert or update or delete or truncate
    on tenancy.tenants
    for each statement
    execute function tenancy.notify_tenants();
comment on trigger notify_change on tenancy.tenants is 'Empties the service''s cache of tenants.';
