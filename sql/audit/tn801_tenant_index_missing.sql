-- code: TN801
-- name: tenant_index_missing
-- level: advice
-- object: relation
-- what: No index of a tenant table begins with the tenant.
-- why: Every request reads the rows of all tenants to find its own: slow, and one tenant's size is every tenant's
--   cost.
-- see: explain select * from the table, as the request role.
-- fix: Make an index that begins with the tenant column.

select
    'advice' as level,
    'relation' as object_type,
    t.identity as object_identity,
    t.identity as relation,
    pg_catalog.format('No index of %s begins with %I.', t.identity, t.tenant_column) as message,
    null::pg_catalog.text as detail,
    pg_catalog.format('create index on %s (%I);', t.identity, t.tenant_column) as fix,
    null::pg_catalog.text as content
from tenant_table as t
where t.tenant_attnum is not null
    and not t.is_partition
    and exists (
        select
        from acting_role as r
        where pg_catalog.has_schema_privilege(r.role_oid, t.namespace_oid, 'USAGE')
            and (
                pg_catalog.has_any_column_privilege(r.role_oid, t.relation_oid, 'SELECT, UPDATE')
                or pg_catalog.has_table_privilege(r.role_oid, t.relation_oid, 'DELETE')
            )
    )
    and not exists (
        select
        from pg_catalog.pg_index as i
        where i.indrelid = t.relation_oid
            and i.indkey[0] = t.tenant_attnum
            and i.indpred is null
            and i.indisvalid
    )
