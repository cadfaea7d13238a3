-- code: TN108
-- name: app_role_createrole
-- level: error
-- object: role
-- what: The request role may create roles, or grant itself one.
-- why: Before PostgreSQL 16, CREATEROLE grants any role that is no superuser, the owner of the tables among them;
--   from 16 on, each role that it has the ADMIN option on.
-- see: As the request role: grant the owner to itself, set role to it, then select * from its tables.
-- fix: Take CREATEROLE and ADMIN options from it.

select
    'error' as level,
    'role' as object_type,
    pg_catalog.quote_ident(a.role_name) as object_identity,
    null::pg_catalog.text as relation,
    case
        when a.create_role then pg_catalog.format('The request role %I may create roles, and so grant itself others.', a.role_name)
        else pg_catalog.format('The request role %I may grant itself, or become a role that creates roles: %s.', a.role_name, found.names)
    end as message,
    null::pg_catalog.text as detail,
    case
        when a.create_role then pg_catalog.format('alter role %I nocreaterole;', a.role_name)
        else (
        select pg_catalog.string_agg(pg_catalog.format('revoke %I from %I;', r.rolname, m.rolname), E'\n' order by r.rolname, m.rolname)
        from pg_catalog.pg_auth_members as g
        inner join pg_catalog.pg_roles as r on r.oid = g.roleid
        inner join pg_catalog.pg_roles as m on m.oid = g.member
        where g.roleid = any (found.role_oids)
            and (g.member = a.role_oid or pg_catalog.pg_has_role(a.role_oid, g.member, 'MEMBER'))
    )
    end as fix,
    null::pg_catalog.text as content
from app as a
cross join lateral (
    select
        pg_catalog.string_agg(pg_catalog.quote_ident(r.role_name), ', ' order by r.role_name) as names,
        pg_catalog.array_agg(r.role_oid) as role_oids
    from role_reach as r
    where r.administers or r.becomes and r.create_role and not (r.superuser or r.bypass_rls)
) as found
where (a.create_role or found.names is not null)
    and not a.superuser
