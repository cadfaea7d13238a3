-- code: TN404
-- name: secdef_function_bypass
-- level: error
-- object: function
-- what: A SECURITY DEFINER function that the request role may call runs as somebody whom no policy binds.
-- why: It reads and writes every tenant's rows, and what it gives back is up to its body. PUBLIC may execute a
--   function unless somebody has revoked it. Dynamic SQL shows no table in the body. A view, an operator, a default or an
--   aggregate runs it where the schema may not be used. One that compares the tenant in all it names is advice.
-- see: As the request role: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009'; call the function;
--   it may give back nothing of a tenant.
-- fix: Make it SECURITY INVOKER; or give it to an owner whom forced policies bind; or revoke EXECUTE; or read it
--   and declare it trusted, which pins its text.

select
    case
        when f.of_extension then 'advice'
        when d.names is not null or d.opaque then 'error'
        when d.scoped_names is not null then 'advice'
        else 'warning'
    end as level,
    'function' as object_type,
    f.identity as object_identity,
    null::pg_catalog.text as relation,
    case
        when d.names is null and not d.opaque and d.scoped_names is not null
            then pg_catalog.format('%s may be called by requests, runs as %I, and asks for the tenant itself.', f.identity, f.owner_name)
        else pg_catalog.format('%s may be called by requests and runs as %I, whom no policy keeps from other tenants'' rows.', f.identity, f.owner_name)
    end as message,
    case
        when d.names is not null then pg_catalog.format('It names %s; %s.', d.names, d.seen_why)
        when d.opaque then pg_catalog.format('What it reads cannot be seen from its text; %s.', d.door_why)
        when d.scoped_names is not null then pg_catalog.format('It compares the tenant wherever it names %s; %s.', d.scoped_names, d.door_why)
        else pg_catalog.format('Its text names no tenant table; %s.', d.door_why)
    end as detail,
    pg_catalog.concat_ws(
        E'\n-- or\n',
        -- A procedure or function by itself; the function of an aggregate or operator is what these call.
        pg_catalog.format('alter routine %s security invoker;', f.identity),
        pg_catalog.format('revoke execute on routine %s from public;', f.identity)
    ) as fix,
    f.definition as content
from callable as f
inner join definer as d on d.function_oid = f.function_oid
where f.called
    and not f.is_trigger
