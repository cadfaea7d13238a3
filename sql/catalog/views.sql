-- The queries of the views in $1 (oid[]) and of those that they read, as Postgres keeps them: parsed, as text.

with recursive reached (oid) as (
    select v.oid
    from pg_catalog.unnest($1::pg_catalog.oid[]) as v (oid)
    union
    select c.oid
    from reached as r
    inner join pg_catalog.pg_rewrite as w on w.ev_class = r.oid
    inner join pg_catalog.pg_depend as d
        on d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
        and d.objid = w.oid
        and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    inner join pg_catalog.pg_class as c on c.oid = d.refobjid
    where c.relkind = 'v'
)
select
    w.ev_class as view_oid,
    w.ev_action::pg_catalog.text as query_tree
from reached as r
inner join pg_catalog.pg_rewrite as w on w.ev_class = r.oid
where w.rulename = '_RETURN'
order by view_oid
