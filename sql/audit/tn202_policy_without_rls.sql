-- code: TN202
-- name: policy_without_rls
-- level: error
-- object: relation
-- what: A relation has policies, or FORCE, and row-level security was never enabled.
-- why: Policies do nothing until row-level security is enabled; whoever reads them thinks that the table is
--   protected.
-- see: As the request role: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009'; select * from the
--   relation; no row may come back.
-- fix: Enable row-level security.

select
    case when r.kind = 'tenant' and who.names is not null then 'error' else 'warning' end as level,
    'relation' as object_type,
    r.identity as object_identity,
    r.identity as relation,
    pg_catalog.format(
        '%s has %s, and row-level security is not enabled: nothing is enforced.',
        r.identity,
        case when r.policies_n > 0 then 'policies' else 'FORCE' end
    ) as message,
    case when who.names is not null then pg_catalog.format('Rights: %s.', who.rights) end as detail,
    pg_catalog.format(
        E'alter table %1$s enable row level security;\nalter table %1$s force row level security;',
        r.identity
    ) as fix,
    null::pg_catalog.text as content
from judged_relation as r
left join who on who.relation_oid = r.relation_oid
where r.relation_kind in ('r', 'p')
    and not r.rls_enabled
    and not r.of_extension
    and (r.rls_forced or r.policies_n > 0)
