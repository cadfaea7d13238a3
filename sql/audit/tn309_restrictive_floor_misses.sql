-- code: TN309
-- name: restrictive_floor_misses
-- level: error
-- object: policy
-- what: A restrictive policy compares the tenant, and does not hold where it is needed.
-- why: It is for a role whose policies the request role does not inherit, or not for all commands: above it
--   everything is permitted.
-- see: As the request role: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009'; select * from the
--   relation; no row may come back.
-- fix: Create it as restrictive, for all commands, to public.

select
    'error' as level,
    'policy' as object_type,
    p.identity as object_identity,
    r.identity as relation,
    pg_catalog.format('Restrictive policy %s compares the tenant, and does not hold for %s of %I.', p.identity, open.open_commands, a.role_name)
        as message,
    pg_catalog.format('It is for %s, to %s.', p.command_name, p.roles) as detail,
    pg_catalog.format(
        E'drop policy %1$I on %2$s;\ncreate policy %1$I on %2$s\n    as restrictive\n    to public\n    using (%3$s);',
        p.policy_name,
        r.identity,
        r.sound_expression
    ) as fix,
    pg_catalog.concat_ws(E'\n', p.command, p.permissive, p.roles, p.using_text, p.check_text) as content
from policy as p
inner join judged_relation as r on r.relation_oid = p.relation_oid
inner join self_scope as open on open.relation_oid = p.relation_oid
cross join app as a
where not p.permissive
    and r.is_tenant
    and r.rls_enabled
    and open.open_commands is not null
    and exists (
        select
        from reading as g
        where g.policy_oid = p.policy_oid
            and g.scoped_by_itself
    )
