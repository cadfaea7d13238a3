-- The comments of the schemas in $1 (text[]), the title and description of the OpenAPI document.

select
    n.nspname::pg_catalog.text as schema_name,
    pg_catalog.obj_description(n.oid, 'pg_namespace') as comment
from pg_catalog.pg_namespace as n
where n.nspname = any ($1)
order by schema_name
