-- code: TN209
-- name: tenant_column_nullable
-- level: warning
-- object: relation
-- what: The tenant column of a tenant relation may be null, or is not there.
-- why: A row with null is nobody's: a policy that admits null shows it to all, or to a request without a tenant, and
--   lets one tenant plant it for the others.
-- see: As the owner: select count(*) from the relation where the tenant column is null.
-- fix: Set it not null.

select
    case when r.tenant_column is null or admits.names is not null then 'error' else 'warning' end as level,
    'relation' as object_type,
    r.identity as object_identity,
    r.identity as relation,
    case
        when r.tenant_column is null
            then pg_catalog.format('%s is declared a tenant relation by its column %I, which it does not have.', r.identity, r.tenant_column_declared)
        when admits.names is not null
            then pg_catalog.format('The tenant column %I of %s may be null, and policy %s admits such rows.', r.tenant_column, r.identity, admits.names)
        else pg_catalog.format('The tenant column %I of %s may be null.', r.tenant_column, r.identity)
    end as message,
    null::pg_catalog.text as detail,
    case
        when r.tenant_column is not null
            then pg_catalog.format(
                E'-- it fails where rows have no tenant: give them one first, or delete them\nalter table %1$s alter column %2$I set not null;',
                r.identity,
                r.tenant_column
            )
    end as fix,
    null::pg_catalog.text as content
from judged_relation as r
left join who on who.relation_oid = r.relation_oid
cross join lateral (
    select pg_catalog.string_agg(distinct pg_catalog.quote_ident(p.policy_name), ', ') as names
    from judgement as j
    inner join policy as p on p.policy_oid = j.policy_oid
    where j.relation_oid = r.relation_oid
        and j.role_kind <> 'door'
        and j.scoped <> 'yes'
        and p.permissive
        and j.admits_null
) as admits
where r.kind = 'tenant'
    and r.relation_kind in ('r', 'p')
    and not r.is_partition
    and not r.tenant_not_null
    and who.names is not null
    -- A check or the domain of the column says it as well.
    and not exists (
        select
        from pg_catalog.pg_constraint as k
        where k.conrelid = r.relation_oid
            and k.contype = 'c'
            and k.convalidated
            and pg_catalog.pg_get_constraintdef(k.oid) = pg_catalog.format('CHECK ((%I IS NOT NULL))', r.tenant_column)
    )
    and not exists (
        select
        from pg_catalog.pg_type as y
        where y.oid = r.tenant_type_oid
            and y.typnotnull
    )
