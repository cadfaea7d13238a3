-- code: TN205
-- name: inheritance_child_exposed
-- level: error
-- object: relation
-- what: A child table of a tenant relation can be reached by name, and has no row-level security of its own.
-- why: Policies of the parent hold for what is reached through the parent. A child that is named directly has its own
--   row-level security, or none; default privileges grant new ones unseen. A parent shows the rows of a tenant table that
--   inherits from it by its own rights and policies, and never asks the child's.
-- see: As the request role: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009'; select * from the
--   child; no row may come back.
-- fix: Revoke the rights on the child: none are needed to reach it through the parent. Of a parent that is no tenant
--   relation, revoke the rights on the parent.

select
    'error' as level,
    'relation' as object_type,
    r.identity as object_identity,
    r.identity as relation,
    pg_catalog.format('%s is a child of a tenant relation, without row-level security of its own, and %s reaches it.', r.identity, who.names) as message,
    pg_catalog.format('Rights: %s.', who.rights) as detail,
    v.fix as fix,
    null::pg_catalog.text as content
from judged_relation as r
left join who on who.relation_oid = r.relation_oid
left join revocation as v on v.relation_oid = r.relation_oid
where r.kind = 'tenant'
    and r.relation_kind in ('r', 'p')
    and not r.is_partition
    and r.child_of_protected
    and not r.rls_enabled
    and not r.rls_forced
    and r.policies_n = 0
    and who.names is not null
union all
-- The other way round: a parent shows the rows of its children by its own rights and policies.
select
    'error',
    'relation',
    r.identity,
    r.identity,
    pg_catalog.format('%s shows the rows of its child %s, whose policies are not asked, and %s reaches it.', r.identity, child.names, who.names),
    pg_catalog.format('Rights: %s.', who.rights),
    v.fix,
    null
from judged_relation as r
inner join who on who.relation_oid = r.relation_oid
inner join revocation as v on v.relation_oid = r.relation_oid
cross join lateral (
    select pg_catalog.string_agg(c.identity, ', ' order by c.identity) as names
    from ancestry as y
    inner join relation as c on c.relation_oid = y.relation_oid
    where y.ancestor_oid = r.relation_oid
        and c.is_tenant
) as child
where r.relation_kind in ('r', 'p')
    and not r.is_tenant
    and not r.rls_enabled
    and child.names is not null
    and exists (
        select
        from access as g
        where g.relation_oid = r.relation_oid
            and g.role_kind <> 'door'
            and (g.may_select or g.may_update or g.may_delete)
    )
