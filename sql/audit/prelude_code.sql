-- What stands in code that sees every tenant's rows: the statements of definer functions and of views that read as their
-- owner, each taken apart into what it reads and what it compares. A table is tied where its tenant is compared with that of
-- the request, or with the tenant of what is tied; a text is scoped where all that it names is. What is not recognised is
-- not tied. The text is never executed.

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
-- The text with literals taken out ({s}; {n} is the setting's name and {e} the empty text), names of tables as
-- {r:schema.name} or {r:.name}, the tenant of the request as {t}: the setting, a function for it, in a trigger the column of the
-- row that is written.
masked_code as materialized (
    select
        c.code_n,
        tenant_5.text
    from named_code as c
    cross join app as a
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
                        select '(?<![\w.])(?:' || pg_catalog.string_agg(pg_catalog.regexp_replace(pg_catalog.replace(pg_catalog.lower(f.qualified_name), '"', ''), '([^\w ])', '\\\1', 'g'), '|') || ') ?\( ?\)'
                        from tenant_function as f
                    ),
                    '\{never\}'
                ),
                '{t}',
                'g'
            ) as text
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
                    '\{t\} ?:: ?(?:pg_catalog\.)?(?:uuid|text|bigint|integer|int|int4|int8|smallint)\M(?! ?[\(\[])',
                    '{t}',
                    'g'
                ),
                '\mcast ?\( ?\{t\} as (?:uuid|text|bigint|integer|int|int4|int8|smallint) ?\)',
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
                '\{t\} ?:: ?(?:pg_catalog\.)?(?:uuid|text|bigint|integer|int|int4|int8|smallint)\M(?! ?[\(\[])',
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
        -- Directives change what names mean, and literals of other kinds end elsewhere.
        c.text !~ '#|\me''|u&''|\$\w*\$'
        and masked.text !~ '"'
        -- What sets the setting makes another the tenant.
        and not exists (
            select
            from door_code as d
            inner join code as x on x.function_oid = d.code_oid
            where d.function_oid = c.function_oid
                and x.text ~ '\mset_config\M|\mset\s+(local\s+|session\s+)?"?[a-z_]\w*"?\s*\.'
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
        cross join lateral pg_catalog.regexp_split_to_table(m.parts[1], ' or ') as x (text)
    ) as v
    where v.name is not null
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
                    when g.parts[1] ~ '\minsert into \S+(?: as \w+)? ?$|\mvalues ?$|^ ?, ?$'
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
),
-- Each query within parentheses, by its number, and each statement.
unit as materialized (
    select
        c.code_n,
        (c.step * 10000 + g.at)::pg_catalog.int4 as unit_n,
        false as is_statement,
        q.text
    from reduced_code as c
    cross join lateral pg_catalog.regexp_matches(c.text, '([^()]*)(\([^()]*\)|[()]|$)', 'g') with ordinality as g (parts, at)
    cross join lateral (
        select pg_catalog.btrim(pg_catalog.btrim(g.parts[2], '()')) as text
    ) as q
    where pg_catalog.length(g.parts[2]) > 1
        and q.text ~ '^(?:select|with|insert|update|delete|merge|table)\M'
    union all
    select
        c.code_n,
        (1000000 + s.at)::pg_catalog.int4,
        true,
        pg_catalog.btrim(s.text)
    from (
        select distinct on (c.code_n) c.*
        from reduced_code as c
        order by c.code_n, c.step desc
    ) as c
    cross join lateral pg_catalog.regexp_split_to_table(
        c.text,
        ';|\m(?:then|else|loop|begin|return query|return next|return|declare|exception)\M'
    ) with ordinality as s (text, at)
    where s.text ~ '\S'
),
-- Without what stands before a query in PL/pgSQL, and with its common table expressions apart.
parsed_unit as materialized (
    select
        u.code_n,
        u.unit_n,
        u.is_statement,
        plain.text as whole,
        lists.parts[1] as common,
        case
            when lists.parts is null then plain.text
            else pg_catalog.substr(plain.text, pg_catalog.length(lists.parts[1]) + 1)
        end as text,
        (pg_catalog.regexp_match(u.text, '^for ([a-z_]\w*) in '))[1] as loop_variable,
        (pg_catalog.regexp_match(u.text, '^select .* into (?:strict )?([a-z_]\w*)(?: from |$)'))[1] as row_variable
    from unit as u
    cross join lateral (
        select
            pg_catalog.regexp_replace(
                pg_catalog.regexp_replace(
                    pg_catalog.regexp_replace(
                        pg_catalog.regexp_replace(u.text, '\[[^\[\]]*\]', '', 'g'),
                        '\mis (?:not )?distinct from\M',
                        '{d}',
                        'g'
                    ),
                    '\mbetween (?:symmetric )?(?:(?!\m(?:and|or|not|in|is|like)\M)[^=<>~;])+ and (?:(?!\m(?:and|or|not|in|is|like)\M)[^=<>~;])+?'
                    '(?= (?:and|or|group|order|having|limit|offset|fetch|for|returning|union|except|intersect|join|left|inner|cross)\M|$)',
                    '{b}',
                    'g'
                ),
                '^(?:atomic |<<\w+>> ?|(?:for|foreach) [\w, ]+ in (?:reverse )?|open \w+ (?:no scroll |scroll )?for '
                '|[a-z_]\w* (?:no scroll |scroll )?cursor ?(?:\{x[^{}]*\} ?)?(?:for|is) )+',
                ''
            ) as text
    ) as plain
    cross join lateral (
        select pg_catalog.regexp_match(
            plain.text,
            '^(with (?:recursive )?(?:(?:, ?)?(?:\{r:\.)?\w+\}? ?(?:\{x[^{}]*\} ?)?as (?:not )?(?:materialized )?\{q:\d+\} ?)+)'
        ) as parts
    ) as lists
),
common_table as materialized (
    select
        u.code_n,
        u.unit_n,
        m.parts[1] as name,
        m.parts[3]::pg_catalog.int4 as query_n,
        m.parts[2] <> '' as is_renamed
    from parsed_unit as u
    cross join lateral pg_catalog.regexp_matches(
        u.common,
        '(?:\{r:\.)?(\w+)\}? ?((?:\{x[^{}]*\} ?)?)as (?:not )?(?:materialized )?\{q:(\d+)\}',
        'g'
    ) as m (parts)
),
-- The parts of UNION and its like, each with what it writes, lists, reads and asks.
branch as materialized (
    select
        u.code_n,
        u.unit_n,
        s.at::pg_catalog.int4 as branch_n,
        pg_catalog.count(*) over (partition by u.code_n, u.unit_n) as branches_n,
        pg_catalog.btrim(s.text) as text,
        kind.target,
        kind.target_alias,
        kind.columns,
        kind.assigned,
        kind.rest,
        case when kind.target is null then kind.listed else returned.parts[1] end as listed,
        case when kind.columns is not null then kind.listed end as added,
        kind.sources,
        kind.condition,
        kind.known
    from parsed_unit as u
    cross join lateral pg_catalog.regexp_split_to_table(u.text, ' ?\m(?:union|intersect|except)\M(?: all\M| distinct\M)? ?')
        with ordinality as s (text, at)
    cross join lateral (
        select pg_catalog.regexp_match(s.text, ' returning (.*)$') as parts
    ) as returned
    cross join lateral (
        select
            pg_catalog.regexp_match(
                pg_catalog.btrim(s.text),
                '^insert into (\S+)(?: as (\w+))? ?(?:\{l ([^{}]*) l\} ?)?(?:overriding (?:system|user) value )?(.*)$'
            ) as parts
    ) as added
    cross join lateral (
        select
            -- Of an INSERT, its query; of all, without what filters nothing.
            pg_catalog.regexp_replace(
                pg_catalog.regexp_replace(
                    case when added.parts is null then pg_catalog.btrim(s.text) else added.parts[4] end,
                    ' on conflict\M.*$',
                    ''
                ),
                ' (?:group by|order by|having|limit|offset|fetch|window|for (?:no key )?update|for (?:key )?share|returning)\M.*$',
                ''
            ) as text
    ) as query
    cross join lateral (
        select
            pg_catalog.split_part(query.text, ' where ', 1) as before,
            pg_catalog.split_part(query.text, ' where ', 2) as condition,
            pg_catalog.split_part(query.text, ' where ', 3) as more
    ) as split
    cross join lateral (
        select
            pg_catalog.regexp_match(split.before, '^update (?:only )?(\S+)(?: (?:as )?(?!set\M)(\w+))? set (.*)$') as changes,
            pg_catalog.regexp_match(
                split.before,
                '^delete from (?:only )?(\S+)(?: (?:as )?(?!using\M)(\w+))?(?: using (.*))?$'
            ) as removes,
            pg_catalog.regexp_match(split.before, '^(?:select|perform)(?!\w)(.*)$') as selects
    ) as verb
    cross join lateral (
        select
            pg_catalog.split_part(coalesce(verb.changes[3], verb.selects[1]), ' from ', 1) as before,
            pg_catalog.split_part(coalesce(verb.changes[3], verb.selects[1]), ' from ', 2) as sources,
            pg_catalog.split_part(coalesce(verb.changes[3], verb.selects[1]), ' from ', 3) as more
    ) as parted
    cross join lateral (
        select
            coalesce(added.parts[1], verb.changes[1], verb.removes[1]) as target,
            coalesce(added.parts[2], verb.changes[2], verb.removes[2]) as target_alias,
            added.parts[3] as columns,
            case when verb.changes is not null then parted.before end as assigned,
            added.parts[4] as rest,
            case
                when verb.selects is not null
                    then pg_catalog.btrim(
                        pg_catalog.regexp_replace(
                            pg_catalog.regexp_replace(parted.before, '^ ?(?:all |distinct on \{x[^{}]*\} ?|distinct )', ''),
                            ' into (?:strict )?[\w., ]+$',
                            ''
                        )
                    )
            end as listed,
            case
                when verb.removes is not null then coalesce(verb.removes[3], '')
                else coalesce(parted.sources, '')
            end as sources,
            split.condition,
            split.more = ''
            and coalesce(parted.more, '') = ''
            and (
                verb.selects is not null
                or verb.changes is not null
                or verb.removes is not null
                or coalesce(added.parts[4] ~ '^values ?\{l ', false)
            ) as known
    ) as kind
),
-- What each of them reads, in its order: `tree` tells apart what commas part.
read_item as materialized (
    select
        b.code_n,
        b.unit_n,
        b.branch_n,
        i.at::pg_catalog.int4 as item_n,
        pg_catalog.count(*) filter (where i.parts[1] = ',')
            over (partition by b.code_n, b.unit_n, b.branch_n order by i.at)
            as tree,
        i.parts[1] ~ '^left' as is_optional,
        i.parts[1] !~ '^(?:,|cross|inner|join|left)' as is_strange,
        i.parts[2] as text,
        body.parts[1] as source,
        coalesce(
            body.parts[2],
            pg_catalog.substring(body.parts[1], '^\{r:[^{}.]*\.([^{}]*)\}$'),
            pg_catalog.substring(body.parts[1], '^(?:\w+ ?\. ?)?(\w+)')
        ) as alias,
        body.parts[3] as condition,
        body.parts[4] as shared
    from branch as b
    cross join lateral pg_catalog.regexp_matches(
        ', ' || b.sources,
        '(,|\m(?:cross join|(?:inner )?join|left (?:outer )?join|right (?:outer )?join|full (?:outer )?join|natural [a-z ]*join))\s*'
        '((?:(?!,|\m(?:cross|inner|left|right|full|natural) |\mjoin\M).)*)',
        'g'
    ) with ordinality as i (parts, at)
    cross join lateral (
        select pg_catalog.regexp_match(
            pg_catalog.btrim(i.parts[2]),
            '^(?:lateral |only )*(\{r:[^{}]*\}|\{q:\d+\}|\{x[^{}]*\}|[\w.$]+(?: ?\{x[^{}]*\})?)(?: with ordinality)?'
            '(?: (?:as )?(?!on\M|using\M)(?:\{r:\.)?(\w+)\}?)?(?: ?\{x[^{}]*\})?(?: on (.*)| using \{u:([^{}]*)\})?$'
        ) as parts
    ) as body
    where b.sources <> ''
),
-- In which part of which other unit a query stands.
enclosing as materialized (
    select
        b.code_n,
        m.parts[1]::pg_catalog.int4 as unit_n,
        b.unit_n as outer_unit_n,
        b.branch_n as outer_branch_n
    from branch as b
    cross join lateral pg_catalog.regexp_matches(b.text, ':(\d+)(?=[:}])', 'g') as m (parts)
    union all
    -- A common table expression sees no row of what names it.
    select
        c.code_n,
        c.query_n,
        c.unit_n,
        0
    from common_table as c
),
surroundings (code_n, unit_n, outer_unit_n, outer_branch_n, depth) as (
    select
        b.code_n,
        b.unit_n,
        b.unit_n,
        -1,
        0
    from parsed_unit as b
    union all
    select
        s.code_n,
        s.unit_n,
        e.outer_unit_n,
        e.outer_branch_n,
        s.depth + 1
    from surroundings as s
    inner join enclosing as e on e.code_n = s.code_n and e.unit_n = s.outer_unit_n
    where s.depth < 24
),
-- What may be tied: tables that are read or written, and queries and common table expressions by the columns that they show.
node as materialized (
    select
        i.code_n,
        i.unit_n,
        i.branch_n,
        i.item_n,
        i.tree,
        i.is_optional,
        i.alias,
        i.condition,
        i.shared,
        i.text,
        case when query.query_n is null then table_name.name end as relation_name,
        query.query_n,
        i.is_strange or i.source is null as is_strange
    from read_item as i
    cross join lateral (
        select pg_catalog.substring(i.source, '^\{r:[^{}.]*\.([^{}]*)\}$') as name
    ) as table_name
    left join lateral (
        select
            pg_catalog.substring(i.source, '^\{q:(\d+)\}$')::pg_catalog.int4 as query_n
        where i.source ~ '^\{q:\d+\}$'
        union all
        (
            select
                case when c.is_renamed then -1 else c.query_n end
            from surroundings as s
            inner join common_table as c on c.code_n = s.code_n and c.unit_n = s.outer_unit_n
            where s.code_n = i.code_n
                and s.unit_n = i.unit_n
                and (
                    c.name = i.source
                    -- One that is named as a table, in the statement that it belongs to.
                    or '{r:.' || c.name || '}' = i.source and s.depth = 0
                )
            order by s.depth
            limit 1
        )
        limit 1
    ) as query on true
    union all
    select
        b.code_n,
        b.unit_n,
        b.branch_n,
        0,
        0,
        false,
        coalesce(b.target_alias, pg_catalog.substring(b.target, '^\{r:[^{}.]*\.([^{}]*)\}$')),
        null,
        null,
        b.target,
        pg_catalog.substring(b.target, '^\{r:[^{}.]*\.([^{}]*)\}$'),
        null,
        false
    from branch as b
    where b.target ~ '^\{r:'
        -- What an INSERT adds to is no row that it reads.
        and b.rest is null
),
-- The tenant column of each table that is read.
tenant_node as materialized (
    select
        n.*,
        c.tenant_column,
        c.is_view,
        c.inner_oids
    from node as n
    inner join source_column as c on c.code_n = n.code_n and c.relation_name = n.relation_name
),
-- The columns of a query in which nothing but the tenant of a tied table, or of the request, stands.
listed_column as materialized (
    select
        b.code_n,
        b.unit_n,
        b.branch_n,
        b.branches_n,
        lists.is_added,
        l.at,
        pg_catalog.count(*) over (partition by b.code_n, b.unit_n, b.branch_n, lists.is_added) as columns_n,
        pg_catalog.btrim(l.text) ~ '^\{t\}(?: as \w+)?$' as is_request,
        word.parts[1] as qualifier,
        word.parts[2] as column_name,
        coalesce(word.parts[3], word.parts[2], pg_catalog.substring(pg_catalog.btrim(l.text), '^\{t\} as (\w+)$')) as shown_as
    from branch as b
    cross join lateral (
        values
            (false, b.listed),
            (true, b.added)
    ) as lists (is_added, text)
    cross join lateral pg_catalog.regexp_split_to_table(lists.text, ',') with ordinality as l (text, at)
    cross join lateral (
        select pg_catalog.regexp_match(pg_catalog.btrim(l.text), '^(?:(\w+)\.)?(\*|\w+)(?: as (\w+))?$') as parts
    ) as word
),
shown_column (code_n, unit_n, column_name, at, is_alone) as (
    select
        l.code_n,
        l.unit_n,
        min(l.shown_as) filter (where l.branch_n = 1),
        l.at,
        pg_catalog.bool_and(l.columns_n = 1 and l.branches_n = 1)
    from (
        select
            c.code_n,
            c.unit_n,
            c.branch_n,
            c.branches_n,
            c.columns_n,
            c.at,
            coalesce(nullif(c.shown_as, '*'), min(n.tenant_column)) as shown_as
        from listed_column as c
        left join tenant_node as n
            on n.code_n = c.code_n
            and n.unit_n = c.unit_n
            and n.branch_n = c.branch_n
            and (c.qualifier is null or c.qualifier = n.alias)
            and (c.column_name = n.tenant_column or c.column_name = '*' and c.branches_n = 1)
        where not c.is_added
            and (c.is_request or n.tenant_column is not null)
        group by
            c.code_n,
            c.unit_n,
            c.branch_n,
            c.branches_n,
            c.columns_n,
            c.at,
            c.shown_as
    ) as l
    group by
        l.code_n,
        l.unit_n,
        l.at,
        l.branches_n
    having pg_catalog.count(*) = l.branches_n
    union
    -- Through a query that stands in FROM, or a common table expression.
    select
        c.code_n,
        c.unit_n,
        coalesce(nullif(c.shown_as, '*'), s.column_name),
        c.at,
        c.columns_n = 1
    from shown_column as s
    inner join node as n on n.code_n = s.code_n and n.query_n = s.unit_n
    inner join listed_column as c
        on c.code_n = n.code_n
        and c.unit_n = n.unit_n
        and c.branch_n = n.branch_n
        and c.branches_n = 1
        and not c.is_added
        and (c.qualifier is null or c.qualifier = n.alias)
        and c.column_name in (s.column_name, '*')
    where c.unit_n <> s.unit_n
),
-- Variables whose every value is a row of a query that shows the tenant.
row_variable as materialized (
    select
        v.code_n,
        v.name,
        s.column_name
    from (
        select
            u.code_n,
            x.name,
            pg_catalog.array_agg(u.unit_n) as unit_ns
        from parsed_unit as u
        cross join lateral (
            values
                (u.loop_variable),
                (u.row_variable)
        ) as x (name)
        where x.name is not null
        group by
            u.code_n,
            x.name
    ) as v
    inner join held_code as c on c.code_n = v.code_n
    inner join shown_column as s on s.code_n = v.code_n and s.unit_n = any (v.unit_ns)
    where c.text !~ ('\m' || v.name || '(?:\.\w+)? ?:=|(?:;|\m(?:then|else|begin|loop)) ?\m' || v.name || '(?:\.\w+)? ?=')
        and c.text !~ '\mdeclare\M.*\mdeclare\M'
    group by
        v.code_n,
        v.name,
        v.unit_ns,
        s.column_name,
        c.text
    having pg_catalog.count(distinct s.unit_n) = pg_catalog.cardinality(v.unit_ns)
        and pg_catalog.cardinality(v.unit_ns) = (
            select pg_catalog.count(*)
            from pg_catalog.regexp_matches(
                c.text,
                '\m(?:for|foreach|into|into strict) (?:[\w.]+ ?, ?)*' || v.name || '(?![\w(])',
                'g'
            )
        )
),
-- What must be true of the rows: conditions of WHERE, and of joins. Those of a LEFT JOIN say something of its right side alone.
demand as materialized (
    select
        d.code_n,
        d.unit_n,
        d.branch_n,
        d.item_n,
        d.tree,
        d.is_optional,
        own.parts[1] as qualifier,
        own.parts[2] as column_name,
        equal.parts[1] as left_alias,
        equal.parts[2] as left_column,
        equal.parts[3] as right_alias,
        equal.parts[4] as right_column
    from (
        select
            b.code_n,
            b.unit_n,
            b.branch_n,
            null::pg_catalog.int4 as item_n,
            null::pg_catalog.int8 as tree,
            false as is_optional,
            b.condition
        from branch as b
        where b.condition <> ''
        union all
        select
            i.code_n,
            i.unit_n,
            i.branch_n,
            i.item_n,
            i.tree,
            i.is_optional,
            i.condition
        from read_item as i
        where i.condition is not null
    ) as d
    cross join lateral pg_catalog.regexp_split_to_table(d.condition, ' and ') as c (text)
    cross join lateral (
        select
            coalesce(
                pg_catalog.regexp_match(one.text, '^(?:(\w+)\.)?(\w+)(?: ?:: ?text)? ?= ?\{t\}$'),
                pg_catalog.regexp_match(one.text, '^\{t\} ?= ?(?:(\w+)\.)?(\w+)(?: ?:: ?text)?$'),
                (
                    -- A sub-select of the tenant alone.
                    select m.parts[1:2]
                    from pg_catalog.regexp_match(one.text, '^(?:(\w+)\.)?(\w+) ?(?:=|in) ?\{q:(\d+)\}$') as m (parts)
                    inner join shown_column as s
                        on s.code_n = d.code_n
                        and s.unit_n = m.parts[3]::pg_catalog.int4
                        and s.is_alone
                )
            ) as parts
        from (select pg_catalog.btrim(c.text)) as one (text)
    ) as own
    cross join lateral (
        select pg_catalog.regexp_match(pg_catalog.btrim(c.text), '^(\w+)\.(\w+) ?= ?(\w+)\.(\w+)$') as parts
    ) as equal
    -- What is not one condition beside another says nothing.
    where d.condition !~ '\m(?:or|between|case|on)\M'
        and coalesce(own.parts[2], equal.parts[1]) is not null
),
-- Whose tenant is that of something else, where this one is tied.
tie as materialized (
    select
        d.code_n,
        d.unit_n,
        d.branch_n,
        pair.alias,
        pair.column_name,
        pair.other_alias,
        pair.other_column
    from demand as d
    cross join lateral (
        values
            (d.left_alias, d.left_column, d.right_alias, d.right_column),
            (d.right_alias, d.right_column, d.left_alias, d.left_column)
    ) as pair (alias, column_name, other_alias, other_column)
    where d.left_alias is not null
        and (
            not d.is_optional
            or exists (
                select
                from node as n
                where n.code_n = d.code_n
                    and n.unit_n = d.unit_n
                    and n.branch_n = d.branch_n
                    and n.item_n = d.item_n
                    and n.alias = pair.alias
            )
        )
    union
    -- USING: with what stands first.
    select
        n.code_n,
        n.unit_n,
        n.branch_n,
        pair.alias,
        s.column_name,
        pair.other_alias,
        s.column_name
    from node as n
    inner join node as f
        on f.code_n = n.code_n
        and f.unit_n = n.unit_n
        and f.branch_n = n.branch_n
        and f.tree = n.tree
        and f.item_n > 0
        and f.item_n < n.item_n
        and f.shared is null
        and f.condition is null
    cross join lateral pg_catalog.regexp_split_to_table(n.shared, '\+') as s (column_name)
    cross join lateral (
        values
            (n.alias, f.alias),
            (f.alias, n.alias)
    ) as pair (alias, other_alias)
    where pair.alias = n.alias
        or not n.is_optional
),
tied (code_n, unit_n, branch_n, alias, column_name) as (
    select
        n.code_n,
        n.unit_n,
        n.branch_n,
        n.alias,
        n.tenant_column
    from tenant_node as n
    inner join demand as d
        on d.code_n = n.code_n
        and d.unit_n = n.unit_n
        and d.branch_n = n.branch_n
        and d.column_name = n.tenant_column
        and (
            case
                when d.is_optional then d.qualifier = n.alias and d.item_n = n.item_n
                when d.qualifier is not null then d.qualifier = n.alias
                else d.item_n is null or n.tree = d.tree and n.item_n <= d.item_n
            end
        )
    union
    select
        n.code_n,
        n.unit_n,
        n.branch_n,
        n.alias,
        s.column_name
    from node as n
    inner join shown_column as s on s.code_n = n.code_n and s.unit_n = n.query_n
    union
    select
        v.code_n,
        -1,
        -1,
        v.name,
        v.column_name
    from row_variable as v
    union
    select
        e.code_n,
        e.unit_n,
        e.branch_n,
        e.alias,
        e.column_name
    from tied as t
    inner join tie as e
        on e.code_n = t.code_n
        and e.other_alias = t.alias
        and e.other_column = t.column_name
    -- Names of tables around it are seen within a query, the nearest first; variables behind all of them.
    where (t.unit_n, t.branch_n) = (
        select
            s.outer_unit_n,
            case s.depth when 0 then e.branch_n else s.outer_branch_n end
        from (
            select
                s.outer_unit_n,
                s.outer_branch_n,
                s.depth
            from surroundings as s
            where s.code_n = e.code_n
                and s.unit_n = e.unit_n
                and exists (
                    select
                    from node as n
                    where n.code_n = s.code_n
                        and n.unit_n = s.outer_unit_n
                        and n.branch_n = case s.depth when 0 then e.branch_n else s.outer_branch_n end
                        and n.alias = e.other_alias
                )
            union all
            select
                -1,
                -1,
                1000
        ) as s
        order by s.depth
        limit 1
    )
),
-- Tables that nothing ties, and views that are judged by themselves.
untied_node as materialized (
    select
        n.code_n,
        n.is_view,
        n.inner_oids
    from tenant_node as n
    where not exists (
        select
        from tied as t
        where t.code_n = n.code_n
            and t.unit_n = n.unit_n
            and t.branch_n = n.branch_n
            and t.alias = n.alias
            and t.column_name = n.tenant_column
    )
),
-- What else keeps a text from being scoped.
open_unit as materialized (
    -- Two of one name, of which conditions say nothing; and joins that are not followed.
    select
        n.code_n,
        n.unit_n
    from node as n
    where exists (
        select
        from node as m
        where m.code_n = n.code_n
            and m.unit_n = n.unit_n
            and m.branch_n = n.branch_n
            and m.relation_name is not null
            and (m.item_n <> n.item_n and m.alias = n.alias or n.is_strange)
    )
    union all
    select
        n.code_n,
        n.unit_n
    from node as n
    where n.is_strange
        and n.text ~ '\{r:'
    union all
    select
        u.code_n,
        u.unit_n
    from parsed_unit as u
    where u.whole ~ '[()]|\{bad\}'
    union all
    select
        b.code_n,
        b.unit_n
    from branch as b
    where not b.known
        and b.text ~ '\{r:'
        -- Nothing else reads a table.
        and b.text ~ '\m(?:from|join|table|update|into|delete|merge|copy|truncate|lock|only|select|perform|with|using|refresh|alter|drop|create|cluster|vacuum|analyze|reindex|comment|grant|import)\M'
    union all
    -- An UPDATE that moves rows to another tenant, or may.
    select
        b.code_n,
        b.unit_n
    from branch as b
    inner join source_column as c
        on c.code_n = b.code_n
        and c.relation_name = pg_catalog.substring(b.target, '^\{r:[^{}.]*\.([^{}]*)\}$')
    where b.assigned is not null
        and (
            c.tenant_column is null
            or b.assigned ~ (
                '(?:^|,) ?(?:\w+\.)?' || pg_catalog.regexp_replace(c.tenant_column, '([^\w ])', '\\\1', 'g') || ' ?=|\} ?='
            )
        )
    union all
    -- A new row that is not the tenant's, or one that takes the place of another's.
    select
        b.code_n,
        b.unit_n
    from branch as b
    inner join source_column as c
        on c.code_n = b.code_n
        and c.relation_name = pg_catalog.substring(b.target, '^\{r:[^{}.]*\.([^{}]*)\}$')
    cross join lateral (
        select pg_catalog.array_position(
            pg_catalog.regexp_split_to_array(pg_catalog.btrim(b.columns), ' ?, ?'),
            c.tenant_column
        ) as at
    ) as own
    where b.rest is not null
        and (
            own.at is null
            or b.branches_n > 1
            or b.rest ~ '\mon conflict\M' and b.rest !~ '\mdo nothing\M'
            and (
                b.rest !~ ('\mon conflict \{u:(?:\w+\+)*' || c.tenant_column || '(?:\+\w+)*\} do update set ')
                or b.rest ~ ('(?:\mset|,) ?' || c.tenant_column || ' ?=|\} ?=')
            )
            or not coalesce(
                case
                    when b.rest ~ '^values' then (
                        select pg_catalog.bool_and(
                            (pg_catalog.regexp_split_to_array(pg_catalog.btrim(v.parts[1]), ' ?, ?'))[own.at] = '{t}'
                        )
                        from pg_catalog.regexp_matches(b.rest, '\{l ((?:[^{}]|\{[^{}]*\})*) l\}', 'g') as v (parts)
                    )
                    else exists (
                        select
                        from listed_column as l
                        where l.code_n = b.code_n
                            and l.unit_n = b.unit_n
                            and l.branch_n = b.branch_n
                            and l.is_added
                            and l.at = own.at
                            and (
                                l.is_request
                                or exists (
                                    select
                                    from tied as t
                                    where t.code_n = l.code_n
                                        and t.unit_n = l.unit_n
                                        and t.branch_n = l.branch_n
                                        and (t.alias = l.qualifier or l.qualifier is null)
                                        and t.column_name = l.column_name
                                )
                            )
                    )
                end,
                false
            )
        )
),
-- Views that show each tenant its own rows alone, whoever their owner is.
filtered_view as materialized (
    select n.code_oid as relation_oid
    from named_code as n
    inner join held_code as c on c.code_n = n.code_n
    where n.is_view
        and n.code_n not in (
            select u.code_n
            from untied_node as u
            union all
            select o.code_n
            from open_unit as o
        )
),
scoped_code as materialized (
    select
        n.function_oid,
        n.code_oid,
        n.role_oid
    from named_code as n
    inner join held_code as c on c.code_n = n.code_n
    where not n.is_view
        and n.code_n not in (
            select u.code_n
            from untied_node as u
            where not u.is_view
                or exists (
                    select
                    from pg_catalog.unnest(u.inner_oids) as i (view_oid)
                    where not exists (
                        select
                        from filtered_view as f
                        where f.relation_oid = i.view_oid
                    )
                )
            union all
            select o.code_n
            from open_unit as o
        )
)
