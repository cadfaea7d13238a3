-- The primary key of each table in $1 (oid[]): the numbers of its columns in the order of the key.

select
    i.indrelid as relation_oid,
    (i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1] as column_numbers
from pg_catalog.pg_index as i
where i.indrelid = any ($1)
    and i.indisprimary
order by relation_oid
