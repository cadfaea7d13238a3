-- code: TN704
-- name: app_search_path
-- level: warning
-- object: role
-- what: The search_path of the request role holds a schema in which it makes objects.
-- why: A name without a schema, in a statement or a function, then means what an earlier request has put there.
-- see: As the request role, on a fresh connection: show search_path.
-- fix: Take the schema off the path, or revoke CREATE.

select
    'warning' as level,
    d.object_type as object_type,
    d.object_identity as object_identity,
    null::pg_catalog.text as relation,
    pg_catalog.format('The path of requests holds %s, in which requests make objects.', s.identity) as message,
    'search_path = ' || d.value || '.' as detail,
    pg_catalog.format('revoke create on schema %s from public, %s;', s.identity, s.role_names) as fix,
    null::pg_catalog.text as content
from session_default as d
cross join app as a
inner join creatable_schema as s
    on s.namespace_name::pg_catalog.text = any (
        pg_catalog.regexp_split_to_array(
            pg_catalog.replace(pg_catalog.replace(d.value, '"', ''), '$user', a.role_name),
            ' *, *'
        )
    )
where d.name = 'search_path'
    and d.object_type <> 'server'
