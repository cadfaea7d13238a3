-- code: TN601
-- name: fk_cross_tenant
-- level: warning
-- object: constraint
-- what: A foreign key between tenant tables does not hold the tenant.
-- why: Foreign keys are checked below the policies: a row can point at another tenant's, and whether it may tells
--   that the other exists.
-- see: As the request role, with one tenant's setting: insert a row that points at another tenant's; it must fail.
-- fix: Let the key hold the tenant on both sides: foreign key (tenant_id, item_id) references items (tenant_id,
--   id).

select
    case when a.strict then 'error' else 'warning' end as level,
    'constraint' as object_type,
    pg_catalog.format('%s/%I', t.identity, k.conname) as object_identity,
    t.identity as relation,
    pg_catalog.format('Rows of %s can point at rows of %s that are another tenant''s.', t.identity, p.identity) as message,
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
    and pair.written
    -- Said by TN602, which is worse.
    and not action.acts
