-- The primary key of each relation in $1 (oid[]): its columns in the order of the key.

select
    i.indrelid as relation_oid,
    pg_catalog.array_agg(a.attname::pg_catalog.text order by k.position) as column_names
from pg_catalog.pg_index as i
cross join lateral pg_catalog.unnest(i.indkey) with ordinality as k (attnum, position)
inner join pg_catalog.pg_attribute as a
    on a.attrelid = i.indrelid
    and a.attnum = k.attnum
where i.indrelid = any ($1)
    and i.indisprimary
group by relation_oid
order by relation_oid
