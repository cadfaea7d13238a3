-- code: TN106
-- name: app_role_predefined_role
-- level: error
-- object: role
-- what: The request role is a member of a predefined role.
-- why: pg_read_all_data and pg_write_all_data reach every table that no policy protects, now and later; the roles for
--   server files and programs read the files of the tables themselves; those for statistics and sessions show what
--   others do.
-- see: As the request role: select pg_catalog.pg_has_role(current_user, 'pg_read_all_data', 'MEMBER');
-- fix: Revoke it; grant what requests need, table by table.

select
    case when found.reads_rows then 'error' else 'warning' end as level,
    'role' as object_type,
    pg_catalog.quote_ident(a.role_name) as object_identity,
    null::pg_catalog.text as relation,
    pg_catalog.format('The request role %I is a member of %s.', a.role_name, found.names) as message,
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
        pg_catalog.array_agg(r.role_oid) as role_oids,
        pg_catalog.bool_or(
            r.role_name in (
                'pg_read_all_data', 'pg_write_all_data', 'pg_execute_server_program', 'pg_read_server_files',
                'pg_write_server_files', 'pg_create_subscription'
            )
        ) as reads_rows
    from role_reach as r
    where r.predefined
        -- Who owns the database is a member of it, and of that TN104 and TN105 speak.
        and r.role_name <> 'pg_database_owner'
) as found
where found.names is not null
