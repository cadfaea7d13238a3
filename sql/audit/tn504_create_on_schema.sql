-- code: TN504
-- name: create_on_schema
-- level: warning
-- object: schema
-- what: The request role may make objects in a schema.
-- why: What it makes has no policy, and outlives the request: a place where tenants leave rows for each other. In
--   a schema of the tenants' tables, or on the path of a definer function, it can stand in for what others mean.
-- see: As the request role: create table in the schema; it must fail.
-- fix: Revoke CREATE on the schema.

select
    case when holds.tenant_tables or holds.path then 'error' else 'warning' end as level,
    'schema' as object_type,
    s.identity as object_identity,
    null::pg_catalog.text as relation,
    pg_catalog.format('Requests can make objects in schema %s.', s.identity) as message,
    pg_catalog.concat_ws(
        ' ',
        pg_catalog.format('Roles: %s.', s.role_names),
        case when holds.tenant_tables then 'It holds tenant tables.' end,
        case when holds.path then 'It is on the search_path of a SECURITY DEFINER function.' end
    ) as detail,
    pg_catalog.format('revoke create on schema %s from public, %s;', s.identity, s.role_names) as fix,
    null::pg_catalog.text as content
from creatable_schema as s
cross join lateral (
    select
        exists (
            select
            from tenant_table as t
            where t.namespace_oid = s.namespace_oid
        ) as tenant_tables,
        exists (
            select
            from callable as f
            cross join lateral pg_catalog.unnest(f.config) as c (setting)
            where f.security_definer
                and c.setting ~ '^search_path='
                and s.namespace_name::pg_catalog.text = any (
                    pg_catalog.regexp_split_to_array(pg_catalog.replace(pg_catalog.substr(c.setting, 13), '"', ''), ' *, *')
                )
        ) as path
) as holds
