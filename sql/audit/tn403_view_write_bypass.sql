-- code: TN403
-- name: view_write_bypass
-- level: error
-- object: view
-- what: Rows of any tenant can be written through a view that runs as its owner.
-- why: Postgres writes through a simple view as the view's owner, whom no policy binds, and checks the view's own
--   condition only WITH CHECK OPTION. An INSTEAD OF trigger that is SECURITY DEFINER writes as its owner.
-- see: As the request role: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009'; insert into the
--   view a row of another tenant; it must fail.
-- fix: Set security_invoker; or recreate the view with check option; or make the trigger's function SECURITY
--   INVOKER.

select
    'error' as level,
    'view' as object_type,
    v.identity as object_identity,
    v.identity as relation,
    pg_catalog.format('Rows of any tenant can be written through %s, as %I.', v.identity, how.writer) as message,
    how.detail as detail,
    how.fix as fix,
    pg_catalog.pg_get_viewdef(v.relation_oid) as content
from relation as v
inner join written_relation as w on w.relation_oid = v.relation_oid
cross join lateral (
    -- Written by Postgres, as the owner.
    select
        d.owner_name as writer,
        d.why || ', and no check option of the view asks for the tenant.' as detail,
        pg_catalog.format('alter view %s set (security_invoker = true);', v.identity) as fix
    from door_view as d
    where d.relation_oid = v.relation_oid
        -- A view that shows everything is TN401's.
        and d.filtered
        -- 8 is INSERT, 4 is UPDATE.
        and pg_catalog.pg_relation_is_updatable(v.relation_oid, false) & 12 <> 0
        and not exists (
            select
            from pg_catalog.pg_class as c
            cross join lateral pg_catalog.pg_options_to_table(c.reloptions) as o
            where c.oid = v.relation_oid
                and o.option_name = 'check_option'
                -- A local one checks the view's own condition alone.
                and (o.option_value = 'cascaded' or d.filters_itself)
        )
        -- A write that no INSTEAD OF trigger takes: 4 is INSERT, 16 UPDATE.
        and exists (
            select
            from acting_role as r
            cross join (
                values
                    ('INSERT', 4),
                    ('UPDATE', 16)
            ) as w (privilege, event)
            where pg_catalog.has_any_column_privilege(r.role_oid, v.relation_oid, w.privilege)
                and not exists (
                    select
                    from pg_catalog.pg_trigger as g
                    where g.tgrelid = v.relation_oid
                        and g.tgtype & 64 <> 0
                        and g.tgtype & w.event <> 0
                )
        )
    union all
    -- Written by a trigger in its stead, as the function's owner.
    select
        f.owner_name,
        pg_catalog.format('Trigger %I calls %s, which is SECURITY DEFINER; %s.', g.tgname, f.identity, min(o.why)),
        pg_catalog.format('alter function %s security invoker;', f.identity)
    from pg_catalog.pg_trigger as g
    inner join callable as f on f.function_oid = g.tgfoid
    inner join open_table as o on o.role_oid = f.owner_oid
    where g.tgrelid = v.relation_oid
        and not g.tgisinternal
        and g.tgenabled <> 'D'
        and g.tgtype & 64 <> 0
        and exists (
            select
            from definer as d
            where d.function_oid = f.function_oid
                and (d.names is not null or d.opaque)
        )
    group by
        f.owner_name,
        g.tgname,
        f.identity
    limit 1
) as how
where v.relation_kind = 'v'
