-- The foreign keys among the relations in $1 (oid[]).
--
-- referencing_unique: no two rows of the referencing relation can point at the same row, because the key's columns hold
-- a whole unique index: the relationship is one to one. Keys that partitions inherit are left out (conparentid).

select
    f.conname::pg_catalog.text as constraint_name,
    f.conrelid as referencing_oid,
    f.confrelid as referenced_oid,
    k.referencing_columns,
    k.referenced_columns,
    exists (
        select
        from pg_catalog.pg_index as i
        where i.indrelid = f.conrelid
            and i.indisunique
            and i.indpred is null
            and i.indexprs is null
            and (i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1] <@ f.conkey
    ) as referencing_unique
from pg_catalog.pg_constraint as f
cross join lateral (
    select
        pg_catalog.array_agg(a.attname::pg_catalog.text order by u.position) as referencing_columns,
        pg_catalog.array_agg(b.attname::pg_catalog.text order by u.position) as referenced_columns
    from rows from (pg_catalog.unnest(f.conkey), pg_catalog.unnest(f.confkey)) with ordinality as u (referencing, referenced, position)
    inner join pg_catalog.pg_attribute as a
        on a.attrelid = f.conrelid
        and a.attnum = u.referencing
    inner join pg_catalog.pg_attribute as b
        on b.attrelid = f.confrelid
        and b.attnum = u.referenced
) as k
where f.contype = 'f'
    and f.conparentid = 0
    and f.conrelid = any ($1)
    and f.confrelid = any ($1)
order by constraint_name, referencing_oid
