-- code: TN208
-- name: foreign_table_exposed
-- level: error
-- object: relation
-- what: The request role reaches a foreign table that is not declared global.
-- why: A foreign table cannot have row-level security: the server behind it and the user mapping decide whose rows it
--   shows.
-- see: As the request role: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009'; select * from the
--   foreign table; no row may come back.
-- fix: Revoke the rights, and wrap it in what compares the tenant; or declare it global.

select
    'error' as level,
    'relation' as object_type,
    r.identity as object_identity,
    r.identity as relation,
    pg_catalog.format('%s is a foreign table, which no policy protects, and %s reaches it.', r.identity, who.names) as message,
    pg_catalog.format('Rights: %s.', who.rights) as detail,
    pg_catalog.format('revoke all on %s from %s;', r.identity, who.names) as fix,
    null::pg_catalog.text as content
from judged_relation as r
cross join lateral (
    select
        pg_catalog.string_agg(pg_catalog.quote_ident(g.role_name), ', ' order by g.role_kind desc, g.role_name) as names,
        pg_catalog.string_agg(
            pg_catalog.format('%I: %s', g.role_name, g.rights),
            '; '
            order by g.role_kind desc, g.role_name
        ) as rights
    from access as g
    where g.relation_oid = r.relation_oid
        and g.role_kind <> 'door'
        and (g.role_kind = 'self' or g.role_oid <> r.owner_oid)
        and g.reach
) as who
where r.relation_kind = 'f'
    and coalesce(r.kind, 'tenant') = 'tenant'
    and not r.of_extension
    and who.names is not null
