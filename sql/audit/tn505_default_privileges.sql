-- code: TN505
-- name: default_privileges
-- level: warning
-- object: default privileges
-- what: Tables that somebody makes are granted to the request role before anybody protects them.
-- why: The next table, copy or partition is open from the moment it exists until its row-level security is
--   enabled.
-- see: In psql: \ddp
-- fix: Take the default away, and grant each table with its policies.

select
    'warning' as level,
    'default privileges' as object_type,
    pg_catalog.concat_ws('/', pg_catalog.quote_ident(o.rolname), pg_catalog.quote_ident(n.nspname)) as object_identity,
    null::pg_catalog.text as relation,
    pg_catalog.format('What %I makes%s is granted to %s at once.', o.rolname, ' in schema ' || pg_catalog.quote_ident(n.nspname), g.names) as message,
    'Rights: ' || g.rights || '.' as detail,
    pg_catalog.format(
        'alter default privileges for role %I%s revoke all on tables from %s;',
        o.rolname,
        ' in schema ' || pg_catalog.quote_ident(n.nspname),
        g.names
    ) as fix,
    null::pg_catalog.text as content
from pg_catalog.pg_default_acl as d
inner join pg_catalog.pg_roles as o on o.oid = d.defaclrole
left join pg_catalog.pg_namespace as n on n.oid = d.defaclnamespace
cross join lateral (
    select
        pg_catalog.string_agg(distinct coalesce(pg_catalog.quote_ident(r.role_name), 'public'), ', ') as names,
        pg_catalog.string_agg(distinct x.privilege_type, ', ') as rights
    from pg_catalog.aclexplode(d.defaclacl) as x
    left join acting_role as r on r.role_oid = x.grantee
    where (x.grantee = 0 or r.role_oid is not null)
        and x.grantee <> d.defaclrole
) as g
where d.defaclobjtype = 'r'
    and g.names is not null
