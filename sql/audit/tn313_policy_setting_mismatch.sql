-- code: TN313
-- name: policy_setting_mismatch
-- level: error
-- object: policy
-- what: A policy reads another setting than the one that names the tenant.
-- why: It is closed by accident, until somebody gives the other setting a default, or a request sets it.
-- see: As the request role: set the other setting to a tenant's id, then select * from the relation.
-- fix: Read the configured setting.

select
    'error' as level,
    'policy' as object_type,
    b.identity as object_identity,
    r.identity as relation,
    pg_catalog.format('Policy %s reads another setting than the one that names the tenant.', b.identity) as message,
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
where b.code = 'TN313'
