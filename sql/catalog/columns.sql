-- The columns of the relations in $1 (oid[]), in their order, with what the request role may do with each.
--
-- base_type is the built-in type behind a column, through any chain of domains; null where there is none (an enum, a
-- composite, an array, an extension's type): such a column is selected as to_json(column).
--
-- default_expression is what an insert takes that names no value, as SQL: of the column, else of its domain.

with recursive base (oid, base_oid) as (
    select
        t.oid,
        t.typbasetype
    from pg_catalog.pg_type as t
    where t.typtype = 'd'
    union all
    select
        b.oid,
        t.typbasetype
    from base as b
    inner join pg_catalog.pg_type as t on t.oid = b.base_oid
    where t.typtype = 'd'
)
select
    a.attrelid as relation_oid,
    a.attnum as column_number,
    a.attname::pg_catalog.text as column_name,
    pg_catalog.format_type(a.atttypid, a.atttypmod) as type_name,
    builtin.typname::pg_catalog.text as base_type,
    a.attnotnull as not_null,
    case
        when a.attgenerated <> '' or a.attidentity = 'a' then null
        when a.attidentity = 'd' then pg_catalog.format(
            'pg_catalog.nextval(%L::pg_catalog.regclass)',
            pg_catalog.pg_get_serial_sequence(a.attrelid::pg_catalog.regclass::pg_catalog.text, a.attname)
        )
        else coalesce(
            (
                select pg_catalog.pg_get_expr(d.adbin, d.adrelid)
                from pg_catalog.pg_attrdef as d
                where d.adrelid = a.attrelid
                    and d.adnum = a.attnum
            ),
            (
                select pg_catalog.pg_get_expr(t.typdefaultbin, 0)
                from pg_catalog.pg_type as t
                where t.oid = a.atttypid
            )
        )
    end as default_expression,
    a.attgenerated <> '' or a.attidentity = 'a' as generated,
    pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'SELECT') as may_select,
    pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'INSERT')
        and a.attgenerated = ''
        and a.attidentity <> 'a' as may_insert,
    pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'UPDATE')
        and a.attgenerated = ''
        and a.attidentity <> 'a' as may_update,
    pg_catalog.col_description(a.attrelid, a.attnum) as comment
from pg_catalog.pg_attribute as a
left join lateral (
    select b.base_oid
    from base as b
    inner join pg_catalog.pg_type as t on t.oid = b.base_oid
    where b.oid = a.atttypid
        and t.typtype <> 'd'
) as domain_base on true
left join pg_catalog.pg_type as builtin
    on builtin.oid = coalesce(domain_base.base_oid, a.atttypid)
    and builtin.typnamespace = 'pg_catalog'::pg_catalog.regnamespace
where a.attrelid = any ($1)
    and a.attnum > 0
    and not a.attisdropped
order by relation_oid, a.attnum
