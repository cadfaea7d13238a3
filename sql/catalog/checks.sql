-- The check constraints on columns of the relations in $1 (oid[]), those of their domains included, for the OpenAPI
-- document. One that is not validated may be broken by rows that are there.
--
-- expression: as Postgres prints it. column_name: the only column that a constraint speaks of, else null; a domain's
-- constraint calls it VALUE.

with recursive chain (relation_oid, attnum, type_oid) as (
    select
        a.attrelid,
        a.attnum,
        a.atttypid
    from pg_catalog.pg_attribute as a
    where a.attrelid = any ($1)
        and a.attnum > 0
        and not a.attisdropped
    union all
    select
        c.relation_oid,
        c.attnum,
        t.typbasetype
    from chain as c
    inner join pg_catalog.pg_type as t on t.oid = c.type_oid
    where t.typtype = 'd'
)
select
    k.conrelid as relation_oid,
    a.attname::pg_catalog.text as column_name,
    pg_catalog.pg_get_expr(k.conbin, k.conrelid) as expression,
    k.conname::pg_catalog.text as constraint_name
from pg_catalog.pg_constraint as k
left join pg_catalog.pg_attribute as a
    on pg_catalog.array_length(k.conkey, 1) = 1
    and a.attrelid = k.conrelid
    and a.attnum = k.conkey[1]
where k.contype = 'c'
    and k.convalidated
    and k.conrelid = any ($1)
union all
select
    c.relation_oid,
    a.attname::pg_catalog.text,
    pg_catalog.pg_get_expr(k.conbin, 0),
    k.conname::pg_catalog.text
from chain as c
inner join pg_catalog.pg_constraint as k on k.contypid = c.type_oid
inner join pg_catalog.pg_attribute as a
    on a.attrelid = c.relation_oid
    and a.attnum = c.attnum
where k.contype = 'c'
    and k.convalidated
order by relation_oid, constraint_name
