-- code: TN201
-- name: rls_not_enabled
-- level: error
-- object: relation
-- what: A tenant relation that the request role can reach has no row-level security.
-- why: Without row-level security every right is a right to every tenant's rows. Copies (create table as), tables of
--   other schemas and child tables are forgotten most often: neither row-level security nor policies are copied.
-- see: As the request role: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009'; select * from the
--   relation; no row may come back.
-- fix: Enable and force row-level security, and write a policy that compares the tenant column.

select
    'error' as level,
    'relation' as object_type,
    r.identity as object_identity,
    r.identity as relation,
    pg_catalog.format('%s is a tenant relation without row-level security, and %s reaches it.', r.identity, who.names) as message,
    pg_catalog.format('Rights: %s.', who.rights) as detail,
    pg_catalog.format(
        E'alter table %1$s enable row level security;\nalter table %1$s force row level security;\n'
        'create policy tenant on %1$s\n    to %2$I\n    using (%3$s);',
        r.identity,
        a.role_name,
        r.sound_expression
    ) as fix,
    null::pg_catalog.text as content
from judged_relation as r
cross join app as a
left join who on who.relation_oid = r.relation_oid
where r.kind = 'tenant'
    and r.relation_kind in ('r', 'p')
    and not r.rls_enabled
    and who.names is not null
    -- Said by a rule that knows more: a policy or FORCE is there (TN202), or it is the child of a protected parent
    -- (TN204, TN205).
    and not r.rls_forced
    and r.policies_n = 0
    and not r.child_of_protected
union all
-- What is declared internal is never served; but it holds tenants' rows, and SQL of a request reads it all the same.
select
    'error',
    'relation',
    r.identity,
    r.identity,
    pg_catalog.format('%s is declared internal and has the column %I, has no row-level security, and %s reaches it.', r.identity, a.tenant_column, who.names),
    pg_catalog.format('Rights: %s.', who.rights),
    v.fix,
    null
from judged_relation as r
cross join app as a
inner join who on who.relation_oid = r.relation_oid
inner join revocation as v on v.relation_oid = r.relation_oid
where r.kind = 'internal'
    and v.granted
    and r.relation_kind in ('r', 'p')
    and not r.rls_enabled
    and not r.of_extension
    and exists (
        select
        from pg_catalog.pg_attribute as c
        where c.attrelid = r.relation_oid
            and c.attname = a.tenant_column
            and c.attnum > 0
            and not c.attisdropped
    )
