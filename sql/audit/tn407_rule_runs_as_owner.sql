-- code: TN407
-- name: rule_runs_as_owner
-- level: error
-- object: rule
-- what: A rule that the request role sets off reads or writes a tenant table as its owner, whom no policy binds.
-- why: The actions of a rule run as the owner of its relation, also where that is a view with security_invoker.
-- see: As the request role: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009'; do what sets the
--   rule off, for a row of another tenant; it must fail.
-- fix: Drop the rule: Postgres writes through simple views itself. Else use an INSTEAD OF trigger that runs as its
--   caller.

select
    'error' as level,
    'rule' as object_type,
    pg_catalog.format('%s/%I', r.identity, w.rulename) as object_identity,
    r.identity as relation,
    pg_catalog.format('The rule %I of %s touches %s as %I, whom no policy keeps from other tenants'' rows.', w.rulename, r.identity, door.table_names, r.owner_name)
        as message,
    door.why || '.' as detail,
    pg_catalog.format('drop rule %I on %s;', w.rulename, r.identity) as fix,
    pg_catalog.pg_get_ruledef(w.oid) as content
from pg_catalog.pg_rewrite as w
inner join relation as r on r.relation_oid = w.ev_class
inner join written_relation as x on x.relation_oid = w.ev_class
cross join lateral (
    select
        pg_catalog.string_agg(distinct o.identity, ', ') as table_names,
        min(o.why) as why
    from source_name as o
    left join filtered_view as f on f.relation_oid = o.inner_oid
    where o.role_oid = r.owner_oid
        and f.relation_oid is null
        and o.relation_oid in (
            select d.refobjid
            from pg_catalog.pg_depend as d
            where d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
                and d.objid = w.oid
                and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
        )
) as door
where w.rulename <> '_RETURN'
    and w.ev_enabled <> 'D'
    -- DO INSTEAD NOTHING has no action.
    and pg_catalog.pg_get_ruledef(w.oid) !~ ' NOTHING;$'
    and door.table_names is not null
