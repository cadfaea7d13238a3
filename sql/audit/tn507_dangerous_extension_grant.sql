-- code: TN507
-- name: dangerous_extension_grant
-- level: warning
-- object: extension
-- what: The request role can leave the database, or read below it, through an extension or a foreign server.
-- why: dblink and foreign servers open connections of their own, with whatever login somebody has mapped; others
--   read pages and files. Policies of this session do not hold there.
-- see: In psql: \dx, \des+ and \deu+
-- fix: Revoke EXECUTE on the extension's functions, and USAGE on the server.

select
    'warning' as level,
    'extension' as object_type,
    pg_catalog.quote_ident(e.extname) as object_identity,
    null::pg_catalog.text as relation,
    pg_catalog.format('Requests may call functions of extension %I.', e.extname) as message,
    pg_catalog.format('Functions: %s.', f.names) as detail,
    pg_catalog.format('revoke execute on all functions in schema %I from public;', n.nspname) as fix,
    null::pg_catalog.text as content
from pg_catalog.pg_extension as e
inner join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
cross join lateral (
    select pg_catalog.string_agg(distinct p.proname::pg_catalog.text, ', ') as names
    from pg_catalog.pg_depend as d
    inner join pg_catalog.pg_proc as p on p.oid = d.objid
    cross join acting_role as r
    where d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
        and d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
        and d.refobjid = e.oid
        and d.deptype = 'e'
        and p.proname !~ '_(validator|handler)$'
        and pg_catalog.has_function_privilege(r.role_oid, p.oid, 'EXECUTE')
        and pg_catalog.has_schema_privilege(r.role_oid, p.pronamespace, 'USAGE')
) as f
where e.extname in ('adminpack', 'dblink', 'http', 'pageinspect', 'pg_net', 'pg_surgery', 'pg_walinspect')
    and f.names is not null
union all
select
    'warning',
    'server',
    pg_catalog.quote_ident(s.srvname),
    null,
    pg_catalog.format('Requests may use the foreign server %I.', s.srvname),
    pg_catalog.format('Roles: %s.', r.names),
    pg_catalog.format('revoke usage on foreign server %I from %s;', s.srvname, r.names),
    null
from pg_catalog.pg_foreign_server as s
cross join lateral (
    select pg_catalog.string_agg(a.role_name, ', ' order by a.role_name) as names
    from acting_role as a
    where pg_catalog.has_server_privilege(a.role_oid, s.oid, 'USAGE')
        and not pg_catalog.pg_has_role(a.role_oid, s.srvowner, 'USAGE')
) as r
where r.names is not null
