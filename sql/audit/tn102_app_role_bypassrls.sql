-- code: TN102
-- name: app_role_bypassrls
-- level: error
-- object: role
-- what: The request role has BYPASSRLS.
-- why: Policies are not evaluated for it, and FORCE does not change that.
-- see: As the request role: select rolbypassrls from pg_catalog.pg_roles where rolname = current_user;
-- fix: Take BYPASSRLS from it; what must see all tenants runs as a role of its own.

select
    'error' as level,
    'role' as object_type,
    pg_catalog.quote_ident(a.role_name) as object_identity,
    null::pg_catalog.text as relation,
    pg_catalog.format('The request role %I has BYPASSRLS, so no policy binds it.', a.role_name) as message,
    null::pg_catalog.text as detail,
    pg_catalog.format('alter role %I nobypassrls;', a.role_name) as fix,
    null::pg_catalog.text as content
from app as a
where a.bypass_rls
