-- Which relations may be served, and what Postgres itself says of their isolation.
--
-- Run by the service as its request role, and as each other role that requests may run as. $1: exposed schemas (text[]);
-- $2: single relations, as schema.name (text[]); $3 to $5: what was declared (oid[], text[], text[]), because other roles
-- need no right to read tenancy.relation.
-- row_security_active() is evaluated as the role that asks, so it is Postgres' own answer for the pooled connections.
-- Partitions are left out: they are reached through their parent (a partition named by hand uses its own policies).

select
    c.oid as oid,
    n.nspname::pg_catalog.text as schema_name,
    c.relname::pg_catalog.text as relation_name,
    c.relkind::pg_catalog.text as relation_kind,
    pg_catalog.obj_description(c.oid, 'pg_class') as comment,
    d.kind as declared_kind,
    d.tenant_column as declared_tenant_column,
    owner.rolname::pg_catalog.text as owner_name,
    pg_catalog.pg_has_role(c.relowner, 'MEMBER') as owner_reachable,
    c.relrowsecurity as rls_enabled,
    case
        when c.relkind in ('r', 'p') then pg_catalog.row_security_active(c.oid)
        else false
    end as rls_active,
    policy.is_there as has_policy,
    policy.wide_open as open_policy,
    coalesce(
        (
            select o.option_value in ('true', 'on', 'yes', '1')
            from pg_catalog.pg_options_to_table(c.reloptions) as o
            where o.option_name = 'security_invoker'
        ),
        false
    ) as security_invoker,
    pg_catalog.has_any_column_privilege(c.oid, 'SELECT') as may_select,
    -- System columns can be read of a plain table only: a view has none, a partitioned table returns none.
    c.relkind = 'r' and pg_catalog.has_table_privilege(c.oid, 'SELECT') as may_select_system,
    pg_catalog.has_any_column_privilege(c.oid, 'INSERT') as may_insert,
    pg_catalog.has_any_column_privilege(c.oid, 'UPDATE') as may_update,
    pg_catalog.has_table_privilege(c.oid, 'DELETE') as may_delete,
    -- Of a view the bits at the numbers of the commands: 2 UPDATE, 3 INSERT, 4 DELETE.
    c.relkind in ('r', 'p') or (c.relkind = 'v' and pg_catalog.pg_relation_is_updatable(c.oid, true) & 8 <> 0) as takes_insert,
    c.relkind in ('r', 'p') or (c.relkind = 'v' and pg_catalog.pg_relation_is_updatable(c.oid, true) & 4 <> 0) as takes_update,
    c.relkind in ('r', 'p') or (c.relkind = 'v' and pg_catalog.pg_relation_is_updatable(c.oid, true) & 16 <> 0) as takes_delete
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
inner join pg_catalog.pg_roles as owner on owner.oid = c.relowner
left join rows from (
    pg_catalog.unnest($3::pg_catalog.oid[]),
    pg_catalog.unnest($4::pg_catalog.text[]),
    pg_catalog.unnest($5::pg_catalog.text[])
) as d (relation, kind, tenant_column) on d.relation = c.oid
-- The policies that bind the request role. Where a permissive one is simply true, every tenant's rows are open, unless a
-- restrictive one narrows it; an empty table would not show that to a probe.
cross join lateral (
    select
        coalesce(pg_catalog.bool_or(p.polpermissive), false) as is_there,
        case
            when coalesce(pg_catalog.bool_or(not p.polpermissive and x.using_text is distinct from 'true'), false) then null
            else pg_catalog.min(p.polname::pg_catalog.text) filter (
                where p.polpermissive
                    and (x.using_text = 'true' or x.check_text = 'true')
            )
        end as wide_open
    from pg_catalog.pg_policy as p
    cross join lateral (
        select
            pg_catalog.pg_get_expr(p.polqual, p.polrelid) as using_text,
            pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) as check_text
    ) as x
    where p.polrelid = c.oid
        and (
            0 = any (p.polroles)
            or exists (
                select
                from pg_catalog.unnest(p.polroles) as r (role_oid)
                where pg_catalog.pg_has_role(r.role_oid, 'USAGE')
            )
        )
) as policy
where c.relkind in ('r', 'p', 'v', 'm', 'f')
    and not c.relispartition
    and (
        n.nspname = any ($1)
        or n.nspname || '.' || c.relname = any ($2)
    )
    and pg_catalog.has_schema_privilege(n.oid, 'USAGE')
    and (
        pg_catalog.has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE')
        or pg_catalog.has_table_privilege(c.oid, 'DELETE')
    )
order by schema_name, relation_name
