-- What stands in code that sees every tenant's rows: definer functions and views that read as their owner, each as a text in
-- which literals, names of tables, the tenant of the request and what stands in parentheses are made alike. The text is never
-- executed. `prelude_statements.sql` takes it apart, `prelude_ties.sql` judges it.

-- From what else such code reads every tenant's rows, by the names of its text: tables, and views that are not judged yet.
source_name as materialized (
    select
        s.role_oid,
        s.relation_oid,
        s.identity,
        pg_catalog.lower(s.relation_name) as relation_name,
        pg_catalog.lower(r.namespace_name) as namespace_name,
        pg_catalog.lower(s.tenant_column) as tenant_column,
        s.why,
        s.is_view,
        s.inner_oid
    from (
        select
            o.role_oid,
            o.relation_oid,
            o.identity,
            o.relation_name,
            t.tenant_column,
            o.why,
            false as is_view,
            null::pg_catalog.oid as inner_oid
        from open_relation as o
        left join tenant_source as t on t.relation_oid = o.relation_oid
        union all
        select
            d.role_oid,
            v.relation_oid,
            v.identity,
            v.relation_name,
            null,
            i.why,
            true,
            i.relation_oid
        from view_chain as c
        inner join open_view as i on i.relation_oid = c.inner_oid
        inner join relation as v on v.relation_oid = c.view_oid
        cross join door_role as d
        where pg_catalog.has_any_column_privilege(d.role_oid, v.relation_oid, 'SELECT')
        union all
        select
            o.role_oid,
            v.relation_oid,
            v.identity,
            v.relation_name,
            null,
            o.why,
            true,
            null
        from relation as v
        inner join reads as d on d.relation_oid = v.relation_oid
        inner join open_relation as o on o.relation_oid = d.reads_oid
        where v.relation_kind = 'v'
            and v.security_invoker
            and pg_catalog.has_any_column_privilege(o.role_oid, v.relation_oid, 'SELECT')
    ) as s
    inner join relation as r on r.relation_oid = s.relation_oid
),
-- What is taken apart: functions with those that they name, each as the role that it runs as there; and views.
subject as materialized (
    select
        d.function_oid as function_oid,
        d.code_oid,
        d.role_oid,
        false as is_view,
        c.text
    from (
        select distinct
            d.function_oid,
            d.code_oid,
            d.role_oid
        from door_code as d
    ) as d
    inner join code as c on c.function_oid = d.code_oid
    union all
    select
        v.relation_oid,
        v.relation_oid,
        r.owner_oid,
        true,
        -- Pretty, it has no parentheses around joins.
        pg_catalog.lower(pg_catalog.pg_get_viewdef(v.relation_oid, true))
    from open_view as v
    inner join relation as r on r.relation_oid = v.relation_oid
),
-- What of tenants each of these texts names. A view of a view is judged by itself.
named_source as materialized (
    select distinct
        j.function_oid,
        j.code_oid,
        j.role_oid,
        s.relation_oid,
        s.identity,
        s.relation_name,
        s.namespace_name,
        s.tenant_column,
        s.why,
        s.is_view,
        s.inner_oid
    from subject as j
    inner join source_name as s
        on s.role_oid = j.role_oid
        and pg_catalog.strpos(j.text, s.relation_name) > 0
    where not (j.is_view and s.is_view)
        and j.text ~ (
            '(?<![\w$])' || pg_catalog.regexp_replace(s.relation_name, '([^\w ])', '\\\1', 'g') || '(?![\w$])'
        )
),
named_code as materialized (
    select
        pg_catalog.row_number() over () as code_n,
        j.*,
        n.relation_oids,
        n.names,
        n.why,
        n.pattern,
        n.namespace_pattern
    from subject as j
    inner join (
        select
            s.function_oid,
            s.code_oid,
            s.role_oid,
            pg_catalog.array_agg(distinct s.relation_oid) as relation_oids,
            pg_catalog.string_agg(distinct s.identity, ', ') as names,
            min(s.why) as why,
            pg_catalog.string_agg(distinct pg_catalog.regexp_replace(s.relation_name, '([^\w ])', '\\\1', 'g'), '|')
                as pattern,
            pg_catalog.string_agg(distinct pg_catalog.regexp_replace(s.namespace_name, '([^\w ])', '\\\1', 'g'), '|')
                as namespace_pattern
        from named_source as s
        group by
            s.function_oid,
            s.code_oid,
            s.role_oid
    ) as n
        on n.function_oid = j.function_oid
        and n.code_oid = j.code_oid
        and n.role_oid = j.role_oid
),
-- The tenant column by a table's name; none where two tables of the name have different ones, or where it is a view.
source_column as materialized (
    select
        n.code_n,
        s.relation_name,
        case
            when pg_catalog.count(*) = pg_catalog.count(s.tenant_column) and min(s.tenant_column) = max(s.tenant_column)
                then min(s.tenant_column)
        end as tenant_column,
        pg_catalog.array_agg(s.inner_oid) as inner_oids,
        pg_catalog.bool_and(s.is_view and s.inner_oid is not null) as is_view
    from named_code as n
    inner join named_source as s
        on s.function_oid = n.function_oid
        and s.code_oid = n.code_oid
        and s.role_oid = n.role_oid
    group by
        n.code_n,
        s.relation_name
),
-- Types in which the tenant is the same, or an error.
tenant_cast as materialized (
    select
        pg_catalog.concat_ws(
            '|',
            'uuid|text|varchar|character varying|bigint|integer|int|int4|int8|smallint',
            pg_catalog.string_agg(
                distinct pg_catalog.regexp_replace(
                    pg_catalog.replace(pg_catalog.lower(pg_catalog.format_type(t.oid, null)), '"', ''),
                    '([^\w ])',
                    '\\\1',
                    'g'
                ),
                '|'
            )
        ) as pattern
    from tenant_table as r
    inner join pg_catalog.pg_type as t on t.oid = r.tenant_type_oid
    where t.typtype = 'e'
        or t.typtype = 'd'
        and t.typtypmod = -1
        and t.typbasetype in (
            'pg_catalog.uuid'::pg_catalog.regtype,
            'pg_catalog.text'::pg_catalog.regtype,
            'pg_catalog.varchar'::pg_catalog.regtype,
            'pg_catalog.int4'::pg_catalog.regtype,
            'pg_catalog.int8'::pg_catalog.regtype
        )
),
-- The text with literals taken out ({s}; {n} is the setting's name and {e} the empty text), names of tables as
-- {r:schema.name} or {r:.name}, the tenant of the request as {t}: the setting, a function for it, in a trigger the column of the
-- row that is written. Without their offsets the planner would write each step into every place that reads it.
masked_code as materialized (
    select
        c.code_n,
        tenant_5.text
    from named_code as c
    cross join app as a
    cross join tenant_cast as k
    cross join lateral (
        select
            pg_catalog.regexp_replace(
                pg_catalog.regexp_replace(
                    pg_catalog.regexp_replace(
                        pg_catalog.regexp_replace(
                            pg_catalog.regexp_replace(
                                pg_catalog.regexp_replace(c.text, '\s+', ' ', 'g'),
                                '(?<!'')''' || pg_catalog.regexp_replace(pg_catalog.lower(a.setting), '([^\w ])', '\\\1', 'g') || '''(?!'')',
                                '{n}',
                                'g'
                            ),
                            '(?<!'')''''(?!'')',
                            '{e}',
                            'g'
                        ),
                        'e?''(?:[^'']|'''')*''',
                        '{s}',
                        'g'
                    ),
                    '"([\w$]+)"',
                    '\1',
                    'g'
                ),
                -- What is qualified by another schema, or by a table, is another thing.
                '(?<![\w$."])(?:(?:[\w$]+ ?\. ?)?(' || c.namespace_pattern || ') ?\. ?)?(' || c.pattern || ')(?![\w$])',
                '{r:\1.\2}',
                'g'
            ) as text
        offset 0
    ) as masked
    -- What qualifies a column, or names a type, reads no table.
    cross join lateral (
        select
            pg_catalog.regexp_replace(
                pg_catalog.regexp_replace(
                    masked.text,
                    '\{r:[^{}.]*\.([^{}]*)\} ?(?:(\.) ?(?=[\w*])|(%rowtype))',
                    '\1\2\3',
                    'g'
                ),
                coalesce(
                    (
                        select '(?<![\w.])(?:' || pg_catalog.string_agg(pg_catalog.regexp_replace(pg_catalog.replace(pg_catalog.lower(f.name), '"', ''), '([^\w ])', '\\\1', 'g'), '|') || ') ?\( ?\)'
                        from (
                            select t.qualified_name as name
                            from tenant_function as t
                            union all
                            -- Without its schema where no other function has the name.
                            select p.proname
                            from tenant_function as t
                            inner join pg_catalog.pg_proc as p on p.oid = t.function_oid
                            where not exists (
                                select
                                from pg_catalog.pg_proc as o
                                where o.proname = p.proname
                                    and o.oid <> p.oid
                            )
                        ) as f
                    ),
                    '\{never\}'
                ),
                '{t}',
                'g'
            ) as text
        offset 0
    ) as qualified
    -- Where the function is fired, each table that fires it has the column, and nothing is assigned to it.
    left join lateral (
        select
            pg_catalog.regexp_replace(
                min(pg_catalog.lower(t.tenant_column)),
                '([^\w ])',
                '\\\1',
                'g'
            ) as column_pattern
        from pg_catalog.pg_trigger as g
        left join tenant_table as t on t.relation_oid = g.tgrelid
        where g.tgfoid = c.code_oid
        having pg_catalog.count(*) = pg_catalog.count(t.tenant_column)
            and min(t.tenant_column) = max(t.tenant_column)
            -- A row that a BEFORE trigger drops is checked by no policy.
            and (
                qualified.text !~ '\mreturn null\M'
                or pg_catalog.bool_and(g.tgtype & 2 = 0)
            )
            -- A later trigger may make it another tenant's row, or drop it, once this one has believed it.
            and not exists (
                select
                from pg_catalog.pg_trigger as m
                inner join pg_catalog.pg_trigger as o on o.tgrelid = m.tgrelid and o.tgfoid <> m.tgfoid
                where m.tgfoid = c.code_oid
                    and m.tgtype & 2 <> 0
                    and o.tgtype & 3 = 3
                    and not o.tgisinternal
            )
    ) as fires on true
    cross join lateral (
        select
            case
                when fires.column_pattern is not null
                    and qualified.text !~ ('\mnew\.' || fires.column_pattern || ' ?:?=')
                    and qualified.text !~ '\mnew ?:?='
                    and qualified.text !~ ('\minto (?:strict )?(?:[\w.]+ ?, ?)*new(?:\.' || fires.column_pattern || ')?(?![\w.])')
                    then pg_catalog.regexp_replace(
                        pg_catalog.regexp_replace(qualified.text, '\m(?:new|old)\.' || fires.column_pattern || '\M', '{t}', 'g'),
                        'coalesce ?\( ?\{t\} ?, ?\{t\} ?\)',
                        '{t}',
                        'g'
                    )
                else qualified.text
            end as text
        offset 0
    ) as fired
    cross join lateral (
        select
            pg_catalog.regexp_replace(
                pg_catalog.regexp_replace(
                    fired.text,
                    '(?:pg_catalog\.)?current_setting ?\( ?\{n\}(?: ?:: ?text)? ?(?:, ?(?:true|false) ?)?\)',
                    '{t}',
                    'g'
                ),
                '(?<![\w"] ?)\( ?\{t\} ?\)',
                '{t}',
                'g'
            ) as text
    ) as tenant_1
    cross join lateral (
        select
            pg_catalog.regexp_replace(
                pg_catalog.regexp_replace(
                    tenant_1.text,
                    '(?:pg_catalog\.)?nullif ?\( ?\{t\}(?: ?:: ?text)? ?, ?\{e\}(?: ?:: ?text)? ?\)',
                    '{t}',
                    'g'
                ),
                '(?<![\w"])\( ?\{t\} ?\)',
                '{t}',
                'g'
            ) as text
    ) as tenant_2
    cross join lateral (
        select
            pg_catalog.regexp_replace(
                pg_catalog.regexp_replace(
                    tenant_2.text,
                    '\{t\} ?:: ?(?:pg_catalog\.)?(?:' || k.pattern || ')\M(?! ?[\(\[])',
                    '{t}',
                    'g'
                ),
                '\mcast ?\( ?\{t\} as (?:' || k.pattern || ') ?\)',
                '{t}',
                'g'
            ) as text
    ) as tenant_3
    cross join lateral (
        select
            pg_catalog.regexp_replace(
                pg_catalog.regexp_replace(
                    pg_catalog.regexp_replace(tenant_3.text, '(?<![\w"])\( ?\{t\} ?\)', '{t}', 'g'),
                    '(?<!\m(?:as|materialized) ?)\( ?select \{t\}(?: as \w+)? ?\)',
                    '{t}',
                    'g'
                ),
                '\{t\} ?:: ?(?:pg_catalog\.)?(?:' || k.pattern || ')\M(?! ?[\(\[])',
                '{t}',
                'g'
            ) as text
    ) as tenant_4
    cross join lateral (
        select
            -- A space before it, and no function's: as in `= ({t})`.
            pg_catalog.regexp_replace(tenant_4.text, '(?<=[=,] ?)\( ?\{t\} ?\)', '{t}', 'g') as text
    ) as tenant_5
    where
        -- Directives change what names mean, and literals of other kinds may end elsewhere.
        c.text !~ '#\s*(?:variable_conflict|option|print_strict_params)\M|\\''|u&''|u&"|\$\w*\$'
        and masked.text !~ '"'
        -- What looks like the end of a comment within another is none.
        and not exists (
            select
            from routine as r
            where r.function_oid = c.code_oid
                and r.body ~ '/\*(?:[^*]|\*(?!/))*/\*'
        )
        -- What sets the setting makes another the tenant, and so may any other that a function reads whom somebody vouches for.
        and not exists (
            select
            from door_code as d
            inner join code as x on x.function_oid = d.code_oid
            where d.function_oid = c.function_oid
                and x.text ~ (
                    case
                        when exists (
                            select
                            from tenant_function as f
                            inner join routine as r on r.function_oid = f.function_oid
                            inner join trusted_function as t on t.identity = r.identity
                        )
                            then '\mset_config\M|'
                        else ''
                    end
                    || '\mset_config\M(?!"?\s*\(\s*''(?!role''|session_authorization''|row_security''|'
                    || pg_catalog.regexp_replace(pg_catalog.lower(a.setting), '([^\w ])', '\\\1', 'g')
                    || ''')[a-z_][\w.]*''(?:\s*::\s*text)?\s*,)|\mset\s+(local\s+|session\s+)?"?[a-z_]\w*"?\s*\.'
                )
        )
),
-- Variables that are the tenant from their declaration on, or by each assignment; and an argument that is compared with the
-- tenant before anything else is done.
tenant_variable as materialized (
    select
        v.code_n,
        pg_catalog.string_agg(distinct v.name, '|') as pattern
    from (
        select
            c.code_n,
            m.parts[1] as name,
            c.text as rest
        from masked_code as c
        cross join lateral pg_catalog.regexp_matches(
            c.text,
            '(?<=\mdeclare |; ?)\m([a-z_]\w*) (?:constant )?(?:uuid|text|bigint|integer|int|[a-z_]\w*(?:\.\w+){1,2}(?:%type)?)(?: not null)? ?(?::=|=|default) ?\{t\} ?;',
            'g'
        ) as m (parts)
        union
        -- Declared without a value, and then given this one.
        select
            c.code_n,
            m.parts[1],
            pg_catalog.regexp_replace(
                c.text,
                '\m' || m.parts[1] || ' ?:= ?\{t\} ?;|\mselect \{t\} into (?:strict )?' || m.parts[1] || ' ?;',
                ';',
                'g'
            )
        from masked_code as c
        cross join lateral pg_catalog.regexp_matches(
            c.text,
            '(?<=\mdeclare |; ?)\m([a-z_]\w*) (?:uuid|text|bigint|integer|int|[a-z_]\w*(?:\.\w+){1,2}(?:%type)?) ?;',
            'g'
        ) as m (parts)
        where c.text ~ ('\m' || m.parts[1] || ' ?:= ?\{t\} ?;|\mselect \{t\} into (?:strict )?' || m.parts[1] || ' ?;')
        union
        select
            c.code_n,
            coalesce(
                (pg_catalog.regexp_match(x.text, '^([a-z_]\w*) is distinct from \{t\}$'))[1],
                (pg_catalog.regexp_match(x.text, '^\{t\} is distinct from ([a-z_]\w*)$'))[1],
                -- Of what may be null that says nothing.
                case
                    when m.parts[1] ~ '(?:^| or )\{t\} is null(?: or |$)'
                        then (pg_catalog.regexp_match(x.text, '^([a-z_]\w*) (?:<>|!=) \{t\}$'))[1]
                end
            ),
            c.text
        from masked_code as c
        cross join lateral pg_catalog.regexp_match(
            c.text,
            '^ ?(?:declare [^()]*?)?begin if ((?:(?!\m(?:then|and|not)\M)[^();])*) then raise (?!notice|warning|info|log|debug)[^;]*; end if;(?!.*\mexception when\M)'
        ) as m (parts)
        cross join lateral pg_catalog.unnest(pg_catalog.regexp_split_to_array(m.parts[1], ' or ')) as x (text)
    ) as v
    where v.name is not null
        -- An argument that has another name, or another meaning in a nested block, is not the one that was compared.
        and (
            v.rest ~ ('^ ?begin\M')
            or not exists (
                select
                from named_code as n
                inner join pg_catalog.pg_proc as p on p.oid = n.code_oid
                where n.code_n = v.code_n
                    and v.rest !~ ' is (?:distinct|not)'
                    and v.name = any (pg_catalog.string_to_array(pg_catalog.lower(pg_catalog.array_to_string(p.proargnames, ',')), ','))
            )
        )
        and v.rest !~ '\malias for\M|\$\d+ ?:?=|\mcursor ?\(|<<'
        and v.rest !~ ('\.' || v.name || ' ?=|\minto [^;]*\.' || v.name || '\M')
        and (
            v.rest !~ '\mdeclare\M'
            or v.rest ~ '^ ?declare\M'
        )
        and v.rest !~ (
            '\m' || v.name || ' ?:=|(?:;|\m(?:then|else|begin|loop|diagnostics [^;]*)) ?\m' || v.name || ' ?='
        )
        and v.rest !~ ('\minto (?:strict )?(?:[\w."]+ ?, ?)*' || v.name || '\M')
        and v.rest !~ ('\m(?:for|foreach) (?:\w+ ?, ?)*' || v.name || '\M')
        and v.rest !~ '\mcall\M'
        and v.rest !~ '\mdeclare\M.*\mdeclare\M'
    group by v.code_n
),
held_code as materialized (
    select
        c.code_n,
        case
            when v.pattern is null then c.text
            else pg_catalog.regexp_replace(c.text, '(?<![\w.])(?:' || v.pattern || ')(?![\w.(])', '{t}', 'g')
        end as text
    from masked_code as c
    left join tenant_variable as v on v.code_n = c.code_n
),
-- A CASE is one value; what must all be true needs no parentheses, nor do joins that are taken from left to right.
shape as materialized (
    select
        '\mcase (?:(?!\mcase\M|\{bad)[^();])*? end\M(?! ?(?:if|loop|case)\M)' as case_pattern,
        '(\m(?:where|and|on) ?|\( ?)\( ?((?!select\M|with\M)(?:(?!\mor\M)[^();])*?) ?\)'
        '(?= ?(?:$|;|,|\)|\m(?:and|group by|order by|having|limit|offset|fetch|for|returning|loop|then|join|left|right'
        '|inner|cross|full|natural|where|union|except|intersect|on conflict|window)\M))' as all_pattern,
        '(\mfrom (?:\( ?)*)\( ?((?!select\M)[^();]*\mjoin\M[^();]*) ?\)' as join_pattern
),
-- Reduced from the innermost parentheses out: a query is {q:number}, a list of columns {u:names}, a row of an INSERT {l ... l},
-- and all else {x}, with the numbers of the queries within it. What would hide a table is {bad}.
reduced_code (code_n, text, step) as (
    select
        c.code_n,
        joined.text,
        0
    from held_code as c
    cross join shape as h
    cross join lateral (select pg_catalog.regexp_replace(c.text, h.case_pattern, '{x}', 'g') as text) as cased
    cross join lateral (select pg_catalog.regexp_replace(cased.text, h.all_pattern, '\1\2', 'g') as text) as flat_0
    cross join lateral (select pg_catalog.regexp_replace(flat_0.text, h.all_pattern, '\1\2', 'g') as text) as flat_1
    cross join lateral (select pg_catalog.regexp_replace(flat_1.text, h.all_pattern, '\1\2', 'g') as text) as flat_2
    cross join lateral (select pg_catalog.regexp_replace(flat_2.text, h.join_pattern, '\1\2', 'g') as text) as joined
    union all
    select
        c.code_n,
        joined.text,
        c.step + 1
    from reduced_code as c
    cross join shape as h
    cross join lateral (
        select
            pg_catalog.string_agg(
                g.parts[1]
                || case
                    when pg_catalog.length(g.parts[2]) < 2 then g.parts[2]
                    when inner_part.text ~ '\{bad\}' then '{bad}'
                    when inner_part.text ~ '^(?:select|with|insert|update|delete|merge|table)\M'
                        then '{q:' || c.step * 10000 + g.at || '}'
                    when g.parts[1] ~ '\m(?:using|on conflict) ?$' and inner_part.text ~ '^[\w, ]+$'
                        then '{u:' || pg_catalog.regexp_replace(inner_part.text, ' ?, ?', '+', 'g') || '}'
                    -- Columns may be named as tables are.
                    when g.parts[1] ~ '\monly ?$' and inner_part.text ~ '\{r:' then '{bad}'
                    when g.parts[1] ~ ', ?$' and inner_part.text ~ '\{r:' and inner_part.text ~ '\m(?:select|table|join|from|update|into)\M' then '{bad}'
                    when g.parts[1] ~ '\minsert into \S+(?: as \w+)? ?$|\mvalues ?$|^ ?, ?$|l\} ?, ?$'
                        then '{l '
                            || pg_catalog.regexp_replace(inner_part.text, '\{r:[^{}.]*\.([^{}]*)\}', '\1', 'g')
                            || ' l}'
                    -- Joins are taken apart by what stands around them.
                    when inner_part.text ~ '\{r:.*\mjoin\M' and g.parts[1] ~ '(?:^|\mfrom) ?$' then g.parts[2]
                    when inner_part.text ~ '\{r:' and inner_part.text ~ '\m(?:select|table|join|from|update|into)\M'
                        then '{bad}'
                    else
                        '{x' || coalesce(
                            (
                                select pg_catalog.string_agg(m.parts[1], '')
                                from pg_catalog.regexp_matches(inner_part.text, '(:\d+)(?=[:}])', 'g') as m (parts)
                            ),
                            ''
                        ) || '}'
                end,
                ''
                order by g.at
            ) as text
        from pg_catalog.regexp_matches(c.text, '([^()]*)(\([^()]*\)|[()]|$)', 'g') with ordinality as g (parts, at)
        cross join lateral (
            select pg_catalog.btrim(pg_catalog.btrim(g.parts[2], '()')) as text
        ) as inner_part
    ) as grouped
    cross join lateral (select pg_catalog.regexp_replace(grouped.text, h.case_pattern, '{x}', 'g') as text) as cased
    cross join lateral (select pg_catalog.regexp_replace(cased.text, h.all_pattern, '\1\2', 'g') as text) as flat_0
    cross join lateral (select pg_catalog.regexp_replace(flat_0.text, h.all_pattern, '\1\2', 'g') as text) as flat_1
    cross join lateral (select pg_catalog.regexp_replace(flat_1.text, h.all_pattern, '\1\2', 'g') as text) as flat_2
    cross join lateral (select pg_catalog.regexp_replace(flat_2.text, h.join_pattern, '\1\2', 'g') as text) as joined
    where c.step < 24
        and c.text ~ '\('
)
