-- code: TN401
-- name: view_runs_as_owner
-- level: error
-- object: view
-- what: A view that the request role reaches reads a tenant table as its owner, whom no policy binds.
-- why: A view reads its tables as its owner unless it has security_invoker. An owner who is a superuser, has
--   BYPASSRLS, owns a table that is not forced, or has a policy that shows everything, shows every tenant's rows to
--   whoever reads the view.
-- see: As the request role: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009'; select * from the
--   view; no row may come back.
-- fix: Set security_invoker on the view; or force row-level security on the table, with a policy for the owner
--   that compares the tenant.

select
    'error' as level,
    'view' as object_type,
    v.identity as object_identity,
    v.identity as relation,
    pg_catalog.format('%s reads %s as %I, whom no policy keeps from other tenants'' rows.', v.identity, v.table_names, v.owner_name) as message,
    v.why || '.' as detail,
    pg_catalog.format('alter view %s set (security_invoker = true);', v.identity) as fix,
    pg_catalog.pg_get_viewdef(v.relation_oid) as content
from door_view as v
where not v.filtered
