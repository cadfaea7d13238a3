-- What was declared of each relation, as three arrays of the same length, and the functions that were declared. One row;
-- read as the request role.
select
    coalesce(pg_catalog.array_agg(d.relation::pg_catalog.oid), '{}') as oids,
    coalesce(pg_catalog.array_agg(d.kind), '{}') as kinds,
    coalesce(pg_catalog.array_agg(d.tenant_column::pg_catalog.text), '{}') as tenant_columns,
    (
        select coalesce(pg_catalog.array_agg(f.function::pg_catalog.oid), '{}')
        from tenancy.function as f
    ) as functions
from tenancy.relation as d
