-- code: TN803
-- name: policy_function_volatile
-- level: warning
-- object: policy
-- what: A policy calls a function that is VOLATILE, or not parallel safe.
-- why: A VOLATILE function is called for each row, and no index is used for what it is compared with: one tenant
--   reads the whole table. One that is not parallel safe keeps every query of the table from being parallel, which
--   is advice.
-- see: explain select * from the table, as the request role.
-- fix: Mark the function STABLE and PARALLEL SAFE, if it is.

select
    case when uses.is_volatile then 'warning' else 'advice' end as level,
    'policy' as object_type,
    p.identity as object_identity,
    p.relation as relation,
    pg_catalog.format('%s calls %s, which is %s.', p.identity, uses.identities, case when uses.is_volatile then 'volatile' else 'not parallel safe' end) as message,
    null::pg_catalog.text as detail,
    uses.fix as fix,
    pg_catalog.concat_ws(E'\n', p.using_text, p.check_text) as content
from policy as p
inner join tenant_table as t on t.relation_oid = p.relation_oid
cross join lateral (
    select
        pg_catalog.bool_or(f.volatility = 'v') as is_volatile,
        pg_catalog.string_agg(f.identity, ', ' order by f.identity) as identities,
        pg_catalog.string_agg(
            pg_catalog.format('alter function %s stable parallel safe;', f.identity),
            E'\n'
            order by f.identity
        ) as fix
    from routine as f
    where f.function_oid = any (p.used_function_oids)
        and (f.volatility = 'v' or f.parallel <> 's')
) as uses
where uses.identities is not null
    and p.policy_oid in (
        select b.policy_oid
        from binding as b
        where b.role_kind <> 'door'
    )
