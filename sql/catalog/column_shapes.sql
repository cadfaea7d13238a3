-- What the values of the columns of the relations in $1 (oid[]) are like, for the OpenAPI document.
--
-- base_type: the built-in type behind a column, through any chain of domains, or that behind the elements of an array;
-- null where there is none. max_length: of varchar(n) and char(n).

with recursive chain (relation_oid, attnum, type_oid, typmod) as (
    select
        a.attrelid,
        a.attnum,
        a.atttypid,
        a.atttypmod
    from pg_catalog.pg_attribute as a
    where a.attrelid = any ($1)
        and a.attnum > 0
        and not a.attisdropped
    union all
    select
        c.relation_oid,
        c.attnum,
        t.typbasetype,
        t.typtypmod
    from chain as c
    inner join pg_catalog.pg_type as t on t.oid = c.type_oid
    where t.typtype = 'd'
)
select
    c.relation_oid,
    a.attname::pg_catalog.text as column_name,
    element.is_array,
    case
        when element.typnamespace = 'pg_catalog'::pg_catalog.regnamespace then element.typname::pg_catalog.text
    end as base_type,
    case
        when element.oid in ('pg_catalog.varchar'::pg_catalog.regtype, 'pg_catalog.bpchar'::pg_catalog.regtype)
            and c.typmod > 4
            then c.typmod - 4
    end as max_length,
    (
        select pg_catalog.array_agg(e.enumlabel::pg_catalog.text order by e.enumsortorder)
        from pg_catalog.pg_enum as e
        where e.enumtypid = element.oid
    ) as enum_values
from chain as c
inner join pg_catalog.pg_type as t on t.oid = c.type_oid
inner join pg_catalog.pg_attribute as a
    on a.attrelid = c.relation_oid
    and a.attnum = c.attnum
cross join lateral (
    select
        e.oid,
        e.typname,
        e.typnamespace,
        t.typcategory = 'A' as is_array
    from pg_catalog.pg_type as e
    where e.oid = case when t.typcategory = 'A' then t.typelem else t.oid end
) as element
where t.typtype <> 'd'
order by c.relation_oid, c.attnum
