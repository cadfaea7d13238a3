-- code: TN210
-- name: no_policy_for_app
-- level: warning
-- object: relation
-- what: A tenant relation is granted to the request role, and no permissive policy applies to it.
-- why: Nothing leaks: no row is shown, and none can be written. Somebody will mend it in a hurry.
-- see: As the request role, with the setting of a tenant that has rows: select * from the relation; none come back.
-- fix: Write the policy for the request role, or revoke the rights.

select
    'warning' as level,
    'relation' as object_type,
    r.identity as object_identity,
    r.identity as relation,
    pg_catalog.format('No permissive policy of %s applies to %I: what is granted shows nothing.', r.identity, a.role_name) as message,
    case
        when r.policies_n > 0
            then 'A policy binds a role that the request role inherits from; a restrictive one only takes away from others.'
    end as detail,
    pg_catalog.format(
        E'create policy tenant on %1$s\n    to %2$I\n    using (%3$s);',
        r.identity,
        a.role_name,
        r.sound_expression
    ) as fix,
    null::pg_catalog.text as content
from judged_relation as r
inner join self_scope as s on s.relation_oid = r.relation_oid
cross join app as a
where r.is_tenant
    and r.relation_kind in ('r', 'p')
    and r.rls_enabled
    and not (a.superuser or a.bypass_rls)
    and not (pg_catalog.pg_has_role(a.role_oid, r.owner_oid, 'USAGE') and not r.rls_forced)
    and s.granted
    and not s.permitted
