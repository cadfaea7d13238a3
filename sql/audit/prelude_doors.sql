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
-- To whom these rights were given, as REVOKE must name it: the role itself, a group of it, or PUBLIC.
grantee as materialized (
    select
        lists.relation_oid,
        x.privilege_type,
        pg_catalog.string_agg(
            distinct case when x.grantee = 0 then 'public' else pg_catalog.quote_ident(r.role_name) end,
            ', '
        ) as names
    from (
        select
            t.relation_oid,
            c.relacl as acl
        from tenant_table as t
        inner join pg_catalog.pg_class as c on c.oid = t.relation_oid
        union all
        select
            t.relation_oid,
            a.attacl
        from tenant_table as t
        inner join pg_catalog.pg_attribute as a on a.attrelid = t.relation_oid
        where a.attacl is not null
            and not a.attisdropped
    ) as lists
    cross join lateral pg_catalog.aclexplode(lists.acl) as x
    left join acting_role as r on r.role_oid = x.grantee
    where x.privilege_type in ('TRUNCATE', 'TRIGGER', 'REFERENCES')
        and (x.grantee = 0 or r.role_oid is not null)
    group by
        lists.relation_oid,
        x.privilege_type
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
-- What holds rows of tenants and has no policies of its own: materialized views of tenant tables, foreign tables, and
-- parents, which show the rows of their children by their own rights.
unprotected_source as materialized (
    select
        r.relation_oid,
        r.identity,
        r.relation_name,
        pg_catalog.format('%s holds the rows that its owner saw', r.identity) as why
    from relation as r
    where r.relation_kind = 'm'
        and coalesce(r.kind, 'tenant') = 'tenant'
        and exists (
            select
            from reads as d
            inner join relation as t on t.relation_oid = d.reads_oid
            where d.relation_oid = r.relation_oid
                and t.is_tenant
        )
    union all
    select
        r.relation_oid,
        r.identity,
        r.relation_name,
        pg_catalog.format('%s is a foreign table, which has no policies', r.identity)
    from relation as r
    where r.relation_kind = 'f'
        and coalesce(r.kind, 'tenant') = 'tenant'
        and not r.of_extension
    union all
    select
        r.relation_oid,
        r.identity,
        r.relation_name,
        pg_catalog.format('%s shows the rows of its child %s', r.identity, min(c.identity))
    from relation as r
    inner join ancestry as y on y.ancestor_oid = r.relation_oid
    inner join relation as c on c.relation_oid = y.relation_oid and c.is_tenant
    where r.relation_kind in ('r', 'p')
        and not r.is_tenant
        and not r.rls_enabled
    group by
        r.relation_oid,
        r.identity,
        r.relation_name
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
-- With what else each of them reads rows of every tenant from.
open_relation as materialized (
    select
        o.role_oid,
        o.relation_oid,
        o.identity,
        o.relation_name,
        o.why
    from open_table as o
    union all
    select
        d.role_oid,
        u.relation_oid,
        u.identity,
        u.relation_name,
        u.why
    from door_role as d
    cross join unprotected_source as u
    where pg_catalog.has_any_column_privilege(d.role_oid, u.relation_oid, 'SELECT')
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
        -- What a function returns rows of the type of, the function reads, and not the view.
        and pg_catalog.strpos(w.ev_action::pg_catalog.text, ':relid ' || d.refobjid::pg_catalog.text || ' ') > 0
),
-- Each view with itself and every view that it reads through, up to one that reads as its caller: what is behind that needs
-- the caller's own right, and is judged by itself.
view_chain (view_oid, inner_oid, ends) as (
    select
        r.relation_oid,
        r.relation_oid,
        r.security_invoker
    from relation as r
    where r.relation_kind = 'v'
    union
    select
        c.view_oid,
        r.relation_oid,
        r.security_invoker
    from view_chain as c
    inner join view_reads as v on v.view_oid = c.inner_oid
    inner join relation as r on r.relation_oid = v.relation_oid
    where r.relation_kind = 'v'
        and not c.ends
),
-- The column of the tenant in tables, and in materialized views that have one of the same name.
tenant_source as materialized (
    select
        t.relation_oid,
        t.tenant_column
    from tenant_table as t
    union all
    select
        m.relation_oid,
        c.attname
    from relation as m
    inner join pg_catalog.pg_attribute as c
        on c.attrelid = m.relation_oid
        and c.attnum > 0
    where m.relation_kind = 'm'
        and coalesce(m.kind, 'tenant') = 'tenant'
        and c.attname = (
            select min(t.tenant_column)
            from reads as d
            inner join tenant_table as t on t.relation_oid = d.reads_oid
            where d.relation_oid = m.relation_oid
            having min(t.tenant_column) = max(t.tenant_column)
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
-- The views that read tenants' rows as an owner who sees every tenant's.
open_view as materialized (
    select
        i.relation_oid,
        i.identity,
        pg_catalog.string_agg(o.identity, ', ' order by o.identity) as table_names,
        min(o.why) as why
    from relation as i
    inner join view_reads as b on b.view_oid = i.relation_oid
    inner join open_relation as o
        on o.relation_oid = b.relation_oid
        and o.role_oid = i.owner_oid
    where i.relation_kind = 'v'
        and not i.security_invoker
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
-- Views that requests reach and that read tenants' rows, themselves or through others, as somebody who sees every
-- tenant's rows.
door_view as materialized (
    select
        v.relation_oid,
        v.identity,
        v.owner_name,
        pg_catalog.string_agg(distinct i.table_names, ', ') as table_names,
        min(i.why) as why,
        pg_catalog.bool_and(i.filtered) as filtered,
        pg_catalog.bool_and(i.barrier) as barrier,
        -- Whether the conditions are this view's own, and no other's that it reads through.
        pg_catalog.bool_and(c.inner_oid = c.view_oid) as filters_itself
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
        -- What looks like a comment within a literal or a quoted name is none.
        pg_catalog.lower(
            pg_catalog.regexp_replace(
                f.body,
                '([eE]''(?:[^''\\]|\\.|'''')*''|''(?:[^'']|'''')*''|"[^"]*")|--[^\n\r]*|/\*[^*]*\*+(?:[^/*][^*]*\*+)*/',
                '\1 ',
                'g'
            )
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
-- The text of functions as it is looked at: in lower case and without comments. What looks like a comment within a literal
-- or a quoted name is none.
code as materialized (
    select
        r.function_oid,
        r.owner_oid,
        r.security_definer,
        pg_catalog.lower(r.function_name) as function_name,
        pg_catalog.lower(
            pg_catalog.regexp_replace(
                r.body,
                '([eE]''(?:[^''\\]|\\.|'''')*''|''(?:[^'']|'''')*''|"[^"]*")|--[^\n\r]*|/\*[^*]*\*+(?:[^/*][^*]*\*+)*/',
                '\1 ',
                'g'
            )
        ) as text
    from routine as r
    where r.language_name in ('sql', 'plpgsql')
        and not r.of_extension
        and not exists (
            select
            from trusted_function as t
            where t.identity = r.identity
                and t.md5 = pg_catalog.md5(r.definition)
        )
),
-- What runs where a definer function is called: its own text, and that of the functions that it names, each as the role
-- that it runs as there.
door_code (function_oid, code_oid, role_oid, depth) as (
    select
        f.function_oid,
        f.function_oid,
        f.owner_oid,
        0
    from callable as f
    where f.security_definer
        and not f.trusted
        and not f.of_extension
    union
    select
        d.function_oid,
        g.function_oid,
        case when g.security_definer then g.owner_oid else d.role_oid end,
        d.depth + 1
    from door_code as d
    inner join code as c on c.function_oid = d.code_oid
    inner join code as g
        on g.function_oid <> d.code_oid
        and pg_catalog.strpos(c.text, g.function_name) > 0
    where d.depth < 3
        and c.text ~ (
            '(?<![\w$])' || pg_catalog.regexp_replace(g.function_name, '([^\w ])', '\\\1', 'g') || '"?\s*\('
        )
),
-- What each definer function comes to that a request can make run: what it names of tenants without asking whose it is, or
-- that its text does not show what it reads. One that names nothing may still call what does, in another language.
definer as materialized (
    select
        f.function_oid,
        door.why as door_why,
        seen.names,
        seen.why as seen_why,
        seen.relation_oids,
        scoped.names as scoped_names,
        f.language_name not in ('sql', 'plpgsql')
            or f.text ~ '\m(?:(?:query|table|schema|database|cursor)_to_xml\w*|dblink\w*|ts_stat|ts_rewrite|crosstab\w*|connectby|xpath_table|pg_read_\w+|pg_logical_\w+|lo_get|loread|lo_export)\M'
            or pg_catalog.regexp_replace(f.text, 'e?''(?:[^'']|'''')*''', ' ', 'g') ~ '\mexecute\M'
            -- Names in escapes, and values of every tenant beside the tables.
            or f.text ~ '\mu&"|\mpg_stats\M|\mpg_statistic\M'
            -- A helper that runs what it is told to.
            or exists (
                select
                from door_code as d
                inner join code as c on c.function_oid = d.code_oid
                where d.function_oid = f.function_oid
                    and (
                        pg_catalog.regexp_replace(c.text, 'e?''(?:[^'']|'''')*''', ' ', 'g') ~ '\mexecute\M'
                        or c.text ~ '\m(?:query|table|schema|database|cursor)_to_xml'
                    )
            ) as opaque
    from callable as f
    left join (
        select
            o.role_oid,
            min(o.why) as why
        from open_table as o
        group by o.role_oid
    ) as door on door.role_oid = f.owner_oid
    left join (
        select
            n.function_oid,
            pg_catalog.string_agg(distinct n.names, ', ') as names,
            min(n.why) as why,
            pg_catalog.array_agg(distinct x.relation_oid) as relation_oids
        from named_code as n
        cross join lateral pg_catalog.unnest(n.relation_oids) as x (relation_oid)
        where not n.is_view
            and not exists (
            select
            from scoped_code as s
            where s.function_oid = n.function_oid
                and s.code_oid = n.code_oid
                and s.role_oid = n.role_oid
        )
        group by n.function_oid
    ) as seen on seen.function_oid = f.function_oid
    left join (
        select
            s.function_oid,
            pg_catalog.string_agg(distinct n.names, ', ') as names
        from scoped_code as s
        inner join named_code as n
            on n.function_oid = s.function_oid
            and n.code_oid = s.code_oid
            and n.role_oid = s.role_oid
        group by s.function_oid
    ) as scoped on scoped.function_oid = f.function_oid
    where f.security_definer
        and not f.trusted
        and (door.role_oid is not null or seen.function_oid is not null)
),
-- Functions that make another the tenant of what runs behind them: by their own text, or by that of a function that they
-- name. What they set is neither the tenant that there is nor nobody. A name in a variable may be the setting's where the
-- text has that, or where the caller says it. Without their offsets the planner would write each step into every place that
-- reads it.
tenant_setter (function_oid, function_name, before, behind, depth) as (
    select
        c.function_oid,
        c.function_name,
        pg_catalog.substr(kept.text, 1, found.at - 1),
        pg_catalog.substr(kept.text, found.at),
        0
    from code as c
    inner join pg_catalog.pg_proc as p on p.oid = c.function_oid
    cross join app as a
    cross join lateral (
        select pg_catalog.regexp_replace(pg_catalog.lower(a.setting), '([^\w ])', '\\\1', 'g') as pattern
    ) as setting
    cross join lateral (
        select pg_catalog.regexp_replace(
            pg_catalog.regexp_replace(c.text, '\s+', ' ', 'g'),
            '''+' || setting.pattern || '''+(?: ?:: ?text)?',
            '{n}',
            'g'
        ) as text
        offset 0
    ) as literal
    cross join lateral (
        select pg_catalog.regexp_replace(
            case
                when functions.pattern is null then literal.text
                else pg_catalog.regexp_replace(literal.text, functions.pattern, '{t}', 'g')
            end,
            '(?:pg_catalog\.)?current_setting ?\( ?\{n\}(?: ?, ?(?:true|false))? ?\)',
            '{t}',
            'g'
        ) as text
        from (
            select
                '(?<![\w.])(?:'
                || pg_catalog.string_agg(
                    pg_catalog.regexp_replace(pg_catalog.lower(f.qualified_name), '([^\w ])', '\\\1', 'g'),
                    '|'
                )
                || ') ?\( ?\)' as pattern
            from tenant_function as f
        ) as functions
        offset 0
    ) as read
    -- Its casts, and what takes the empty text for null or the other way round: once within the other.
    cross join (
        select
            '\( ?(?:select )?\{t\}(?: ?:: ?\w+)? ?\)|\{t\} ?:: ?\w+'
            '|(?:pg_catalog\.)?\m(?:nullif|coalesce) ?\( ?\{t\}(?: ?:: ?\w+)? ?, ?''''(?: ?:: ?text)? ?\)' as pattern
    ) as around
    cross join lateral (
        select pg_catalog.regexp_replace(
            pg_catalog.regexp_replace(read.text, around.pattern, '{t}', 'g'),
            around.pattern,
            '{t}',
            'g'
        ) as text
        offset 0
    ) as bare
    -- What was the tenant, and is set again in the end.
    cross join lateral (
        select
            (pg_catalog.regexp_match(
                bare.text,
                '\m([a-z_]\w*)(?: constant)?(?: [a-z]+)? ?(?::=|=|default) ?\{t\}(?: ?:: ?\w+)? ?;'
            ))[1] as name
    ) as variable
    cross join lateral (
        select
            case
                when variable.name is not null
                    and bare.text !~ (
                        '\m' || variable.name || ' ?:= ?(?!\{t\})|\minto (?:strict )?' || variable.name || '\M'
                    )
                    then pg_catalog.regexp_replace(
                        bare.text,
                        '(\{n\} ?, ?)' || variable.name || '(?: ?:: ?text)?(?= ?,)',
                        '\1{t}',
                        'g'
                    )
                else bare.text
            end as text
        offset 0
    ) as kept
    cross join lateral (
        select
            case
                when kept.text !~ '\mset_config\M|\mset ' then 0
                else greatest(
                    pg_catalog.regexp_instr(
                        kept.text,
                        '\mset_config"? ?\( ?\{n\} ?,(?! ?(?:\{t\}|''''(?: ?:: ?text)?|null(?: ?:: ?text)?) ?,)'
                    ),
                    pg_catalog.regexp_instr(
                        kept.text,
                        '\mset (?:local |session )?"?' || pg_catalog.replace(setting.pattern, '\.', '"? ?\. ?"?')
                        || '"? ?(?:=|to\M)(?! ?(?:''''(?: ?;|$)|''{5}|default\M))'
                    ),
                    case
                        when kept.text ~ '\{n\}'
                            then pg_catalog.regexp_instr(kept.text, '\mset (?:local |session )?%')
                        else 0
                    end,
                    (
                        select coalesce(max(pg_catalog.strpos(kept.text, m.parts[1])), 0)
                        from pg_catalog.regexp_matches(
                            kept.text,
                            '(\mset_config"? ?\( ?(?:''([^'']*)'' ?\|\||([a-z_][\w.]*|\$\d+)(?: ?:: ?text)? ?,))',
                            'g'
                        ) as m (parts)
                        where pg_catalog.starts_with(pg_catalog.lower(a.setting), m.parts[2])
                            or m.parts[3] is not null
                            and (
                                kept.text ~ '\{n\}'
                                or m.parts[3] ~ '^\$'
                                or pg_catalog.regexp_replace(m.parts[3], '^.*\.', '') = any (
                                    select pg_catalog.lower(argument.name)
                                    from pg_catalog.unnest(p.proargnames) as argument (name)
                                )
                            )
                    )
                )
            end as at
        offset 0
    ) as found
    where found.at > 0
    union all
    select
        c.function_oid,
        c.function_name,
        pg_catalog.substr(flat.text, 1, called.at - 1),
        pg_catalog.substr(flat.text, called.at),
        s.depth + 1
    from tenant_setter as s
    inner join code as c
        on c.function_oid <> s.function_oid
        and pg_catalog.strpos(c.text, s.function_name) > 0
    cross join lateral (select pg_catalog.regexp_replace(c.text, '\s+', ' ', 'g') as text) as flat
    cross join lateral (
        select pg_catalog.regexp_instr(
            flat.text,
            '(?<![\w$])' || pg_catalog.regexp_replace(s.function_name, '([^\w ])', '\\\1', 'g') || '"? ?\('
        ) as at
    ) as called
    where s.depth < 3
        and called.at > 0
),
-- Which of them read or write then: what stands in the same statement outside of parentheses, or behind it.
tenant_override as materialized (
    select
        s.function_oid,
        pg_catalog.bool_or(
            statement.text ~ '\m(?:from|into|update|delete|merge|table)\M'
            or rest.text ~ '\m(?:from|join|insert|update|delete|merge|truncate|table|execute|call|copy)\M'
            or exists (
                select
                from code as g
                where g.function_oid <> s.function_oid
                    and pg_catalog.strpos(rest.text, g.function_name) > 0
                    and rest.text ~ (
                        '(?<![\w$])' || pg_catalog.regexp_replace(g.function_name, '([^\w ])', '\\\1', 'g') || '"? ?\('
                    )
            )
        ) as acts
    from tenant_setter as s
    cross join lateral (
        select
            pg_catalog.regexp_replace(
                pg_catalog.regexp_replace(s.before, '^.*(?:;|\m(?:begin|then|loop|else)\M)', '')
                || pg_catalog.split_part(s.behind, ';', 1),
                'e?''(?:[^'']|'''')*''',
                ' ',
                'g'
            ) as statement,
            pg_catalog.regexp_replace(
                pg_catalog.substr(s.behind, pg_catalog.strpos(s.behind || ';', ';') + 1),
                'e?''(?:[^'']|'''')*''',
                ' ',
                'g'
            ) as text
    ) as rest
    cross join lateral (
        select pg_catalog.regexp_replace(
            pg_catalog.regexp_replace(
                pg_catalog.regexp_replace(rest.statement, '\([^()]*\)', ' ', 'g'), '\([^()]*\)', ' ', 'g'
            ),
            '\([^()]*\)|\(.*$',
            ' ',
            'g'
        ) as text
    ) as statement
    group by s.function_oid
),
-- Functions that set the tenant for the session.
session_setter as materialized (
    select f.function_oid
    from callable as f
    cross join app as a
    cross join lateral (
        select pg_catalog.regexp_replace(pg_catalog.lower(a.setting), '([.$\\])', '\\\1', 'g') as pattern
    ) as s
    where f.text ~ ('\mset_config\s*\(\s*''+' || s.pattern || '''+(::text)?\s*,[^;]*,\s*(false|''f)')
        -- Also where nothing says that it is local, or where the name stands elsewhere in the text.
        or f.text ~ (
            '\mset_config\s*\(\s*(''+' || s.pattern || '''+(::text)?'
            || case when f.text ~ ('''' || s.pattern || '''') then '|[a-z_$][\w$]*(::text)?' else '' end
            || ')\s*,(?!(?:(?!set_config)[^;])*,\s*(?:true|''+t(?:rue)?''+(?:::bool(?:ean)?)?|1::bool(?:ean)?)\s*\))'
        )
        or f.text ~ (
            '\mset\s+(session\s+)?"?' || pg_catalog.replace(s.pattern, '\.', '"?\s*\.\s*"?') || '"?\s*(=|to\M)'
        )
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
        ) as object_identity,
        case
            when d.setrole <> 0 and d.setdatabase <> 0
                then ' in database ' || pg_catalog.quote_ident(pg_catalog.current_database())
            else ''
        end as place
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
        'server',
        ''
    from pg_catalog.pg_settings as g
    where g.source in ('configuration file', 'command line', 'environment variable')
)
