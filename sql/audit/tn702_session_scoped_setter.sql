-- code: TN702
-- name: session_scoped_setter
-- level: error
-- object: function
-- what: A function sets the tenant for the session, and not for the transaction.
-- why: The next request on the pooled connection begins with that tenant, if it sets none of its own.
-- see: As the request role: begin; call the function; commit; select current_setting of the setting; it must be
--   empty.
-- fix: set_config(..., true), or SET LOCAL.

select
    'error' as level,
    'function' as object_type,
    f.identity as object_identity,
    null::pg_catalog.text as relation,
    pg_catalog.format('%s sets %s for the session: the next request on the connection has it.', f.identity, a.setting) as message,
    null::pg_catalog.text as detail,
    null::pg_catalog.text as fix,
    f.definition as content
from callable as f
inner join session_setter as s on s.function_oid = f.function_oid
cross join app as a
