-- What each view in $1 (oid[]) reads, through views of any depth: for each relation whether it is a view itself, what it was
-- declared to be, whether its policies bind the role that asks, and whether every view on the way reads as the caller
-- (security_invoker).
--
-- A view that is not security_invoker reads as its owner, for whom other policies hold or none. A function that the
-- view calls and that is security definer is a door of the same kind, and listed as such, but where somebody vouches for it.
-- $2 and $3 are what was declared of relations (oid[], text[]), $4 the functions that somebody vouches for (oid[]).

with recursive reads (view_oid, relation_oid, as_caller) as (
    select
        v.oid,
        v.oid,
        true
    from pg_catalog.unnest($1::pg_catalog.oid[]) as v (oid)
    union
    select
        r.view_oid,
        d.refobjid,
        r.as_caller and coalesce(
            (
                select o.option_value in ('true', 'on', 'yes', '1')
                from pg_catalog.pg_class as c
                cross join lateral pg_catalog.pg_options_to_table(c.reloptions) as o
                where c.oid = r.relation_oid
                    and o.option_name = 'security_invoker'
            ),
            false
        )
    from reads as r
    inner join pg_catalog.pg_rewrite as w on w.ev_class = r.relation_oid
    inner join pg_catalog.pg_depend as d
        on d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
        and d.objid = w.oid
        and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
        and d.refobjid <> r.relation_oid
),
definers (view_oid, function_name) as (
    select distinct
        r.view_oid,
        pg_catalog.format('%I.%I(%s)', n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid))
    from reads as r
    inner join pg_catalog.pg_rewrite as w on w.ev_class = r.relation_oid
    inner join pg_catalog.pg_depend as d
        on d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
        and d.objid = w.oid
        and d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
    inner join pg_catalog.pg_proc as p on p.oid = d.refobjid
    inner join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where p.prosecdef
        and not p.oid = any ($4)
)
select
    r.view_oid,
    pg_catalog.format('%I.%I', n.nspname, c.relname) as reads,
    c.relkind = 'v' as is_view,
    r.as_caller,
    g.kind as declared_kind,
    case
        when c.relkind in ('r', 'p') then pg_catalog.row_security_active(c.oid)
        else false
    end as rls_active
from reads as r
inner join pg_catalog.pg_class as c on c.oid = r.relation_oid
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
left join rows from (
    pg_catalog.unnest($2::pg_catalog.oid[]),
    pg_catalog.unnest($3::pg_catalog.text[])
) as g (relation, kind) on g.relation = c.oid
where c.oid <> r.view_oid
union all
select
    f.view_oid,
    f.function_name,
    false,
    false,
    null,
    false
from definers as f
order by view_oid, reads
