-- code: TN409
-- name: function_overrides_tenant
-- level: error
-- object: function
-- what: A function that requests run makes another the tenant: by a SET clause, or by set_config or SET in its body.
-- why: What it does then it does as another tenant than the request, whoever calls it, and needs no right of its own for
--   that. One that only sets the tenant, and reads and writes nothing behind that, is a warning: what else runs in the
--   transaction runs as the other tenant.
-- see: As the request role: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009'; call the function;
--   it may give back nothing of the tenant that it sets.
-- fix: Take the SET clause away; let nobody but the service set the tenant. Or declare the function trusted.

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
union all
select
    case when o.acts or f.is_trigger then 'error' else 'warning' end,
    'function',
    f.identity,
    null,
    case
        when o.acts or f.is_trigger
            then pg_catalog.format('%s makes another the tenant, and goes on as that one.', f.identity)
        else pg_catalog.format('%s makes another the tenant of what runs behind it in the transaction.', f.identity)
    end,
    case when f.is_fired then pg_catalog.format('It is fired by writes to %s.', f.fired_by) end,
    pg_catalog.format('revoke execute on routine %s from public;', f.identity),
    f.definition
from callable as f
inner join tenant_override as o on o.function_oid = f.function_oid
where not f.trusted
    -- Said by TN702, which is worse, and by TN404 of what no policy binds anyway.
    and f.function_oid not in (
        select s.function_oid
        from session_setter as s
    )
    and not exists (
        select
        from definer as d
        where d.function_oid = f.function_oid
            and (d.names is not null or d.opaque)
    )
