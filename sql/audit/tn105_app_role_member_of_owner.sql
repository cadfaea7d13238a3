-- code: TN105
-- name: app_role_member_of_owner
-- level: error
-- object: role
-- what: The request role is, or can become, a member of a role that owns relations, schemas,
--   functions or the database.
-- why: Who inherits ownership skips policies that are not forced; who may SET ROLE to the owner does what the owner
--   does, over any number of memberships, NOINHERIT or not.
-- see: As the request role: set role to the owner, then select * from its tables.
-- fix: Revoke the membership.

select
    'error' as level,
    'role' as object_type,
    pg_catalog.quote_ident(a.role_name) as object_identity,
    null::pg_catalog.text as relation,
    pg_catalog.format('The request role %I can act as %s, which owns what requests meet.', a.role_name, found.names) as message,
    null::pg_catalog.text as detail,
    (
        select pg_catalog.string_agg(pg_catalog.format('revoke %I from %I;', r.rolname, m.rolname), E'\n' order by r.rolname, m.rolname)
        from pg_catalog.pg_auth_members as g
        inner join pg_catalog.pg_roles as r on r.oid = g.roleid
        inner join pg_catalog.pg_roles as m on m.oid = g.member
        where g.roleid = any (found.role_oids)
            and (g.member = a.role_oid or pg_catalog.pg_has_role(a.role_oid, g.member, 'MEMBER'))
    ) as fix,
    null::pg_catalog.text as content
from app as a
cross join lateral (
    select
        pg_catalog.string_agg(pg_catalog.quote_ident(r.role_name), ', ' order by r.role_name) as names,
        pg_catalog.array_agg(r.role_oid) as role_oids
    from role_reach as r
    where not (r.superuser or r.bypass_rls)
        and (
            exists (
                select
                from relation as o
                where o.owner_oid = r.role_oid
                    and not o.of_extension
            )
            or exists (
                select
                from namespace as n
                where n.owner_oid = r.role_oid
                    and n.namespace_name <> 'public'
            )
            or exists (
                select
                from routine as f
                where f.owner_oid = r.role_oid
                    and not f.of_extension
            )
            or exists (
                select
                from pg_catalog.pg_database as d
                where d.datname = pg_catalog.current_database()
                    and d.datdba = r.role_oid
            )
        )
) as found
where found.names is not null
