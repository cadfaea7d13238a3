-- What was decided of relations and functions: one row, behind the expressions of the audit (sql/audit/prelude.sql).
--
-- Three arrays of the same length say of each relation what it was declared to be: by the contract, by a comment on it, or by
-- its nearest declared ancestor. A column alone declares nothing. `vouched` are the functions that the contract trusts and
-- that nobody has changed since.

select
    coalesce(pg_catalog.array_agg(r.relation_oid), '{}') as oids,
    coalesce(pg_catalog.array_agg(r.kind), '{}') as kinds,
    coalesce(pg_catalog.array_agg(r.tenant_column::pg_catalog.text), '{}') as tenant_columns,
    (
        select coalesce(pg_catalog.array_agg(f.function_oid), '{}')
        from trusted_function as t
        inner join routine as f on f.identity = t.identity
        where t.md5 = pg_catalog.md5(f.definition)
    ) as vouched
from relation as r
where r.kind is not null
    and r.declared_by <> 'column'
