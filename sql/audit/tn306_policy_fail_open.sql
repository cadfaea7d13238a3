-- code: TN306
-- name: policy_fail_open
-- level: error
-- object: policy
-- what: A policy takes no tenant for every tenant.
-- why: A request without a tenant has the setting null (on a new connection) or empty (after any transaction that had
--   set it); IS NULL, = '' and COALESCE let it see everything.
-- see: As the request role, on a new connection, and again after: begin; set local app.current_tenant_id =
--   '99999999-0000-4000-8000-000000000009'; commit; select * from the relation; no row may come back.
-- fix: Compare, with no default: null is equal to nothing.

select
    'error' as level,
    'policy' as object_type,
    b.identity as object_identity,
    r.identity as relation,
    pg_catalog.format('Policy %s opens where the request has no tenant.', b.identity) as message,
    pg_catalog.format('For %s of %I: %s', pg_catalog.array_to_string(b.commands, ', '), b.role_name, b.source) as detail,
    pg_catalog.format(
        'alter policy %I on %s%s%s;',
        p.policy_name,
        r.identity,
        case when p.command <> 'a' then pg_catalog.format(' using (%s)', r.sound_expression) end,
        case
            when p.command = 'a' or p.check_text is not null then pg_catalog.format(' with check (%s)', r.sound_expression)
        end
    ) as fix,
    pg_catalog.concat_ws(E'\n', p.command, p.permissive, p.roles, p.using_text, p.check_text) as content
from blamed_policy as b
inner join policy as p on p.policy_oid = b.policy_oid
inner join judged_relation as r on r.relation_oid = b.relation_oid
where b.code = 'TN306'
