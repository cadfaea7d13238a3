-- code: TN604
-- name: exclusion_oracle
-- level: warning
-- object: index
-- what: An exclusion constraint of a tenant table does not hold the tenant.
-- why: It is checked among the rows of all tenants: an error tells what others have.
-- see: As the request role, with one tenant's setting: insert a row that conflicts with another tenant's.
-- fix: Add the tenant to the constraint: exclude using gist (tenant_id with =, ...).

select
    'warning' as level,
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
where i.indisexclusion
    -- The tenant must be what rows share, not what they differ in.
    and not exists (
        select
        from pg_catalog.unnest(key.attnums) with ordinality as x (attnum, place)
        left join pg_catalog.pg_constraint as k
            on k.conindid = i.indexrelid
            and k.conrelid = i.indrelid
            and k.conexclop is not null
        left join pg_catalog.pg_operator as o on o.oid = k.conexclop[x.place]
        where x.attnum = t.tenant_attnum
            and coalesce(o.oprname = '=', true)
    )
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
