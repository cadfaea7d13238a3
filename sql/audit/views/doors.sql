-- view: doors
-- comment: Ways around the tables that the request role can use: views, materialized views and functions that run as their owner.
-- column: object text = The view or function.
-- column: kind text = view, materialized view or function.
-- column: runs_as name = As whom it reads: its owner, or the caller.
-- column: opened_by text = The right that opens it.
-- column: reaches text[] = The tenant relations that it reads, where Postgres knows; a function with a text body shows none.
-- column: exempt boolean = Whether its owner sees rows of every tenant there, or in any tenant relation where that is not known.
-- column: why text = Why, in words.

, door as (
    select
        v.identity,
        case v.relation_kind when 'm' then 'materialized view' else 'view' end as kind,
        v.owner_oid,
        v.owner_name,
        v.security_invoker,
        i.why,
        i.filtered as asks_itself,
        x.rights,
        (
            select pg_catalog.array_agg(t.relation_oid)
            from reads as d
            inner join relation as t on t.relation_oid = d.reads_oid and t.kind = 'tenant' and t.relation_kind in ('r', 'p')
            where d.relation_oid = v.relation_oid
        ) as relation_oids,
        v.relation_kind = 'm' as holds_rows
    from relation as v
    left join door_view as i on i.relation_oid = v.relation_oid
    inner join access as x on x.relation_oid = v.relation_oid and x.role_kind = 'self' and x.reach
    where v.relation_kind in ('v', 'm')
    union all
    select
        f.identity,
        'function',
        f.owner_oid,
        f.owner_name,
        false,
        coalesce(e.seen_why, open.why),
        e.names is null and not e.opaque and e.scoped_names is not null,
        'execute',
        (
            select pg_catalog.array_agg(distinct t.relation_oid)
            from pg_catalog.pg_depend as d
            inner join relation as t on t.relation_oid = d.refobjid and t.kind = 'tenant'
            where d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
                and d.objid = f.function_oid
                and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
        ),
        false
    from routine as f
    left join definer as e on e.function_oid = f.function_oid
    left join (
        select
            o.role_oid,
            min(o.why) as why
        from open_table as o
        group by o.role_oid
    ) as open on open.role_oid = f.owner_oid
    where f.security_definer
        and f.reach
        and not f.of_extension
)
select
    d.identity,
    d.kind,
    case when d.security_invoker then a.role_name else d.owner_name end,
    d.rights,
    (
        select pg_catalog.array_agg(t.identity order by t.identity)
        from relation as t
        where t.relation_oid = any (d.relation_oids)
    ),
    case
        when d.security_invoker then false
        when d.holds_rows then d.relation_oids is not null
        else d.why is not null
    end,
    case
        when d.security_invoker then 'It reads as its caller.'
        when d.holds_rows and d.relation_oids is not null then 'It holds the rows as its owner saw them.'
        when d.why is not null
            then pg_catalog.concat_ws(' ', d.why || '.', case when d.asks_itself then 'It compares the tenant itself.' end)
        else pg_catalog.format('%I is bound by policies.', d.owner_name)
    end
from door as d
cross join app as a
order by d.kind, d.identity
