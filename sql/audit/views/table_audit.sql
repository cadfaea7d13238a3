-- view: table_audit
-- comment: Each relation of the database, and whether its rows are kept apart for the request role.
-- column: relation text = The relation.
-- column: kind text = tenant, global, internal, or null where nobody has decided.
-- column: declared text = By what: contract (tenancy.relation), comment, parent, column (guessed), or null.
-- column: tenant_column name = The column that names the tenant.
-- column: not_null boolean = Whether the tenant column is not null.
-- column: indexed boolean = Whether an index begins with the tenant column.
-- column: owner name = The owner.
-- column: rls boolean = Whether row-level security is enabled.
-- column: forced boolean = Whether it is forced.
-- column: active_for_app boolean = Whether policies are evaluated for the request role.
-- column: grants text = What the request role may do: a insert, r select, w update, d delete, D truncate, t trigger, x references.
-- column: permissive_n bigint = Permissive policies that bind the request role.
-- column: restrictive_n bigint = Restrictive policies that bind the request role.
-- column: children_exposed bigint = Partitions and children that are reached by name without row-level security.
-- column: verdict text = ENFORCED, OPEN, UNPROVEN, CLOSED, GLOBAL, INTERNAL, VIEW or UNCLASSIFIED.
-- column: first_finding text = The worst policy or reason, in a word.

select
    r.identity,
    r.kind,
    r.declared_by,
    r.tenant_column,
    case when r.tenant_column is not null then r.tenant_not_null end,
    case
        when r.tenant_column is not null then exists (
            select
            from pg_catalog.pg_index as i
            where i.indrelid = r.relation_oid
                and i.indisvalid
                and i.indkey[0] = r.tenant_attnum
        )
    end,
    r.owner_name,
    r.rls_enabled,
    r.rls_forced,
    active.is_so,
    nullif(
        pg_catalog.concat(
            case when x.may_insert then 'a' end,
            case when x.may_select then 'r' end,
            case when x.may_update then 'w' end,
            case when x.may_delete then 'd' end,
            case when x.may_truncate then 'D' end,
            case when x.may_trigger then 't' end,
            case when x.may_reference then 'x' end
        ),
        ''
    ),
    bound.permissive_n,
    bound.restrictive_n,
    (
        select pg_catalog.count(*)
        from ancestry as y
        inner join relation as child on child.relation_oid = y.relation_oid and not child.rls_enabled
        inner join access as g on g.relation_oid = child.relation_oid and g.role_kind = 'self' and g.reach
        where y.ancestor_oid = r.relation_oid
    ),
    case
        when not x.reach then 'CLOSED'
        when r.kind = 'global' then 'GLOBAL'
        when r.kind = 'internal' then 'INTERNAL'
        when r.relation_kind = 'v' then 'VIEW'
        when r.relation_kind in ('m', 'f') then case when r.kind is null then 'UNCLASSIFIED' else 'OPEN' end
        when r.kind is null then 'UNCLASSIFIED'
        when not active.is_so then 'OPEN'
        when scope.no_n > 0 then 'OPEN'
        when scope.unproven_n > 0 then 'UNPROVEN'
        when scope.yes_n > 0 then 'ENFORCED'
        else 'CLOSED'
    end,
    case
        when x.reach and r.kind = 'tenant' and r.relation_kind in ('r', 'p') and not active.is_so then 'no policy is evaluated'
        else (
            select b.code || ' ' || b.identity
            from blamed_policy as b
            where b.relation_oid = r.relation_oid
            order by b.scoped, b.code
            limit 1
        )
    end
from relation as r
cross join app as a
inner join access as x on x.relation_oid = r.relation_oid and x.role_kind = 'self'
cross join lateral (
    select
        r.rls_enabled
        and not (a.superuser or a.bypass_rls)
        and not (not r.rls_forced and pg_catalog.pg_has_role(a.role_oid, r.owner_oid, 'USAGE'))
) as active (is_so)
cross join lateral (
    select
        pg_catalog.count(*) filter (where p.permissive) as permissive_n,
        pg_catalog.count(*) filter (where not p.permissive) as restrictive_n
    from binding as b
    inner join policy as p on p.policy_oid = b.policy_oid
    where b.relation_oid = r.relation_oid
        and b.role_kind = 'self'
) as bound
cross join lateral (
    select
        pg_catalog.count(*) filter (where s.scoped = 'no') as no_n,
        pg_catalog.count(*) filter (where s.scoped = 'unproven') as unproven_n,
        pg_catalog.count(*) filter (where s.scoped = 'yes') as yes_n
    from command_scope as s
    where s.relation_oid = r.relation_oid
        and s.role_kind = 'self'
        and s.granted
) as scope
order by r.identity
