-- Every relation that the role which asks may touch, one JSON object a row: what `rowhouse prove` tries.
--
-- $1 to $3: what was declared (oid[], text[], text[]). $4: the name of the tenant column where nothing is declared. Partitions
-- and children of inheritance are listed for themselves, because a partition that is named directly uses its own policies.

select
    pg_catalog.jsonb_build_object(
        'oid', c.oid::pg_catalog.int8,
        'schema', n.nspname,
        'name', c.relname,
        'kind', c.relkind,
        'declared', d.kind,
        'tenant_column', case
            when coalesce(d.kind, 'tenant') = 'tenant' then coalesce(d.tenant_column, $4)
        end,
        'may_delete', pg_catalog.has_table_privilege(c.oid, 'DELETE')
            and (c.relkind in ('r', 'p') or pg_catalog.pg_relation_is_updatable(c.oid, true) & 16 <> 0),
        'takes_insert', c.relkind in ('r', 'p') or pg_catalog.pg_relation_is_updatable(c.oid, true) & 8 <> 0,
        'takes_update', c.relkind in ('r', 'p') or pg_catalog.pg_relation_is_updatable(c.oid, true) & 4 <> 0,
        'may_truncate', c.relkind in ('r', 'p') and pg_catalog.has_table_privilege(c.oid, 'TRUNCATE'),
        'whole_rows', c.relkind = 'r' and pg_catalog.has_table_privilege(c.oid, 'SELECT'),
        -- A trigger that fires before a row is written may put the row's own tenant in.
        'rewrites', exists (
            select
            from pg_catalog.pg_trigger as t
            where t.tgrelid = c.oid
                and not t.tgisinternal
                -- The bits of a row trigger (1), before (2), instead of (64).
                and t.tgtype & 1 = 1
                and t.tgtype & 66 <> 0
        ),
        'columns', coalesce(
            (
                select pg_catalog.jsonb_agg(
                    pg_catalog.jsonb_build_object(
                        'name', a.attname,
                        'type_name', pg_catalog.format_type(a.atttypid, a.atttypmod),
                        'select', pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'SELECT'),
                        'insert', pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'INSERT') and not g.generated,
                        'update', pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'UPDATE') and not g.generated,
                        'has_default', a.atthasdef or a.attidentity <> '',
                        'in_key', exists (
                            select
                            from pg_catalog.pg_index as i
                            where i.indrelid = a.attrelid
                                and i.indisunique
                                and a.attnum = any (i.indkey)
                        ),
                        'in_primary_key', exists (
                            select
                            from pg_catalog.pg_index as i
                            where i.indrelid = a.attrelid
                                and i.indisprimary
                                and a.attnum = any (i.indkey)
                        )
                    )
                    order by a.attnum
                )
                from pg_catalog.pg_attribute as a
                cross join lateral (select a.attgenerated <> '' or a.attidentity = 'a' as generated) as g
                where a.attrelid = c.oid
                    and a.attnum > 0
                    and not a.attisdropped
            ),
            '[]'
        ),
        'foreign_keys', coalesce(
            (
                select pg_catalog.jsonb_agg(
                    pg_catalog.jsonb_build_object(
                        'name', f.conname,
                        'target', f.confrelid::pg_catalog.int8,
                        'columns', (
                            select pg_catalog.jsonb_agg(
                                pg_catalog.jsonb_build_array(a.attname, b.attname)
                                order by u.position
                            )
                            from rows from (pg_catalog.unnest(f.conkey), pg_catalog.unnest(f.confkey))
                                with ordinality as u (ours, theirs, position)
                            inner join pg_catalog.pg_attribute as a on a.attrelid = f.conrelid and a.attnum = u.ours
                            inner join pg_catalog.pg_attribute as b on b.attrelid = f.confrelid and b.attnum = u.theirs
                        )
                    )
                    order by f.conname
                )
                from pg_catalog.pg_constraint as f
                where f.conrelid = c.oid
                    and f.contype = 'f'
            ),
            '[]'
        )
    )::pg_catalog.text as relation
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
left join rows from (
    pg_catalog.unnest($1::pg_catalog.oid[]),
    pg_catalog.unnest($2::pg_catalog.text[]),
    pg_catalog.unnest($3::pg_catalog.text[])
) as d (relation, kind, tenant_column) on d.relation = c.oid
where c.relkind in ('r', 'p', 'v', 'm', 'f')
    and n.nspname not like 'pg\_%'
    and n.nspname <> 'information_schema'
    and pg_catalog.has_schema_privilege(n.oid, 'USAGE')
    and (
        pg_catalog.has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE')
        or pg_catalog.has_table_privilege(c.oid, 'DELETE, TRUNCATE')
    )
    -- An extension's own tables and views are its author's to decide.
    and not exists (
        select
        from pg_catalog.pg_depend as e
        where e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
            and e.objid = c.oid
            and e.deptype = 'e'
    )
order by n.nspname, c.relname
