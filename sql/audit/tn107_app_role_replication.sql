-- code: TN107
-- name: app_role_replication
-- level: error
-- object: role
-- what: The request role has REPLICATION.
-- why: A replication connection decodes what every tenant writes, and copies the whole cluster: row-level security is
--   not applied to either.
-- see: As the request role: select rolreplication from pg_catalog.pg_roles where rolname = current_user;
-- fix: Take REPLICATION from it; replicas log in with a role of their own.

select
    'error' as level,
    'role' as object_type,
    pg_catalog.quote_ident(a.role_name) as object_identity,
    null::pg_catalog.text as relation,
    pg_catalog.format('The request role %I may replicate, which no policy filters.', a.role_name) as message,
    null::pg_catalog.text as detail,
    pg_catalog.format('alter role %I noreplication;', a.role_name) as fix,
    null::pg_catalog.text as content
from app as a
where a.replication
