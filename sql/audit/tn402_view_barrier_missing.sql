-- code: TN402
-- name: view_barrier_missing
-- level: error
-- object: view
-- what: A view that compares the tenant itself reads as its owner and has no security_barrier.
-- why: Without a barrier the planner may ask a cheap function of the caller before the view's own condition: the
--   function sees every tenant's rows.
-- see: As the request role: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009'; create function
--   pg_temp.spy(text) returns boolean language plpgsql cost 0.0000001 as 'begin raise notice ''%'', $1; return true;
--   end'; select * from the view where pg_temp.spy(a column); no notice may come.
-- fix: Set security_invoker, so that the policies decide; or security_barrier.

select
    'error' as level,
    'view' as object_type,
    v.identity as object_identity,
    v.identity as relation,
    pg_catalog.format('%s compares the tenant without a barrier, and reads %s as %I.', v.identity, v.table_names, v.owner_name) as message,
    v.why || '.' as detail,
    pg_catalog.format('alter view %s set (security_invoker = true);', v.identity) as fix,
    pg_catalog.pg_get_viewdef(v.relation_oid) as content
from door_view as v
where v.filtered
    and not v.barrier
