-- To which column of which relation in $1 (oid[]) each column of a foreign key among them leads, for the OpenAPI document.

select
    f.conrelid as relation_oid,
    a.attname::pg_catalog.text as column_name,
    c.relname::pg_catalog.text as target_relation,
    b.attname::pg_catalog.text as target_column,
    pg_catalog.array_length(f.conkey, 1) > 1 as is_composite
from pg_catalog.pg_constraint as f
cross join lateral rows from (pg_catalog.unnest(f.conkey), pg_catalog.unnest(f.confkey)) as u (referencing, referenced)
inner join pg_catalog.pg_class as c on c.oid = f.confrelid
inner join pg_catalog.pg_attribute as a
    on a.attrelid = f.conrelid
    and a.attnum = u.referencing
inner join pg_catalog.pg_attribute as b
    on b.attrelid = f.confrelid
    and b.attnum = u.referenced
where f.contype = 'f'
    and f.conparentid = 0
    and f.conrelid = any ($1)
    and f.confrelid = any ($1)
order by relation_oid, f.conname, u.referencing
