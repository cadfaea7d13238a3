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
cross join app as a
cross join lateral (
    select pg_catalog.regexp_replace(pg_catalog.lower(a.setting), '([.$\\])', '\\\1', 'g') as pattern
) as s
where f.text ~ ('\mset_config\s*\(\s*''+' || s.pattern || '''+(::text)?\s*,[^;]*,\s*(is_local\s*=>\s*)?(false|''f)')
    -- Also where nothing says that it is local, or where the name stands elsewhere in the text.
    or f.text ~ (
        '\mset_config\s*\(\s*(''+' || s.pattern || '''+(::text)?'
        || case when f.text ~ ('''' || s.pattern || '''') then '|[a-z_$][\w$]*(::text)?' else '' end
        || ')\s*,(?!(?:(?!set_config)[^;])*,\s*(?:true|''+t(?:rue)?''+(?:::bool(?:ean)?)?|1::bool(?:ean)?)\s*\))'
    )
    or f.text ~ ('\mset\s+(session\s+)?"?' || s.pattern || '"?\s*(=|to\M)')
