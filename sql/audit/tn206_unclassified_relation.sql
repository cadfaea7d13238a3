-- code: TN206
-- name: unclassified_relation
-- level: error
-- object: relation
-- what: The request role reaches a relation of which nobody has decided whether its rows belong to tenants.
-- why: Tables without a column of the tenant evade every rule: children of tenant tables, copies, what an import left
--   behind.
-- see: As the request role: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009'; select * from the
--   relation; and judge whose rows these are.
-- fix: Declare it: a tenant relation with its column, global (the same for all tenants) or internal (never served);
--   or revoke the rights.

select
    case
        when r.declared_by = 'column' or r.rls_enabled then 'warning'
        else 'error'
    end as level,
    'relation' as object_type,
    r.identity as object_identity,
    r.identity as relation,
    case
        when r.declared_by = 'column'
            then pg_catalog.format('%s is taken for a tenant relation by its column %I, and nobody has declared it.', r.identity, r.tenant_column)
        else pg_catalog.format('%s is reached by %s, and nobody has declared what it is.', r.identity, who.names)
    end as message,
    pg_catalog.format('Rights: %s.', who.rights) as detail,
    case
        when r.declared_by = 'column'
            then pg_catalog.format(
                'comment on table %s is %L;',
                r.identity,
                pg_catalog.concat_ws(
                    ' ',
                    pg_catalog.obj_description(r.relation_oid, 'pg_class'),
                    pg_catalog.format('@tenant(%s)', r.tenant_column)
                )
            )
        else
            pg_catalog.format(
                E'comment on %1$s %2$s is ''@global: the same for all tenants because ...'';\n-- or\n%3$s',
                case r.relation_kind when 'm' then 'materialized view' else 'table' end,
                r.identity,
                v.fix
            )
    end as fix,
    null::pg_catalog.text as content
from judged_relation as r
left join who on who.relation_oid = r.relation_oid
left join revocation as v on v.relation_oid = r.relation_oid
where (r.kind is null or r.declared_by = 'column')
    and not r.of_extension
    and who.names is not null
    and (
        r.relation_kind in ('r', 'p')
        or r.relation_kind = 'm'
        -- One of tenant relations is TN207's, and one of global relations alone is as global as they are.
        and not exists (
            select
            from reads as d
            inner join relation as t on t.relation_oid = d.reads_oid
            where d.relation_oid = r.relation_oid
                and t.kind = 'tenant'
        )
        and not (
            exists (
                select
                from reads as d
                inner join relation as t on t.relation_oid = d.reads_oid
                where d.relation_oid = r.relation_oid
                    and t.kind = 'global'
            )
            and not exists (
                select
                from reads as d
                inner join relation as t on t.relation_oid = d.reads_oid
                where d.relation_oid = r.relation_oid
                    and t.relation_kind <> 'v'
                    and t.kind is distinct from 'global'
            )
        )
    )
