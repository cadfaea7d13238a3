-- view: doors
-- comment: Ways around the tables that the request role can use: views, materialized views and functions that run as their owner.
-- column: object text = The view or function.
-- column: kind text = view, materialized view or function.
-- column: runs_as name = As whom it reads: its owner, or the caller.
-- column: opened_by text = The right that opens it.
-- column: reaches text[] = The tenant relations that it reads, where Postgres knows; a function with a text body shows none.
-- column: exempt boolean = Whether its owner is bound by no policy of them, or of any tenant relation where that is not known.
-- column: why text = Why, in words.

, door as (
    select
        v.identity,
        case v.relation_kind when 'm' then 'materialized view' else 'view' end as kind,
        v.owner_oid,
        v.owner_name,
        v.owner_bypasses,
        v.security_invoker,
        x.rights,
        (
            select pg_catalog.array_agg(t.relation_oid)
            from reads as d
            inner join relation as t on t.relation_oid = d.reads_oid and t.kind = 'tenant' and t.relation_kind in ('r', 'p')
            where d.relation_oid = v.relation_oid
        ) as relation_oids,
        v.relation_kind = 'm' as holds_rows
    from relation as v
    inner join access as x on x.relation_oid = v.relation_oid and x.role_kind = 'self' and x.reach
    where v.relation_kind in ('v', 'm')
    union all
    select
        f.identity,
        'function',
        f.owner_oid,
        f.owner_name,
        o.rolsuper or o.rolbypassrls,
        false,
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
    inner join pg_catalog.pg_roles as o on o.oid = f.owner_oid
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
        else d.owner_bypasses or free.names is not null
    end,
    case
        when d.security_invoker then 'It reads as its caller.'
        when d.holds_rows and d.relation_oids is not null then 'It holds the rows as its owner saw them.'
        when d.owner_bypasses then pg_catalog.format('No policy binds %I.', d.owner_name)
        when free.names is not null
            then pg_catalog.format('%I owns %s, and row-level security is not forced.', d.owner_name, free.names)
        else pg_catalog.format('%I is bound by policies.', d.owner_name)
    end
from door as d
cross join app as a
cross join lateral (
    select pg_catalog.string_agg(t.identity, ', ' order by t.identity) as names
    from relation as t
    where t.kind = 'tenant'
        and t.relation_kind in ('r', 'p')
        and not t.rls_forced
        and (d.relation_oids is null and d.kind = 'function' or t.relation_oid = any (d.relation_oids))
        and pg_catalog.pg_has_role(d.owner_oid, t.owner_oid, 'USAGE')
) as free
order by d.kind, d.identity
