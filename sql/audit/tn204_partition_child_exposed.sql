-- code: TN204
-- name: partition_child_exposed
-- level: error
-- object: relation
-- what: A partition of a tenant relation can be reached by name, and has no row-level security of its own.
-- why: Policies of the parent hold for what is reached through the parent. A partition that is named directly has its
--   own row-level security, or none; default privileges grant new ones unseen.
-- see: As the request role: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009'; select * from the
--   partition; no row may come back.
-- fix: Revoke the rights on the partition: none are needed to reach it through the parent.

select
    'error' as level,
    'relation' as object_type,
    r.identity as object_identity,
    r.identity as relation,
    pg_catalog.format('%s is a partition of a tenant relation, without row-level security of its own, and %s reaches it.', r.identity, who.names) as message,
    pg_catalog.format('Rights: %s.', who.rights) as detail,
    v.fix as fix,
    null::pg_catalog.text as content
from judged_relation as r
left join who on who.relation_oid = r.relation_oid
left join revocation as v on v.relation_oid = r.relation_oid
where r.kind = 'tenant'
    and r.relation_kind in ('r', 'p')
    and r.is_partition
    and r.child_of_protected
    and not r.rls_enabled
    and not r.rls_forced
    and r.policies_n = 0
    and who.names is not null
