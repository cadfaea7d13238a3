-- The rest of the prelude: what opens a way around the tables. Follows prelude.sql, as part of the same list.

waiver as materialized (
    select w.*
    from contract as c
    cross join lateral pg_catalog.jsonb_to_recordset(
        case
            when pg_catalog.jsonb_typeof(c.contract -> 'waivers') = 'array' then c.contract -> 'waivers'
            else '[]'
        end
    ) as w (
        code pg_catalog.text,
        object pg_catalog.text,
        content_md5 pg_catalog.text,
        reason_kind pg_catalog.text,
        reason pg_catalog.text,
        by pg_catalog.text,
        until pg_catalog.date
    )
),
-- Whom SQL of a request can act as: the request role, and what it can become. None for a superuser, who may do everything,
-- as TN101 says; and none that no policy binds, of whom TN103 speaks.
acting_role as materialized (
    select
        a.role_oid,
        a.role_name
    from app as a
    where not a.superuser
    union all
    select
        r.role_oid,
        r.role_name
    from role_reach as r
    where (r.becomes or r.inherited)
        and not r.superuser
        and not r.bypass_rls
),
tenant_table as materialized (
    select r.*
    from relation as r
    where r.kind = 'tenant'
        and r.relation_kind in ('r', 'p')
),
-- What the acting roles may do to each tenant table. Where a role owns the table its rights follow from that, of which
-- TN104 and TN105 speak: `granted_*` leaves them out.
tenant_right as materialized (
    select
        t.relation_oid,
        pg_catalog.bool_or(can.inserts) as inserts,
        pg_catalog.bool_or(can.updates) as updates,
        pg_catalog.bool_or(can.deletes) as deletes,
        pg_catalog.string_agg(r.role_name, ', ' order by r.role_name) filter (where can.truncates and not can.owns)
            as truncate_granted,
        pg_catalog.string_agg(r.role_name, ', ' order by r.role_name) filter (where can.triggers and not can.owns)
            as trigger_granted,
        pg_catalog.string_agg(r.role_name, ', ' order by r.role_name) filter (where can.refers and not can.owns)
            as references_granted
    from tenant_table as t
    cross join acting_role as r
    cross join lateral (
        select
            pg_catalog.has_any_column_privilege(r.role_oid, t.relation_oid, 'INSERT') as inserts,
            pg_catalog.has_any_column_privilege(r.role_oid, t.relation_oid, 'UPDATE') as updates,
            pg_catalog.has_table_privilege(r.role_oid, t.relation_oid, 'DELETE') as deletes,
            pg_catalog.has_table_privilege(r.role_oid, t.relation_oid, 'TRUNCATE') as truncates,
            pg_catalog.has_table_privilege(r.role_oid, t.relation_oid, 'TRIGGER') as triggers,
            pg_catalog.has_any_column_privilege(r.role_oid, t.relation_oid, 'REFERENCES') as refers,
            pg_catalog.pg_has_role(r.role_oid, t.owner_oid, 'USAGE') as owns
    ) as can
    where pg_catalog.has_schema_privilege(r.role_oid, t.namespace_oid, 'USAGE')
    group by t.relation_oid
),
-- The schemas in which an acting role makes objects without owning the schema.
creatable_schema as materialized (
    select
        n.namespace_oid,
        n.namespace_name,
        n.identity,
        pg_catalog.string_agg(r.role_name, ', ' order by r.role_name) as role_names
    from namespace as n
    cross join acting_role as r
    where pg_catalog.has_schema_privilege(r.role_oid, n.namespace_oid, 'CREATE')
        and not pg_catalog.pg_has_role(r.role_oid, n.owner_oid, 'USAGE')
    group by
        n.namespace_oid,
        n.namespace_name,
        n.identity
),
-- Whether SQL of a request can make temporary objects, which nearly everywhere is everybody's right.
temporary as materialized (
    select
        coalesce(
            pg_catalog.bool_or(
                pg_catalog.has_database_privilege(r.role_oid, pg_catalog.current_database()::pg_catalog.text, 'TEMP')
            ),
            false
        ) as allowed
    from acting_role as r
),
-- As whom views, rules and definer functions run.
door_role as materialized (
    select r.owner_oid as role_oid
    from relation as r
    where r.relation_kind = 'v'
        or r.relation_kind = 'm'
    union
    select f.owner_oid
    from routine as f
    where f.security_definer
    union
    select r.owner_oid
    from pg_catalog.pg_rewrite as w
    inner join relation as r on r.relation_oid = w.ev_class
    where w.rulename <> '_RETURN'
),
-- The tenant tables of which each of them sees or writes every tenant's rows, and why.
open_table as materialized (
    select
        d.role_oid,
        t.relation_oid,
        t.identity,
        t.relation_name,
        case
            when o.rolsuper then pg_catalog.format('%I is a superuser', o.rolname)
            when o.rolbypassrls then pg_catalog.format('%I has BYPASSRLS', o.rolname)
            when not t.rls_enabled then pg_catalog.format('%s has no row-level security', t.identity)
            when owns.table_is_owned and not t.rls_forced
                then pg_catalog.format('%I owns %s, which is not forced', o.rolname, t.identity)
            else pg_catalog.format('a policy of %s shows %I every row', t.identity, o.rolname)
        end as why
    from door_role as d
    inner join pg_catalog.pg_roles as o on o.oid = d.role_oid
    cross join tenant_table as t
    -- Policies bind it, and leave a command open.
    left join (
        select distinct
            c.role_oid,
            c.relation_oid
        from command_scope as c
        where c.scoped in ('no', 'unproven')
            and c.granted
    ) as s
        on s.role_oid = d.role_oid
        and s.relation_oid = t.relation_oid
    cross join lateral (
        select pg_catalog.pg_has_role(d.role_oid, t.owner_oid, 'USAGE') as table_is_owned
    ) as owns
    where (
            pg_catalog.has_any_column_privilege(d.role_oid, t.relation_oid, 'SELECT, INSERT, UPDATE')
            or pg_catalog.has_table_privilege(d.role_oid, t.relation_oid, 'DELETE')
        )
        and (
            o.rolsuper
            or o.rolbypassrls
            or not t.rls_enabled
            or (owns.table_is_owned and not t.rls_forced)
            or s.role_oid is not null
        )
),
-- What a view or materialized view names in its query, at any depth of that query.
view_reads as materialized (
    select distinct
        w.ev_class as view_oid,
        d.refobjid as relation_oid
    from pg_catalog.pg_rewrite as w
    inner join relation as v on v.relation_oid = w.ev_class
    inner join pg_catalog.pg_depend as d
        on d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
        and d.objid = w.oid
        and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
        and d.refobjid <> w.ev_class
    where w.rulename = '_RETURN'
),
-- Each view with itself and every view that it reads through. `frozen` where a materialized view lies between: then its
-- rows were read at its refresh, by its owner.
view_chain (view_oid, inner_oid, frozen) as (
    select
        r.relation_oid,
        r.relation_oid,
        false
    from relation as r
    where r.relation_kind = 'v'
    union
    select
        c.view_oid,
        r.relation_oid,
        c.frozen or r.relation_kind = 'm'
    from view_chain as c
    inner join view_reads as v on v.view_oid = c.inner_oid
    inner join relation as r on r.relation_oid = v.relation_oid
    where r.relation_kind in ('v', 'm')
),
-- What a view may write out to be believed that it compares the tenant: the setting, or a function for it.
tenant_expression as materialized (
    select
        pg_catalog.format(
            '(%s%s)',
            '\(*NULLIF\(\(*current_setting\(''' || pg_catalog.regexp_replace(a.setting, '([.$\\])', '\\\1', 'g')
            || '''::text(, (true|false))?\)\)*, ''''::text\)\)*(::[a-z ]+)?',
            (
                select coalesce(pg_catalog.string_agg('|\(*' || pg_catalog.regexp_replace(f.qualified_name, '([.$\\"])', '\\\1', 'g') || '\(\)\)*(::[a-z ]+)?', ''), '')
                from tenant_function as f
            )
        ) as pattern
    from app as a
),
-- Views over one tenant table and nothing else, with their text.
plain_view as materialized (
    select
        v.relation_oid,
        t.tenant_column,
        pg_catalog.regexp_replace(pg_catalog.pg_get_viewdef(v.relation_oid), '\s+', ' ', 'g') as text
    from (
        select
            b.view_oid as relation_oid,
            -- The only one.
            min(b.relation_oid::pg_catalog.int8) as table_number
        from view_reads as b
        inner join relation as r on r.relation_oid = b.view_oid
        where r.relation_kind = 'v'
            and not r.security_invoker
        group by b.view_oid
        having pg_catalog.count(*) = 1
    ) as v
    inner join tenant_table as t on t.relation_oid::pg_catalog.int8 = v.table_number
    where t.tenant_column is not null
),
-- Those that filter themselves: `where (the tenant column = the tenant)`, and further conditions at the most. Anything less
-- plain is not recognised, which opens nothing.
filtered_view as materialized (
    select v.relation_oid
    from plain_view as v
    cross join tenant_expression as e
    cross join lateral (
        select
            pg_catalog.split_part(v.text, ' WHERE ', 1) as head,
            pg_catalog.split_part(v.text, ' WHERE ', 2) as condition,
            pg_catalog.split_part(v.text, ' WHERE ', 3) as more
    ) as parts
    where parts.more = ''
        -- One select, from one relation, named once.
        and parts.head !~ 'SELECT.*SELECT'
        and parts.head !~ 'FROM.*(FROM|,| JOIN )'
        and parts.head !~ ' (UNION|EXCEPT|INTERSECT|WITH) '
        and parts.condition !~ ' (OR|NOT|CASE|IN|ANY|ALL|UNION|EXCEPT|INTERSECT|FROM|JOIN|HAVING) |SELECT.*SELECT|\) (IS|=|<>) '
        and parts.condition ~ (
            '^\(*("?\w+"?\.)?' || pg_catalog.quote_ident(v.tenant_column) || ' = (\( SELECT )?' || e.pattern
            || '( AS "?\w+"?)?\)*( AND [^;]*)?( GROUP BY [^;()]*)?( ORDER BY [^;()]*)?;$'
        )
),
-- The views that requests may read or write, other than by owning them.
reached_view as materialized (
    select
        v.relation_oid,
        v.identity,
        v.owner_name
    from relation as v
    where v.relation_kind = 'v'
        and (
            select
                pg_catalog.bool_or(
                    pg_catalog.has_schema_privilege(r.role_oid, v.namespace_oid, 'USAGE')
                    and not pg_catalog.pg_has_role(r.role_oid, v.owner_oid, 'USAGE')
                    and (
                        pg_catalog.has_any_column_privilege(r.role_oid, v.relation_oid, 'SELECT, INSERT, UPDATE')
                        or pg_catalog.has_table_privilege(r.role_oid, v.relation_oid, 'DELETE')
                    )
                )
            from acting_role as r
        )
),
-- The views and materialized views that read a tenant table as an owner who sees every tenant's rows.
open_view as materialized (
    select
        i.relation_oid,
        i.identity,
        pg_catalog.string_agg(o.identity, ', ' order by o.identity) as table_names,
        min(o.why) as why
    from relation as i
    inner join view_reads as b on b.view_oid = i.relation_oid
    inner join open_table as o
        on o.relation_oid = b.relation_oid
        and o.role_oid = i.owner_oid
    where i.relation_kind = 'm'
        or not i.security_invoker
    group by
        i.relation_oid,
        i.identity
),
-- Which of these say themselves whose rows they want, and whether behind a barrier.
judged_view as materialized (
    select
        i.*,
        f.relation_oid is not null as filtered,
        coalesce(
            (
                select o.option_value in ('true', 'on', 'yes', '1')
                from pg_catalog.pg_options_to_table(k.reloptions) as o
                where o.option_name = 'security_barrier'
            ),
            false
        ) as barrier
    from open_view as i
    inner join pg_catalog.pg_class as k on k.oid = i.relation_oid
    left join filtered_view as f on f.relation_oid = i.relation_oid
),
-- Views that requests reach and that read a tenant table, themselves or through others, as somebody who sees every
-- tenant's rows.
door_view as materialized (
    select
        v.relation_oid,
        v.identity,
        v.owner_name,
        pg_catalog.string_agg(distinct i.table_names, ', ') as table_names,
        min(
            case
                when c.frozen then pg_catalog.format('%s holds the rows that its owner saw', i.identity)
                else i.why
            end
        ) as why,
        pg_catalog.bool_and(i.filtered and not c.frozen) as filtered,
        pg_catalog.bool_and(i.barrier) as barrier
    from view_chain as c
    inner join reached_view as v on v.relation_oid = c.view_oid
    inner join judged_view as i on i.relation_oid = c.inner_oid
    group by
        v.relation_oid,
        v.identity,
        v.owner_name
),
-- The relations on which a write of an acting role fires triggers.
written_relation as materialized (
    select distinct r.relation_oid
    from relation as r
    cross join acting_role as a
    where pg_catalog.has_schema_privilege(a.role_oid, r.namespace_oid, 'USAGE')
        and (
            pg_catalog.has_any_column_privilege(a.role_oid, r.relation_oid, 'INSERT, UPDATE')
            or pg_catalog.has_table_privilege(a.role_oid, r.relation_oid, 'DELETE, TRUNCATE')
        )
),
-- What a request can make run: by a call, or by a write that fires it. The text is without comments, in lower case.
callable as materialized (
    select
        f.function_oid,
        f.identity,
        f.owner_oid,
        f.owner_name,
        f.language_name,
        f.security_definer,
        f.config,
        f.body_is_bound,
        f.search_path_fixed,
        f.definition,
        f.of_extension,
        f.reach as called,
        fired.relations as fired_by,
        fired.relations is not null as is_fired,
        f.return_type_oid = 'pg_catalog.trigger'::pg_catalog.regtype as is_trigger,
        coalesce(t.md5 = pg_catalog.md5(f.definition), false) as trusted,
        pg_catalog.lower(
            pg_catalog.regexp_replace(pg_catalog.regexp_replace(f.body, '--[^\n]*', '', 'g'), '/\*.*?\*/', '', 'g')
        ) as text
    from routine as f
    left join trusted_function as t on t.identity = f.identity
    left join (
        select
            g.tgfoid as function_oid,
            pg_catalog.string_agg(distinct r.identity, ', ') as relations
        from pg_catalog.pg_trigger as g
        inner join relation as r on r.relation_oid = g.tgrelid
        inner join written_relation as w on w.relation_oid = g.tgrelid
        where not g.tgisinternal
            and g.tgenabled <> 'D'
        group by g.tgfoid
    ) as fired on fired.function_oid = f.function_oid
    where (
            f.reach
            and f.return_type_oid not in (
                'pg_catalog.trigger'::pg_catalog.regtype,
                'pg_catalog.event_trigger'::pg_catalog.regtype
            )
        )
        or fired.relations is not null
),
-- What is set for the request role's connections before any request: by role, by database, by both, or in the
-- server's configuration.
session_default as materialized (
    select
        pg_catalog.lower(pg_catalog.split_part(s.setting, '=', 1)) as name,
        pg_catalog.substr(s.setting, pg_catalog.strpos(s.setting, '=') + 1) as value,
        case when d.setrole <> 0 then 'role' else 'database' end as object_type,
        pg_catalog.quote_ident(
            case when d.setrole <> 0 then a.role_name else pg_catalog.current_database() end
        ) as object_identity
    from app as a
    inner join pg_catalog.pg_db_role_setting as d
        on d.setrole in (0, a.role_oid)
        and d.setdatabase in (
            0,
            (
                select b.oid
                from pg_catalog.pg_database as b
                where b.datname = pg_catalog.current_database()
            )
        )
    cross join lateral pg_catalog.unnest(d.setconfig) as s (setting)
    union all
    select
        pg_catalog.lower(g.name),
        g.setting,
        'server',
        'server'
    from pg_catalog.pg_settings as g
    where g.source in ('configuration file', 'command line', 'environment variable')
)
