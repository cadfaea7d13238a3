-- code: TN408
-- name: leakproof_function
-- level: error
-- object: function
-- what: A function that is marked LEAKPROOF may be called by the request role.
-- why: LEAKPROOF is a promise, which Postgres believes: such a function is asked before the policy, about the rows
--   of every tenant. If it says, writes or raises anything, it tells.
-- see: As the request role: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009'; select * from a
--   tenant table where the function holds of a column; it may tell nothing.
-- fix: Take the promise back, unless somebody has proven that the function shows nothing of its arguments but its
--   result.

select
    'error' as level,
    'function' as object_type,
    f.identity as object_identity,
    null::pg_catalog.text as relation,
    pg_catalog.format('%s is marked LEAKPROOF, so it is asked about rows that a policy hides.', f.identity) as message,
    null::pg_catalog.text as detail,
    pg_catalog.format('alter function %s not leakproof;', f.identity) as fix,
    f.definition as content
from routine as f
cross join app as a
where f.leakproof
    and f.reach
    and not a.superuser
    and not f.of_extension
    and not exists (
        select
        from trusted_function as t
        where t.identity = f.identity
            and t.md5 = pg_catalog.md5(f.definition)
    )
