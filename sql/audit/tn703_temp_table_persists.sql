-- code: TN703
-- name: temp_table_persists
-- level: warning
-- object: function
-- what: A function makes a temporary table that outlives the transaction.
-- why: On a pooled connection the next request, of another tenant, finds it, with its rows.
-- see: As the request role: begin; call the function; commit; select * from pg_temp's table.
-- fix: create temp table ... on commit drop.

select
    'warning' as level,
    'function' as object_type,
    f.identity as object_identity,
    null::pg_catalog.text as relation,
    pg_catalog.format('%s leaves a temporary table for the next request on the connection.', f.identity) as message,
    pg_catalog.btrim(pg_catalog.regexp_replace(s.statement, '\s+', ' ', 'g')) as detail,
    null::pg_catalog.text as fix,
    f.definition as content
from callable as f
cross join lateral (
    select x.statement
    from pg_catalog.regexp_split_to_table(f.text, ';') as x (statement)
    where x.statement ~ ('\mcreate\s+((local|global)\s+)?temp(orary)?\s+table\M'
            '|\mcreate\s+(unlogged\s+)?table\s+(if\s+not\s+exists\s+)?"?pg_temp"?\s*\.'
            '|\minto\s+((local|global)\s+)?temp(orary)?\s+(table\s+)?[a-z_"]')
        and x.statement !~ '\mon\s+commit\s+(drop|delete\s+rows)\M'
    limit 1
) as s
where not f.trusted
