-- The functions that somebody vouches for (`tenancy.trust_function`) and whose definition is still what it was then, as
-- functions.sql names them. Read with migrate_url, since the request role may not; under an empty search_path, as the definition
-- was taken.

select
    pg_catalog.format(
        '%I.%I(%s)', n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)
    ) as function
from tenancy.trusted_function as t
inner join pg_catalog.pg_proc as p on p.oid = t.function::pg_catalog.oid
inner join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
-- Not of p: the planner may ask that of every function, and of an aggregate it is an error.
where pg_catalog.md5(pg_catalog.pg_get_functiondef(t.function::pg_catalog.oid)) = t.definition_md5
order by 1
