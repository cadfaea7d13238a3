-- view: policy_audit
-- comment: Each policy, whom it binds, and how its expressions were judged.
-- column: relation text = The relation.
-- column: policy name = The policy.
-- column: command text = ALL, SELECT, INSERT, UPDATE or DELETE.
-- column: permissive boolean = Permissive policies are alternatives; restrictive ones are further conditions.
-- column: roles text = The roles that it names.
-- column: applies_to_app boolean = Whether it binds the request role.
-- column: applies_why text = Why it does, or does not.
-- column: part text = using (which rows are there) or check (what a new row may be).
-- column: expression text = The expression, as Postgres writes it.
-- column: expression_from text = Where it stands: USING, WITH CHECK, or from USING where there is no WITH CHECK.
-- column: reads_columns text[] = The columns of the relation that the policy reads.
-- column: reads_relations text[] = The other relations that it asks.
-- column: calls_functions text[] = The functions that it calls, with how they were declared.
-- column: scoped text = yes, no, unproven, or null where the relation has no tenant or the policy does not bind the request role.
-- column: unset_behaviour text = What happens without a tenant: closed, raises, open or unknown.
-- column: cost text = How often the tenant is looked up: initplan (once a statement), per row, or volatile.
-- column: code text = The code of the fault, where it is one.
-- column: judged_as text = What was recognised: {t} tenant column, {T} tenant of the request, {O} another setting, {Y} own rows only, {F} none.

select
    p.relation,
    p.policy_name,
    p.command_name,
    p.permissive,
    p.roles,
    b.policy_oid is not null,
    case
        when 0 = any (p.role_oids) then 'to public'
        when a.role_oid = any (p.role_oids) then 'to the request role'
        when b.policy_oid is not null then 'to ' || p.roles || ', inherited'
        when exists (
            select
            from pg_catalog.unnest(p.role_oids) as x (role_oid)
            where x.role_oid <> 0
                and pg_catalog.pg_has_role(a.role_oid, x.role_oid, 'MEMBER')
        ) then 'to ' || p.roles || ', which is not inherited (NOINHERIT)'
        else 'to ' || p.roles || ', of which the request role is no member'
    end,
    part.part,
    part.source,
    part.origin,
    (
        select pg_catalog.array_agg(c.attname::pg_catalog.text order by c.attnum)
        from pg_catalog.pg_attribute as c
        where c.attrelid = p.relation_oid
            and c.attnum = any (p.own_attnums)
    ),
    (
        select pg_catalog.array_agg(r.identity order by r.identity)
        from relation as r
        where r.relation_oid = any (p.used_relation_oids)
    ),
    (
        select pg_catalog.array_agg(
            f.identity
            || case f.volatility when 'i' then ' immutable' when 's' then ' stable' else ' volatile' end
            || case when f.security_definer then ' security definer' else '' end
            order by f.identity
        )
        from routine as f
        where f.function_oid = any (p.used_function_oids)
    ),
    j.scoped,
    j.unset_behaviour,
    j.cost,
    j.code,
    j.words
from policy as p
cross join app as a
cross join lateral (
    values
        ('using', p.using_text, 'USING'),
        (
            'check',
            coalesce(p.check_text, p.using_text),
            case when p.check_text is null then 'from USING' else 'WITH CHECK' end
        )
) as part (part, source, origin)
left join binding as b on b.policy_oid = p.policy_oid and b.role_kind = 'self'
left join judgement as j on j.policy_oid = p.policy_oid and j.part = part.part and j.role_kind = 'self'
where part.part = 'using' and p.command in ('*', 'r', 'w', 'd')
    or part.part = 'check' and p.command in ('*', 'a', 'w')
order by p.relation, p.policy_name, part.part desc
