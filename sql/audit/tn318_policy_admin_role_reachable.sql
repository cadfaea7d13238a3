-- code: TN318
-- name: policy_admin_role_reachable
-- level: error
-- object: policy
-- what: A policy that shows more than one tenant is for a role that requests can act as.
-- why: Policies bind by inheritance, and SET ROLE needs none: the request role becomes the other one, and its
--   policies hold.
-- see: As the request role: set role to the one that is named, then select * from the relation.
-- fix: Revoke the membership.

select
    'error' as level,
    'policy' as object_type,
    b.identity as object_identity,
    r.identity as relation,
    pg_catalog.format('Policy %s opens the relation to %I, which requests can act as.', b.identity, b.role_name) as message,
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
where b.code = 'TN318'
