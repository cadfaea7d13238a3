-- code: TN207
-- name: materialized_view_exposed
-- level: error
-- object: relation
-- what: The request role may read a materialized view of tenants' rows.
-- why: A materialized view holds the rows as its owner saw them at the last REFRESH, and cannot have row-level
--   security.
-- see: As the request role: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009'; select * from the
--   materialized view; no row may come back.
-- fix: Revoke the right, and serve a table with policies, or a view that is security_invoker, in its stead.

select
    'error' as level,
    'relation' as object_type,
    r.identity as object_identity,
    r.identity as relation,
    pg_catalog.format('%s holds rows of %s as its owner saw them, and %s reads it.', r.identity, source.names, who.names) as message,
    pg_catalog.format('Rights: %s.', who.rights) as detail,
    v.fix as fix,
    pg_catalog.pg_get_viewdef(r.relation_oid) as content
from judged_relation as r
left join who on who.relation_oid = r.relation_oid
left join revocation as v on v.relation_oid = r.relation_oid
cross join lateral (
    select pg_catalog.string_agg(t.identity, ', ' order by t.identity) as names
    from reads as d
    inner join relation as t on t.relation_oid = d.reads_oid
    where d.relation_oid = r.relation_oid
        and t.kind = 'tenant'
) as source
where r.relation_kind = 'm'
    and coalesce(r.kind, 'tenant') = 'tenant'
    and source.names is not null
    and exists (
        select
        from access as g
        where g.relation_oid = r.relation_oid
            and g.role_kind <> 'door'
            and g.may_select
    )
    and who.names is not null
