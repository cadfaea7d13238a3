-- code: TN409
-- name: function_overrides_tenant
-- level: error
-- object: function
-- what: A function that requests run sets the tenant by a SET clause.
-- why: Its body runs as another tenant than the request, whoever calls it, and needs no right of its own for that.
-- see: As the request role: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009'; call the function;
--   it may give back nothing of the tenant that it sets.
-- fix: Take the SET clause away.

select
    'error' as level,
    'function' as object_type,
    f.identity as object_identity,
    null::pg_catalog.text as relation,
    pg_catalog.format('%s runs with %s, whatever the request''s tenant is.', f.identity, s.setting) as message,
    case when f.is_fired then pg_catalog.format('It is fired by writes to %s.', f.fired_by) end as detail,
    pg_catalog.format('alter routine %s reset %s;', f.identity, pg_catalog.split_part(s.setting, '=', 1)) as fix,
    f.definition as content
from callable as f
cross join app as a
cross join lateral pg_catalog.unnest(f.config) as s (setting)
where pg_catalog.lower(pg_catalog.split_part(s.setting, '=', 1)) = pg_catalog.lower(a.setting)
