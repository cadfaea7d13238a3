-- Which relations may be served, and what Postgres itself says of their isolation.
--
-- Run by the service as its request role, and as each other role that requests may run as. $1: exposed schemas (text[]);
-- $2: single relations, as schema.name (text[]); $3 to $5: what was declared (oid[], text[], text[]), as
-- sql/audit/standing.sql says.
-- row_security_active() is evaluated as the role that asks, so it is Postgres' own answer for the pooled connections.
-- Partitions are left out: they are reached through their parent (a partition named by hand uses its own policies).

select
    c.oid as oid,
    n.nspname::pg_catalog.text as schema_name,
    c.relname::pg_catalog.text as relation_name,
    c.relkind::pg_catalog.text as relation_kind,
    pg_catalog.format('%I.%I', n.nspname, c.relname) as identity,
    -- Without what it declares: `@tenant(column)`, `@global`, `@internal`.
    nullif(
        pg_catalog.btrim(
            pg_catalog.regexp_replace(
                pg_catalog.obj_description(c.oid, 'pg_class'),
                '(^|\s)@(tenant\s*\([^)]*\)|(tenant|global|internal)\M(?![.-]\w)):?',
                '\1',
                'g'
            ),
            E' \n'
        ),
        ''
    ) as comment,
    d.kind as declared_kind,
    d.tenant_column as declared_tenant_column,
    case
        when c.relkind in ('r', 'p') then pg_catalog.row_security_active(c.oid)
        else false
    end as rls_active,
    exists (
        select
        from pg_catalog.pg_policy as p
        where p.polrelid = c.oid
            and p.polpermissive
            and (
                0 = any (p.polroles)
                or exists (
                    select
                    from pg_catalog.unnest(p.polroles) as r (role_oid)
                    where r.role_oid <> 0
                        and pg_catalog.pg_has_role(r.role_oid, 'USAGE')
                )
            )
    ) as has_policy,
    coalesce(k.identities, '{}') as referencing_keys,
    pg_catalog.has_any_column_privilege(c.oid, 'SELECT') as may_select,
    -- System columns can be read of a plain table only: a view has none, a partitioned table returns none.
    c.relkind = 'r' and pg_catalog.has_table_privilege(c.oid, 'SELECT') as may_select_system,
    pg_catalog.has_any_column_privilege(c.oid, 'INSERT') as may_insert,
    pg_catalog.has_any_column_privilege(c.oid, 'UPDATE') as may_update,
    pg_catalog.has_table_privilege(c.oid, 'DELETE') as may_delete,
    -- Of a view the bits at the numbers of the commands: 2 UPDATE, 3 INSERT, 4 DELETE.
    c.relkind in ('r', 'p') or (c.relkind = 'v' and pg_catalog.pg_relation_is_updatable(c.oid, true) & 8 <> 0) as takes_insert,
    c.relkind in ('r', 'p') or (c.relkind = 'v' and pg_catalog.pg_relation_is_updatable(c.oid, true) & 4 <> 0) as takes_update,
    c.relkind in ('r', 'p') or (c.relkind = 'v' and pg_catalog.pg_relation_is_updatable(c.oid, true) & 16 <> 0) as takes_delete
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
left join rows from (
    pg_catalog.unnest($3::pg_catalog.oid[]),
    pg_catalog.unnest($4::pg_catalog.text[]),
    pg_catalog.unnest($5::pg_catalog.text[])
) as d (relation, kind, tenant_column) on d.relation = c.oid
-- Foreign keys that point here, as the audit names them.
left join (
    select
        f.confrelid,
        pg_catalog.array_agg(pg_catalog.format('%I.%I/%I', kn.nspname, kc.relname, f.conname)) as identities
    from pg_catalog.pg_constraint as f
    inner join pg_catalog.pg_class as kc on kc.oid = f.conrelid
    inner join pg_catalog.pg_namespace as kn on kn.oid = kc.relnamespace
    where f.contype = 'f'
        and f.conparentid = 0
    group by f.confrelid
) as k on k.confrelid = c.oid
where c.relkind in ('r', 'p', 'v', 'm', 'f')
    and not c.relispartition
    and (
        n.nspname = any ($1)
        or n.nspname || '.' || c.relname = any ($2)
    )
    and pg_catalog.has_schema_privilege(n.oid, 'USAGE')
    and (
        pg_catalog.has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE')
        or pg_catalog.has_table_privilege(c.oid, 'DELETE')
    )
order by schema_name, relation_name
