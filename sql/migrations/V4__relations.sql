-- The declarations: what each relation is, as the DBA decided, for the service and the auditor to judge by.
-- Run once by `rowhouse migrate`, as rowhouse_owner.

create table tenancy.relation (
    relation regclass not null,
    kind text not null,
    tenant_column name,
    reason text not null,
    declared_at timestamptz not null default pg_catalog.now(),
    declared_by name not null default session_user,
    constraint relation_pkey primary key (relation),
    constraint relation_kind_known check (kind in ('tenant', 'global', 'internal')),
    -- Written out even where it is the usual tenant_id, so that readers need no rule of their own.
    constraint relation_tenant_column_with_kind check ((kind = 'tenant') = (tenant_column is not null)),
    constraint relation_reason_given check (pg_catalog.length(pg_catalog.btrim(reason)) > 0)
);
comment on table tenancy.relation is
    'What each relation is: tenant (rows belong to tenants), global (the same for all tenants) or internal (never '
    'served). An undeclared relation is taken for a tenant relation, and served only under row-level security.';
comment on column tenancy.relation.relation is 'The table, view or other relation.';
comment on column tenancy.relation.kind is 'tenant, global or internal.';
comment on column tenancy.relation.tenant_column is 'The column that names the tenant; null unless kind is tenant.';
comment on column tenancy.relation.reason is 'Why it is so, in words, for the next reader.';
comment on column tenancy.relation.declared_at is 'When it was last declared otherwise than before.';
comment on column tenancy.relation.declared_by is 'The login that declared it.';

-- Configuration, not tenant data; the names of relations are all it tells. It is under row-level security all the
-- same, forced, so that a stray grant opens nothing and no rule of the audit needs an exception for it. Whoever
-- declares relations becomes rowhouse_owner to do so.
alter table tenancy.relation enable row level security;
alter table tenancy.relation force row level security;

create policy select_readers on tenancy.relation
    for select
    to rowhouse_app, rowhouse_auditor
    using (true);
comment on policy select_readers on tenancy.relation is 'The service and the auditor read what was declared.';

create policy select_owner on tenancy.relation
    for select
    to rowhouse_owner
    using (true);
comment on policy select_owner on tenancy.relation is 'Migrations read what was declared.';

create policy insert_owner on tenancy.relation
    for insert
    to rowhouse_owner
    with check (true);
comment on policy insert_owner on tenancy.relation is 'Migrations declare relations.';

create policy update_owner on tenancy.relation
    for update
    to rowhouse_owner
    using (true)
    with check (true);
comment on policy update_owner on tenancy.relation is 'Migrations declare relations anew.';

create policy delete_owner on tenancy.relation
    for delete
    to rowhouse_owner
    using (true);
comment on policy delete_owner on tenancy.relation is 'Migrations take declarations back.';

grant select on tenancy.relation to rowhouse_app, rowhouse_auditor;

create function tenancy.notify_reload()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    perform pg_catalog.pg_notify('rowhouse', 'reload');
    return null;
end
$$;
comment on function tenancy.notify_reload() is
    'Tells the service, on channel rowhouse, to read the catalog again.';
revoke all on function tenancy.notify_reload() from public;

create trigger notify_change
    after insert or update or delete or truncate
    on tenancy.relation
    for each statement
    execute function tenancy.notify_reload();
comment on trigger notify_change on tenancy.relation is 'Makes the service read the catalog again.';

-- `$1` and so on, because the parameters have the names of the columns.
create function tenancy.declare(
    relation regclass,
    kind text,
    reason text,
    tenant_column name default null
)
returns void
language plpgsql
set search_path = ''
as $$
#variable_conflict use_column
declare
    column_name pg_catalog.name := case when $2 = 'tenant' then coalesce($4, 'tenant_id') else $4 end;
begin
    if column_name is not null
        and not exists (
            select
            from pg_catalog.pg_attribute as a
            where a.attrelid = $1
                and a.attname = column_name
                and a.attnum > 0
                and not a.attisdropped
        )
    then
        raise undefined_column using
            message = pg_catalog.format('relation %s has no column %I', $1, column_name),
            hint = 'Name the column that holds the tenant, or declare the relation global or internal.';
    end if;

    -- A dropped relation leaves its declaration behind, and its number may come back as another relation's.
    delete from tenancy.relation as r
    where not exists (
        select
        from pg_catalog.pg_class as c
        where c.oid = r.relation
    );

    insert into tenancy.relation as r (relation, kind, reason, tenant_column)
    values ($1, $2, $3, column_name)
    on conflict on constraint relation_pkey do update
    set
        kind = excluded.kind,
        reason = excluded.reason,
        tenant_column = excluded.tenant_column,
        declared_at = excluded.declared_at,
        declared_by = excluded.declared_by
    where
        (r.kind, r.reason, r.tenant_column)
        is distinct from (excluded.kind, excluded.reason, excluded.tenant_column);
end
$$;
comment on function tenancy.declare(regclass, text, text, name) is
    'Declares what a relation is: tenant (with its tenant column, tenant_id when not given), global or internal, and '
    'why. Declaring again replaces the declaration.';
revoke all on function tenancy.declare(regclass, text, text, name) from public;

select tenancy.declare('tenancy.tenants', 'tenant', 'A tenant''s own registration.', 'id');
select tenancy.declare('tenancy.relation', 'internal', 'Configuration of the service.');

-- Made by the runner of migrations, under a name that is its to choose.
select tenancy.declare(r.relation, 'internal', 'Which migrations have run.')
from (select pg_catalog.to_regclass('tenancy.schema_history')) as r (relation)
where r.relation is not null;
