-- code: TN203
-- name: rls_not_forced
-- level: advice
-- object: relation
-- what: A tenant relation has row-level security that is not forced.
-- why: The owner, and whatever runs as the owner (functions that are SECURITY DEFINER, views), is not bound by the
--   policies. Nothing leaks while nothing does; it is an error where something that requests can use does.
-- see: As the owner: select * from the relation; every tenant's rows come back.
-- fix: Force it.

select
    case when door.names is null then 'advice' else 'error' end as level,
    'relation' as object_type,
    r.identity as object_identity,
    r.identity as relation,
    case
        when door.names is null
            then pg_catalog.format('Row-level security of %s is not forced: its owner %I is not bound.', r.identity, r.owner_name)
        else
            pg_catalog.format(
                'Row-level security of %s is not forced, and %s runs as its owner %I.',
                r.identity,
                door.names,
                r.owner_name
            )
    end as message,
    null::pg_catalog.text as detail,
    pg_catalog.format('alter table %s force row level security;', r.identity) as fix,
    null::pg_catalog.text as content
from judged_relation as r
cross join lateral (
    select pg_catalog.string_agg(distinct d.identity, ', ') as names
    from (
        select
            f.identity,
            f.owner_oid,
            case when f.is_trigger then 'TN406' else 'TN404' end as code
        from callable as f
        inner join definer as e on e.function_oid = f.function_oid
        where (f.called or f.is_fired)
            and (
                e.opaque
                or r.relation_oid = any (e.relation_oids)
                or exists (
                    select
                    from reads as x
                    where x.relation_oid = any (e.relation_oids)
                        and x.reads_oid = r.relation_oid
                )
            )
        union all
        select
            v.identity,
            i.owner_oid,
            'TN401'
        from door_view as v
        inner join view_chain as c on c.view_oid = v.relation_oid
        inner join relation as i on i.relation_oid = c.inner_oid and not i.security_invoker
        inner join view_reads as b on b.view_oid = i.relation_oid and b.relation_oid = r.relation_oid
        where not v.filtered
    ) as d
    -- A superuser is not bound by FORCE either.
    where not exists (
            select
            from pg_catalog.pg_roles as o
            where o.oid = d.owner_oid
                and (o.rolsuper or o.rolbypassrls)
        )
        and pg_catalog.pg_has_role(d.owner_oid, r.owner_oid, 'USAGE')
        -- Who accepts the door accepts what it needs.
        and not exists (
            select
            from waiver as w
            where w.code = d.code
                and w.object = d.identity
                and (w.until is null or w.until >= current_date)
        )
) as door
where r.kind = 'tenant'
    and r.relation_kind in ('r', 'p')
    and r.rls_enabled
    and not r.rls_forced
