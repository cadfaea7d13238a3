-- code: TN107
-- name: app_role_replication
-- level: error
-- object: role
-- what: The request role has REPLICATION, or can become a role that has.
-- why: A replication connection decodes what every tenant writes, and copies the whole cluster: row-level security is
--   not applied to either.
-- see: As the request role: select rolreplication from pg_catalog.pg_roles where rolname = current_user;
-- fix: Take REPLICATION from it; replicas log in with a role of their own.

select
    'error' as level,
    'role' as object_type,
    pg_catalog.quote_ident(a.role_name) as object_identity,
    null::pg_catalog.text as relation,
    case
        when a.replication then pg_catalog.format('The request role %I may replicate, which no policy filters.', a.role_name)
        else
            pg_catalog.format(
                'The request role %I can become %s, and so replicate, which no policy filters.',
                a.role_name,
                found.names
            )
    end as message,
    null::pg_catalog.text as detail,
    case
        when a.replication then pg_catalog.format('alter role %I noreplication;', a.role_name)
        else (
            select
                pg_catalog.string_agg(
                    pg_catalog.format('revoke %I from %I;', r.rolname, m.rolname),
                    E'\n'
                    order by r.rolname, m.rolname
                )
            from pg_catalog.pg_auth_members as g
            inner join pg_catalog.pg_roles as r on r.oid = g.roleid
            inner join pg_catalog.pg_roles as m on m.oid = g.member
            where g.roleid = any (found.role_oids)
                and (g.member = a.role_oid or pg_catalog.pg_has_role(a.role_oid, g.member, 'MEMBER'))
        )
    end as fix,
    null::pg_catalog.text as content
from app as a
-- The functions for decoding ask the current role, which SET ROLE changes. Of those whom no policy binds TN103 speaks.
cross join lateral (
    select
        pg_catalog.string_agg(pg_catalog.quote_ident(r.role_name), ', ' order by r.role_name) as names,
        pg_catalog.array_agg(r.role_oid) as role_oids
    from role_reach as r
    where (r.becomes or r.administers)
        and r.replication
        and not (r.superuser or r.bypass_rls)
) as found
where a.replication
    or found.names is not null
