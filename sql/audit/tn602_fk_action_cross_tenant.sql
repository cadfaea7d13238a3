-- code: TN602
-- name: fk_action_cross_tenant
-- level: error
-- object: constraint
-- what: A foreign key that does not hold the tenant rewrites or deletes rows of a tenant table.
-- why: CASCADE, SET NULL and SET DEFAULT work below the policies: deleting or changing an own row deletes or
--   changes what other tenants have pointed at it. So does deleting a row of a table that is the same for all.
-- see: As the request role, with one tenant's setting: delete a row that another tenant's points at.
-- fix: Let the key hold the tenant on both sides.

select
    'error' as level,
    'constraint' as object_type,
    pg_catalog.format('%s/%I', t.identity, k.conname) as object_identity,
    t.identity as relation,
    pg_catalog.format('A change of %s reaches rows of %s that are another tenant''s.', p.identity, t.identity) as message,
    pg_catalog.pg_get_constraintdef(k.oid) as detail,
    pg_catalog.format(
        E'alter table %1$s drop constraint %2$I;\n-- and again, with the tenant on both sides:\n-- foreign key (%3$I, ...) references %4$s (%5$I, ...)',
        t.identity,
        k.conname,
        t.tenant_column,
        p.identity,
        p.tenant_column
    ) as fix,
    pg_catalog.pg_get_constraintdef(k.oid) as content
from pg_catalog.pg_constraint as k
inner join tenant_table as t on t.relation_oid = k.conrelid
inner join tenant_table as p on p.relation_oid = k.confrelid
cross join app as a
left join tenant_right as own on own.relation_oid = t.relation_oid
left join tenant_right as other on other.relation_oid = p.relation_oid
cross join lateral (
    select
        coalesce(
            pg_catalog.bool_or(x.own_attnum = t.tenant_attnum and x.other_attnum = p.tenant_attnum),
            false
        ) as with_tenant,
        exists (
            select
            from acting_role as r
            cross join pg_catalog.unnest(k.conkey) as y (attnum)
            where pg_catalog.has_column_privilege(r.role_oid, k.conrelid, y.attnum, 'INSERT, UPDATE')
        ) as written,
        exists (
            select
            from acting_role as r
            cross join pg_catalog.unnest(k.confkey) as y (attnum)
            where pg_catalog.has_column_privilege(r.role_oid, k.confrelid, y.attnum, 'UPDATE')
        ) as key_written
    from rows from (pg_catalog.unnest(k.conkey), pg_catalog.unnest(k.confkey)) as x (own_attnum, other_attnum)
) as pair
cross join lateral (
    select
        (k.confdeltype in ('c', 'n', 'd') and coalesce(other.deletes, false))
        or (k.confupdtype in ('c', 'n', 'd') and pair.key_written) as acts
) as action
where k.contype = 'f'
    -- Those of partitions are their parent's.
    and k.conparentid = 0
    and not pair.with_tenant
    and action.acts
union all
-- What is the same for all has no tenant that the key could hold.
select
    'error',
    'constraint',
    pg_catalog.format('%s/%I', t.identity, k.conname),
    t.identity,
    pg_catalog.format('A change of %s reaches rows of %s that are another tenant''s.', p.identity, t.identity),
    pg_catalog.pg_get_constraintdef(k.oid),
    pg_catalog.format('revoke delete, update on %s from %s;', p.identity, who.names),
    pg_catalog.pg_get_constraintdef(k.oid)
from pg_catalog.pg_constraint as k
inner join tenant_table as t on t.relation_oid = k.conrelid
inner join relation as p
    on p.relation_oid = k.confrelid
    and p.relation_kind in ('r', 'p')
    and not p.is_tenant
inner join who on who.relation_oid = p.relation_oid
cross join lateral (
    select
        exists (
            select
            from acting_role as r
            where pg_catalog.has_table_privilege(r.role_oid, p.relation_oid, 'DELETE')
                and not pg_catalog.pg_has_role(r.role_oid, p.owner_oid, 'USAGE')
        ) as deleted,
        exists (
            select
            from acting_role as r
            cross join pg_catalog.unnest(k.confkey) as y (attnum)
            where pg_catalog.has_column_privilege(r.role_oid, k.confrelid, y.attnum, 'UPDATE')
                and not pg_catalog.pg_has_role(r.role_oid, p.owner_oid, 'USAGE')
        ) as updated
) as may
where k.contype = 'f'
    and k.conparentid = 0
    -- Policies of its own decide which of its rows are changed.
    and not p.rls_enabled
    and (
        k.confdeltype in ('c', 'n', 'd') and may.deleted
        or k.confupdtype in ('c', 'n', 'd') and may.updated
    )
