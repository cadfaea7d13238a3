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
    select pg_catalog.string_agg(f.identity, ', ' order by f.identity) as names
    from routine as f
    left join trusted_function as t
        on t.identity = f.identity
        and t.md5 = pg_catalog.md5(f.definition)
    where f.security_definer
        and f.reach
        and t.identity is null
        -- A superuser is not bound by FORCE either.
        and not exists (
            select
            from pg_catalog.pg_roles as o
            where o.oid = f.owner_oid
                and (o.rolsuper or o.rolbypassrls)
        )
        and pg_catalog.pg_has_role(f.owner_oid, r.owner_oid, 'USAGE')
) as door
where r.kind = 'tenant'
    and r.relation_kind in ('r', 'p')
    and r.rls_enabled
    and not r.rls_forced
