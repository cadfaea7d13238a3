-- The foreign keys among the tables in $1 (oid[]), columns by their numbers.
--
-- referencing_unique: no two rows of the referencing table can point at the same row, because the key's columns hold a
-- whole unique index: the relationship is one to one. Keys that partitions inherit are left out (conparentid).

select
    f.conname::pg_catalog.text as constraint_name,
    f.conrelid as referencing_oid,
    f.confrelid as referenced_oid,
    f.conkey as referencing_columns,
    f.confkey as referenced_columns,
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
where f.contype = 'f'
    and f.conparentid = 0
    and f.conrelid = any ($1)
    and f.confrelid = any ($1)
order by constraint_name, referencing_oid
