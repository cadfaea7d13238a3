-- The functions of the exposed schemas that the request role may call, and what they take and give.
--
-- Run as the role that asks. $1: exposed schemas (text[]); $2: functions that somebody
-- vouches for (oid[]). Left out is what no request can
-- call: procedures, aggregates, window and trigger functions, those with a pseudo-type other than void or record, and those
-- of an extension, which nobody wrote to be served, unless they are declared (tenancy.function).

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
),

-- Each type with the built-in one behind it, through any chain of domains; null where there is none.
builtin (oid, base_type) as (
    select
        t.oid,
        b.typname::pg_catalog.text
    from pg_catalog.pg_type as t
    left join lateral (
        select d.base_oid
        from base as d
        inner join pg_catalog.pg_type as x on x.oid = d.base_oid
        where d.oid = t.oid
            and x.typtype <> 'd'
    ) as domain_base on true
    left join pg_catalog.pg_type as b
        on b.oid = coalesce(domain_base.base_oid, t.oid)
        and b.typnamespace = 'pg_catalog'::pg_catalog.regnamespace
)
select
    p.oid as oid,
    n.nspname::pg_catalog.text as schema_name,
    p.proname::pg_catalog.text as function_name,
    pg_catalog.pg_get_function_identity_arguments(p.oid) as signature,
    -- As the audit names it.
    pg_catalog.format('%I.%I(%s)', n.nspname, p.proname, pg_catalog.oidvectortypes(p.proargtypes)) as identity,
    pg_catalog.obj_description(p.oid, 'pg_proc') as comment,
    p.prosecdef as is_definer,
    p.oid = any ($2) as is_declared,
    -- A setting that decides what its policies see, fixed by the function itself.
    (
        select pg_catalog.min(pg_catalog.split_part(c.setting, '=', 1))
        from pg_catalog.unnest(p.proconfig) as c (setting)
        where pg_catalog.lower(pg_catalog.split_part(c.setting, '=', 1))
                in ('role', 'session_authorization', 'row_security')
            or pg_catalog.lower(c.setting) like 'app.%'
            or pg_catalog.lower(c.setting) like 'request.%'
    ) as fixed_setting,
    p.provolatile::pg_catalog.text as volatility,
    p.proretset as returns_set,
    case
        when p.prorettype = 'pg_catalog.void'::pg_catalog.regtype then 'void'
        when p.prorettype = 'pg_catalog.record'::pg_catalog.regtype then 'record'
        when r.typtype = 'c' then 'row'
        else 'value'
    end as return_kind,
    -- With -1: without a modifier, `character` would mean one character.
    pg_catalog.format_type(p.prorettype, -1) as return_type,
    rb.base_type as return_base_type,
    r.typrelid as return_relation_oid,
    -- A composite type of its own has no rows that anybody could keep apart.
    case
        when relation.relkind <> 'c' then relation.relnamespace::pg_catalog.regnamespace || '.' || relation.relname
    end as returns_relation,
    p.pronargdefaults::pg_catalog.int4 as default_count,
    a.names as argument_names,
    a.types as argument_types,
    a.base_types as argument_base_types,
    a.modes as argument_modes
from pg_catalog.pg_proc as p
inner join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
inner join pg_catalog.pg_type as r on r.oid = p.prorettype
inner join builtin as rb on rb.oid = r.oid
left join pg_catalog.pg_class as relation on relation.oid = r.typrelid
cross join lateral (
    select
        coalesce(pg_catalog.array_agg(coalesce(p.proargnames[x.position], '') order by x.position), '{}') as names,
        coalesce(pg_catalog.array_agg(pg_catalog.format_type(x.type_oid, -1) order by x.position), '{}') as types,
        coalesce(pg_catalog.array_agg(b.base_type order by x.position), '{}') as base_types,
        coalesce(
            pg_catalog.array_agg(coalesce(p.proargmodes[x.position]::pg_catalog.text, 'i') order by x.position),
            '{}'
        ) as modes,
        coalesce(pg_catalog.bool_or(t.typtype = 'p'), false) as any_pseudo
    from pg_catalog.unnest(coalesce(p.proallargtypes, p.proargtypes::pg_catalog.oid [])) with ordinality
        as x (type_oid, position)
    inner join pg_catalog.pg_type as t on t.oid = x.type_oid
    inner join builtin as b on b.oid = x.type_oid
) as a
where p.prokind = 'f'
    and n.nspname = any ($1)
    and pg_catalog.has_schema_privilege(n.oid, 'USAGE')
    and pg_catalog.has_function_privilege(p.oid, 'EXECUTE')
    and not a.any_pseudo
    and (
        r.typtype <> 'p'
        or p.prorettype = 'pg_catalog.record'::pg_catalog.regtype
        or (p.prorettype = 'pg_catalog.void'::pg_catalog.regtype and not p.proretset)
    )
    and (
        p.oid = any ($2)
        or not exists (
            select
            from pg_catalog.pg_depend as e
            where e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
                and e.objid = p.oid
                and e.deptype = 'e'
        )
    )
order by schema_name, function_name, signature
