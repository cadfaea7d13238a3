-- code: TN603
-- name: unique_oracle
-- level: warning
-- object: index
-- what: A unique index of a tenant table does not hold the tenant.
-- why: Uniqueness is checked among the rows of all tenants: a duplicate-key error, or ON CONFLICT DO NOTHING that
--   inserts nothing, tells what others have. A uuid cannot be guessed, so for such a key this is advice.
-- see: As the request role, with one tenant's setting: insert the key of another tenant's row.
-- fix: Add the tenant to the key; or revoke INSERT and UPDATE of the column.

select
    case
        when (
            select pg_catalog.bool_or(a.atttypid = 'pg_catalog.uuid'::pg_catalog.regtype)
            from pg_catalog.pg_attribute as a
            where a.attrelid = i.indrelid
                and a.attnum = any (key.attnums)
        ) then 'advice'
        else 'warning'
    end as level,
    'index' as object_type,
    pg_catalog.format('%s.%I', pg_catalog.quote_ident(t.namespace_name), c.relname) as object_identity,
    t.identity as relation,
    pg_catalog.format('%I compares the rows of all tenants of %s.', c.relname, t.identity) as message,
    pg_catalog.pg_get_indexdef(i.indexrelid) as detail,
    pg_catalog.format('-- make it again with %I as its first column', t.tenant_column) as fix,
    pg_catalog.pg_get_indexdef(i.indexrelid) as content
from pg_catalog.pg_index as i
inner join pg_catalog.pg_class as c on c.oid = i.indexrelid
inner join tenant_table as t on t.relation_oid = i.indrelid
cross join lateral (
    select pg_catalog.array_agg(x.attnum) as attnums
    from pg_catalog.unnest(i.indkey) with ordinality as x (attnum, place)
    where x.place <= i.indnkeyatts
) as key
where i.indisunique
    and not i.indisexclusion
    and not coalesce(t.tenant_attnum = any (key.attnums), false)
    -- Those of partitions are their parent's.
    and not exists (
        select
        from pg_catalog.pg_inherits as h
        where h.inhrelid = i.indexrelid
    )
    -- Who writes no column of the key asks nothing by it. 0 is an expression, over whatever columns.
    and exists (
        select
        from acting_role as r
        cross join pg_catalog.unnest(key.attnums) as x (attnum)
        where pg_catalog.has_schema_privilege(r.role_oid, t.namespace_oid, 'USAGE')
            and case
                when x.attnum = 0 then pg_catalog.has_any_column_privilege(r.role_oid, i.indrelid, 'INSERT, UPDATE')
                else pg_catalog.has_column_privilege(r.role_oid, i.indrelid, x.attnum, 'INSERT, UPDATE')
            end
    )
