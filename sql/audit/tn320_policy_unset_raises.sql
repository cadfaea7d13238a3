-- code: TN320
-- name: policy_unset_raises
-- level: advice
-- object: policy
-- what: Without a tenant the policy raises an error.
-- why: It is closed, and each such request is an error of the server: current_setting with one argument raises where
--   the setting was never set, and an empty text is no uuid.
-- see: As the request role, on a new connection: select * from the relation; it raises.
-- fix: nullif(current_setting('app.current_tenant_id', true), '')::uuid is null where there is no tenant.

select
    'advice' as level,
    'policy' as object_type,
    p.identity as object_identity,
    r.identity as relation,
    pg_catalog.format('Policy %s raises an error where the request has no tenant.', p.identity) as message,
    coalesce(p.using_text, p.check_text) as detail,
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
from policy as p
inner join judged_relation as r on r.relation_oid = p.relation_oid
where r.rls_enabled
    and exists (
        select
        from judgement as j
        where j.policy_oid = p.policy_oid
            and j.role_kind = 'self'
            and j.raises
            and j.scoped = 'yes'
    )
