-- code: TN404
-- name: secdef_function_bypass
-- level: error
-- object: function
-- what: A SECURITY DEFINER function that the request role may call runs as somebody whom no policy binds.
-- why: It reads and writes every tenant's rows, and what it gives back is up to its body. PUBLIC may execute a
--   function unless somebody has revoked it. Dynamic SQL shows no table in the body.
-- see: As the request role: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009'; call the function;
--   it may give back nothing of a tenant.
-- fix: Make it SECURITY INVOKER; or give it to an owner whom forced policies bind; or revoke EXECUTE; or read it
--   and declare it trusted, which pins its text.

select
    case
        when f.of_extension then 'advice'
        when seen.table_names is not null or opaque.is_so then 'error'
        else 'warning'
    end as level,
    'function' as object_type,
    f.identity as object_identity,
    null::pg_catalog.text as relation,
    pg_catalog.format('%s may be called by requests and runs as %I, whom no policy keeps from other tenants'' rows.', f.identity, f.owner_name)
        as message,
    case
        when seen.table_names is not null then pg_catalog.format('It names %s; %s.', seen.table_names, door.why)
        when opaque.is_so then pg_catalog.format('What it reads cannot be seen from its text; %s.', door.why)
        else pg_catalog.format('Its text names no tenant table; %s.', door.why)
    end as detail,
    pg_catalog.format(
        E'alter function %1$s security invoker;\n-- or\nrevoke execute on function %1$s from public;',
        f.identity
    ) as fix,
    f.definition as content
from callable as f
inner join (
    select
        o.role_oid,
        min(o.why) as why
    from open_table as o
    group by o.role_oid
) as door on door.role_oid = f.owner_oid
cross join lateral (
    select
        f.language_name not in ('sql', 'plpgsql')
        or f.text ~ '\mexecute\M' as is_so
) as opaque
cross join lateral (
    select pg_catalog.string_agg(o.identity, ', ' order by o.identity) as table_names
    from open_table as o
    where o.role_oid = f.owner_oid
        and pg_catalog.strpos(f.text, pg_catalog.lower(o.relation_name)) > 0
) as seen
where f.security_definer
    and f.called
    and not f.is_trigger
    and not f.trusted
