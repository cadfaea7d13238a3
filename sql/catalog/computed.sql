-- Functions of one argument, a row of a relation in $1 (oid[]), in the exposed schemas $2 (text[]): computed fields, and
-- computed relationships where they give rows of a relation in $1.
--
-- A function that runs as its definer, or that changes settings other than the search path, is left out: the policies
-- might then hold for somebody else. base_type is as in columns.sql. single: it gives one row at the most.

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
    argument.typrelid as relation_oid,
    n.nspname::pg_catalog.text as schema_name,
    p.proname::pg_catalog.text as function_name,
    case when result.typrelid = any ($1) then result.typrelid end as target_oid,
    p.proretset as gives_set,
    not p.proretset or p.prorows = 1 as single,
    pg_catalog.format_type(p.prorettype, null) as type_name,
    builtin.typname::pg_catalog.text as base_type,
    pg_catalog.obj_description(p.oid, 'pg_proc') as comment
from pg_catalog.pg_proc as p
inner join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
inner join pg_catalog.pg_type as argument on argument.oid = p.proargtypes[0]
inner join pg_catalog.pg_type as result on result.oid = p.prorettype
left join lateral (
    select b.base_oid
    from base as b
    inner join pg_catalog.pg_type as t on t.oid = b.base_oid
    where b.oid = p.prorettype
        and t.typtype <> 'd'
) as domain_base on true
left join pg_catalog.pg_type as builtin
    on builtin.oid = coalesce(domain_base.base_oid, p.prorettype)
    and builtin.typnamespace = 'pg_catalog'::pg_catalog.regnamespace
where n.nspname = any ($2)
    and p.prokind = 'f'
    and p.pronargs = 1
    and p.provariadic = 0
    and argument.typrelid = any ($1)
    and not p.prosecdef
    and not exists (
        select
        from pg_catalog.unnest(p.proconfig) as c (setting)
        where c.setting not like 'search\_path=%'
    )
    and pg_catalog.has_schema_privilege(n.oid, 'USAGE')
    and pg_catalog.has_function_privilege(p.oid, 'EXECUTE')
    and (
        result.typrelid = any ($1)
        or (
            not p.proretset
            and result.typtype <> 'p'
            and not exists (
                select
                from pg_catalog.pg_class as c
                where c.oid = result.typrelid
                    and c.relkind <> 'c'
            )
        )
    )
order by function_name, relation_oid, pg_catalog.array_position($2, n.nspname::pg_catalog.text)
