-- code: TN101
-- name: app_role_superuser
-- level: error
-- object: role
-- what: The request role is a superuser.
-- why: Policies are never evaluated for a superuser, FORCE or not: every request reads and writes every tenant's rows.
-- see: As the request role: select rolsuper from pg_catalog.pg_roles where rolname = current_user;
-- fix: Let requests run as a login of their own that is no superuser and owns nothing.

select
    'error' as level,
    'role' as object_type,
    pg_catalog.quote_ident(a.role_name) as object_identity,
    null::pg_catalog.text as relation,
    pg_catalog.format('The request role %I is a superuser, so no policy binds it.', a.role_name) as message,
    null::pg_catalog.text as detail,
    pg_catalog.format('alter role %I nosuperuser;', a.role_name) as fix,
    null::pg_catalog.text as content
from app as a
where a.superuser
