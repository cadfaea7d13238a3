-- The recogniser: `reading`, a judgement of each expression of each policy of a tenant relation, by the text that Postgres
-- writes of it. What stands behind asks of it only the columns of `reading`.

-- Recognising expressions, step by step. `part` is what the expression decides: which rows are there (using), or what a new
-- row may be (check, which is USING where there is no WITH CHECK). First literals are taken out, so that nothing within
-- them is taken for syntax: {s}. Only the name of the tenant's setting and the empty text stay; names of settings are the same
-- in upper and in lower case. A quoted name of more than letters, digits and _ is taken out, too.
vocabulary as materialized (
    select
        pg_catalog.format('("[^"]*"|''''|''%s'')\{s\}', escaped.setting) as kept_pattern,
        pg_catalog.format(
            '("[\w?~]+"(?!"))|"(?:[^"]|"")*"|(''%1$s''(?!''))|(''''(?!''))|''(?!%1$s''(?!''))(?:[^'']|'''')+''',
            escaped.setting
        ) as literal_pattern,
        pg_catalog.format(
            '(?<![\w."])current_setting\(''%s''::text(?:, (true)|, false)?\)',
            escaped.setting
        ) as read_pattern,
        (
            select '(?<![\w."])(?:' || pg_catalog.string_agg(
                pg_catalog.regexp_replace(f.qualified_name, '([^\w ])', '\\\1', 'g'),
                '|'
            ) || ')\(\)'
            from tenant_function as f
        ) as function_pattern,
        -- Casts of the tenant of the request, after which it is the same or an error.
        pg_catalog.concat_ws(
            '|',
            '\(\{(T|O)\}\)::(?:uuid|text|integer|bigint|smallint|numeric|character varying',
            (
                select pg_catalog.string_agg(
                    pg_catalog.regexp_replace(pg_catalog.format_type(d.oid, null), '([^\w ])', '\\\1', 'g'),
                    '|'
                )
                from pg_catalog.pg_type as d
                inner join namespace as n on n.namespace_oid = d.typnamespace
                where d.typtype = 'e'
                    or d.typtype = 'd'
                    and d.typtypmod = -1
                    and d.typbasetype in (
                        'pg_catalog.uuid'::pg_catalog.regtype,
                        'pg_catalog.text'::pg_catalog.regtype,
                        'pg_catalog.varchar'::pg_catalog.regtype,
                        'pg_catalog.int4'::pg_catalog.regtype,
                        'pg_catalog.int8'::pg_catalog.regtype
                    )
            )
        ) || ')(?![\w(\[])' as cast_pattern
    from app as a
    cross join lateral (
        select
            pg_catalog.string_agg(
                case
                    when x.letter ~ '[a-zA-Z]' then '[' || pg_catalog.lower(x.letter) || pg_catalog.upper(x.letter) || ']'
                    when x.letter ~ '[\w ]' then x.letter
                    else '\' || x.letter
                end,
                ''
                order by x.at
            )
        from pg_catalog.regexp_split_to_table(a.setting, '') with ordinality as x (letter, at)
    ) as escaped (setting)
),
-- The names to look for, as Postgres writes them. One that would be taken out stands as "t~" or "r~".
sought as materialized (
    select
        r.relation_oid,
        r.tenant_column,
        -- A child may have lost the constraint; a partition may not.
        r.tenant_not_null
            and not exists (
                select
                from pg_catalog.pg_inherits as i
                inner join pg_catalog.pg_class as c on c.oid = i.inhrelid
                where i.inhparent = r.relation_oid
                    and not c.relispartition
            ) as tenant_not_null,
        r.tenant_compares_exactly,
        coalesce(nullif(t.typbasetype, 0), t.oid) as tenant_base_oid,
        case when odd.column_name then quoted.column_name end as odd_column_name,
        case when odd.relation_name then quoted.relation_name end as odd_relation_name,
        case when odd.column_name then '"t~"' else pg_catalog.regexp_replace(quoted.column_name, '([^\w ])', '\\\1', 'g') end
            as column_pattern,
        case when odd.relation_name then '"r~"' else pg_catalog.regexp_replace(quoted.relation_name, '([^\w ])', '\\\1', 'g') end
            as relation_pattern
    from relation as r
    left join pg_catalog.pg_type as t on t.oid = r.tenant_type_oid
    cross join lateral (
        select
            pg_catalog.quote_ident(r.tenant_column) as column_name,
            pg_catalog.quote_ident(r.relation_name) as relation_name
    ) as quoted
    cross join lateral (
        select
            coalesce(quoted.column_name ~ '^"' and quoted.column_name !~ '^"[\w?]+"$', false) as column_name,
            quoted.relation_name ~ '^"' and quoted.relation_name !~ '^"[\w?]+"$' as relation_name
    ) as odd
    where r.is_tenant
),
expression as materialized (
    select
        p.policy_oid,
        p.relation_oid,
        part.part,
        part.source,
        part.part = 'using' and p.check_text is null as decides_both,
        -- One that sets what it asks for says nothing.
        part.source ~ '"[tr]~"|\mset_config\(' as odd,
        pg_catalog.regexp_replace(
            pg_catalog.regexp_replace(
                pg_catalog.regexp_replace(
                    case
                        when s.odd_column_name is null and s.odd_relation_name is null then part.source
                        else
                            pg_catalog.replace(
                                pg_catalog.replace(part.source, coalesce(s.odd_column_name, '"t~"'), '"t~"'),
                                coalesce(s.odd_relation_name || '.', '"r~".'),
                                '"r~".'
                            )
                    end,
                    v.literal_pattern,
                    '\1\2\3{s}',
                    'g'
                ),
                v.kept_pattern,
                '\1',
                'g'
            ),
            '\s+',
            ' ',
            'g'
        ) as plain
    from policy as p
    inner join sought as s on s.relation_oid = p.relation_oid
    cross join vocabulary as v
    cross join lateral (
        values
            ('using', p.using_text),
            ('check', p.check_text)
    ) as part (part, source)
    where part.source is not null
),
-- Then the tenant's column {t}, or {w} where its own comparison is not exact, and the tenant of the request: {R} a setting whose
-- absence is an error, {C} one that may be null or empty, {N} null where there is none, {O} another setting.
named as materialized (
    select
        e.policy_oid,
        e.relation_oid,
        e.part,
        e.decides_both,
        e.source,
        e.odd,
        pg_catalog.regexp_replace(
            pg_catalog.regexp_replace(
                pg_catalog.regexp_replace(
                    pg_catalog.regexp_replace(
                        case
                            when v.function_pattern is null then columned.text
                            else pg_catalog.regexp_replace(columned.text, v.function_pattern, '{N}', 'g')
                        end,
                        v.read_pattern,
                        '{C\1}',
                        'g'
                    ),
                    '(?<![\w."])current_setting\(\{s\}::text(?:, (?:true|false))?\)',
                    '{O}',
                    'g'
                ),
                -- Where the setting must be there, its absence is still an error.
                'NULLIF\(\{Ctrue\}, ''''::text\)',
                '{N}',
                'g'
            ),
            'NULLIF\(\{(C|O)\}, ''''::text\)',
            '{\1}',
            'g'
        ) as text
    from expression as e
    inner join sought as s on s.relation_oid = e.relation_oid
    cross join vocabulary as v
    cross join lateral (
        select
            case
                when s.tenant_column is null then e.plain
                else
                    pg_catalog.regexp_replace(
                        e.plain,
                        '(?<![\w."])(?<!AS )'
                            || case when e.plain ~ 'SELECT' then '(?:' || s.relation_pattern || '\.)?' else '' end
                            || s.column_pattern
                            || '(?![\w."(])',
                        case when s.tenant_compares_exactly then '{t}' else '{w}' end,
                        'g'
                    )
            end as text
    ) as columned
),
-- What is known before the texts are made alike: what happens without a tenant, and how often the tenant is looked up.
valued as materialized (
    select
        n.policy_oid,
        n.relation_oid,
        n.part,
        n.decides_both,
        n.source,
        -- A cast may make tenants alike: numbers rounded, and texts of what is the same number.
        n.odd
            or n.text ~ '::numeric(?: AS [^()]*)?\)+::(?:integer|bigint|smallint)\M'
            or coalesce(
                s.tenant_base_oid <> all (
                    '{uuid,integer,bigint,smallint,numeric}'::pg_catalog.regtype[]::pg_catalog.oid[]
                )
                and pg_catalog.regexp_replace(
                    n.text,
                    pg_catalog.format(
                        '\)::%s\M',
                        coalesce(pg_catalog.format_type(pg_catalog.to_regtype(a.setting_type), null), 'text')
                    ),
                    ')',
                    'g'
                ) ~ '\{(?:N|C|Ctrue)\}(?: AS [^()]*)?\)+::(?:uuid|integer|bigint|smallint|numeric)\M',
                false
            ) as odd,
        n.text as named_text,
        n.text ~ '\{C\}' or n.text ~ '\{Ctrue\}\)::(?!text|character varying)' as raises,
        -- Whatever a sub-select holds is looked up once, unless it asks the row.
        n.text ~ '\{(?:N|C|Ctrue)\}'
            and pg_catalog.regexp_replace(
                n.text,
                '\( SELECT (?:(?!\{t\}| FROM )[^()]|\((?:(?!\{t\}| FROM )[^()]|\((?:(?!\{t\}| FROM )[^()]|\((?:(?!\{t\}| FROM )[^()]|\([^()]*\))*\))*\))*\))*\)',
                '',
                'g'
            ) ~ '\{(?:N|C|Ctrue)\}' as per_row,
        -- Each of these is true of the tenant's own rows alone.
        pg_catalog.regexp_replace(
            pg_catalog.regexp_replace(
                compared.text,
                '\((?:\{t\} = \{T\}|\{T\} = \{t\})\)'
                    '|\(NOT \((?:\{t\} <> \{T\}|\{T\} <> \{t\})\)\)'
                    '|\(\{t\} = ANY \(ARRAY\[\{T\}(?:, \{T\})*\]\)\)'
                    '|\(\{t\} IN \{T\}\)'
                    '|\(\(\{t\} >= \{T\}\) AND \(\{t\} <= \{T\}\)\)',
                '{Y}',
                'g'
            ),
            case
                -- Where both may be null, no tenant is the tenant of what has none.
                when s.tenant_not_null then '\(NOT \((?:\{t\} IS DISTINCT FROM \{T\}|\{T\} IS DISTINCT FROM \{t\})\)\)'
                else '\(\{t\} = \{T\}\)'
            end,
            '{Y}',
            'g'
        ) as text
    from named as n
    inner join sought as s on s.relation_oid = n.relation_oid
    cross join app as a
    cross join vocabulary as v
    cross join lateral (select pg_catalog.regexp_replace(n.text, '\{(?:N|C|Ctrue)\}', '{T}', 'g')) as t0 (text)
    -- Twice: the cast of a cast, as of a varchar compared as text. Once more around the sub-select.
    cross join lateral (select pg_catalog.regexp_replace(t0.text, v.cast_pattern, '{\1}', 'g')) as t1 (text)
    cross join lateral (select pg_catalog.regexp_replace(t1.text, v.cast_pattern, '{\1}', 'g')) as t2 (text)
    cross join lateral (
        select pg_catalog.regexp_replace(
            t2.text,
            'COALESCE\(\{T\}(?:, (?:\{T\}|NULL::[a-z ]+))*\)'
                '|\(CASE(?: WHEN (?:\([^()]*\)|[\w.]+) THEN \{T\})+(?: ELSE (?:\{T\}|NULL::[a-z ]+))? END\)'
                '|CASE(?: WHEN (?:\([^()]*\)|[\w.]+) THEN \{T\})+(?: ELSE (?:\{T\}|NULL::[a-z ]+))? END',
            '{T}',
            'g'
        )
    ) as t3 (text)
    cross join lateral (
        select pg_catalog.regexp_replace(t3.text, '\( SELECT \{(T|O)\}(?: AS (?:\w+|"[^"]*"))?\)', '{\1}', 'g')
    ) as t4 (text)
    cross join lateral (select pg_catalog.regexp_replace(t4.text, v.cast_pattern, '{\1}', 'g')) as t5 (text)
    cross join lateral (
        select pg_catalog.regexp_replace(t5.text, 'NULLIF\(\{T\}, ''''::text\)', '{T}', 'g')
    ) as t6 (text)
    cross join lateral (
        select
            pg_catalog.regexp_replace(
                pg_catalog.regexp_replace(t6.text, v.cast_pattern, '{\1}', 'g'),
                '\( SELECT \{(T|O)\}(?: AS (?:\w+|"[^"]*"))?\)',
                '{\1}',
                'g'
            ) as text
    ) as t7
    -- Casts of the column that call nothing equal that was not.
    cross join lateral (
        select
            '\(\{t\}\)::(?:text|character varying'
            || case
                when s.tenant_base_oid = 'pg_catalog.uuid'::pg_catalog.regtype then '|uuid'
                when s.tenant_base_oid in (
                    'pg_catalog.int2'::pg_catalog.regtype,
                    'pg_catalog.int4'::pg_catalog.regtype,
                    'pg_catalog.int8'::pg_catalog.regtype
                ) then '|smallint|integer|bigint|numeric'
                else ''
            end
            || ')(?![\w(\[])' as column_cast_pattern
    ) as exact
    cross join lateral (
        select
            pg_catalog.regexp_replace(
                pg_catalog.regexp_replace(
                    pg_catalog.regexp_replace(t7.text, exact.column_cast_pattern, '{t}', 'g'),
                    '\(\{w\}\)::(?:text|character varying) COLLATE "(?:C|POSIX|default)"',
                    '{t}',
                    'g'
                ),
                exact.column_cast_pattern,
                '{t}',
                'g'
            ) as text
    ) as t8
    cross join lateral (
        select
            pg_catalog.regexp_replace(
                -- As many letters mean the same in upper and in lower case, where the type knows but one.
                case
                    when s.tenant_base_oid = 'pg_catalog.uuid'::pg_catalog.regtype
                        then pg_catalog.regexp_replace(t8.text, '(?<![\w."])(?:lower|upper)\(\{(t|T)\}\)', '{\1}', 'g')
                    else t8.text
                end,
                'CASE \{t\} WHEN \{T\} THEN ((?:(?! WHEN )[^()])*) END',
                'CASE WHEN {Y} THEN \1 END',
                'g'
            ) as text
    ) as compared
),
-- A second reading of expressions that ask one other tenant table: the row's tenant is that of a row there (EXISTS or IN),
-- and a tenant sees only its own rows there. That is sound where the other table is, which is decided below.
lookup as materialized (
    select
        v.policy_oid,
        v.part,
        d.relation_oid as asked_oid,
        pg_catalog.regexp_replace(
            pg_catalog.regexp_replace(v.text, asked.column_pattern, '{i}', 'g'),
            '\((?:\{i\} = \{t\}|\{t\} = \{i\})\)',
            '{J}',
            'g'
        ) as text
    from valued as v
    inner join policy as p on p.policy_oid = v.policy_oid
    inner join relation as d
        on pg_catalog.cardinality(p.used_relation_oids) = 1
        and d.relation_oid = p.used_relation_oids[1]
        and d.is_tenant
        and d.relation_kind in ('r', 'p')
        and d.rls_enabled
        and d.tenant_compares_exactly
        and d.tenant_column is not null
    cross join lateral (
        select
            '(?<![\w."])' || coalesce(found.alias, pg_catalog.regexp_replace(
                pg_catalog.quote_ident(d.relation_name), '([^\w ])', '\\\1', 'g'
            ))
            || '\.'
            || pg_catalog.regexp_replace(pg_catalog.quote_ident(d.tenant_column), '([^\w ])', '\\\1', 'g')
            || '(?![\w."(])' as column_pattern
        from (
            select pg_catalog.regexp_match(
                v.text,
                ' FROM '
                    || pg_catalog.regexp_replace(d.identity, '([^\w ])', '\\\1', 'g')
                    || '(?: (?!WHERE)(\w+))?(?: WHERE |\))'
            )
        ) as f (matched)
        cross join lateral (select f.matched[1]) as found (alias)
        where f.matched is not null
    ) as asked
    where v.text ~ ' FROM '
),
-- From the innermost parentheses out, as Postgres writes one pair around each operation: {Y} is true of the tenant's own
-- rows alone, {F} of none. What is neither becomes opaque, in brackets. An AND needs one {Y}, an OR or a CASE only such.
reduction (text, reduced, steps) as (
    select
        t.text,
        pg_catalog.regexp_replace(t.text, '\m(?:false|NULL::boolean)(?![\w:.(])', '{F}', 'g'),
        0
    from (
        select v.text from valued as v where not v.odd
        union
        select l.text from lookup as l
    ) as t
    union all
    select
        r.text,
        case
            when known.text <> r.reduced then known.text
            else pg_catalog.regexp_replace(r.reduced, '\(([^()]*)\)', '[\1]', 'g')
        end,
        r.steps + 1
    from reduction as r
    cross join lateral (
        select
            case
                when r.reduced ~ '\mCASE\M' then
                    pg_catalog.regexp_replace(
                        -- Not of a CASE that compares with a value: there the comparison may be with false.
                        pg_catalog.regexp_replace(
                            r.reduced,
                            '(\mCASE(?: WHEN (?:(?! THEN |CASE| END)[^()])+ THEN \{[YF]\})*) WHEN \{[YF]\} THEN true\M',
                            '\1 WHEN x THEN {Y}',
                            'g'
                        ),
                        'CASE(?: (?!WHEN )[^() ]+)?(?: WHEN (?:(?! THEN |CASE| END)[^()])+ THEN \{[YF]\})+'
                            '(?: ELSE \{[YF]\})? END',
                        '{Y}',
                        'g'
                    )
                else r.reduced
            end as text
    ) as cased
    cross join lateral (
        select
            pg_catalog.regexp_replace(
                case
                    when cased.text ~ '\{[ij]\}|\{J\}' then
                        pg_catalog.regexp_replace(
                            pg_catalog.regexp_replace(
                                cased.text,
                                '(?<![\w"\]])\((?:[^()]* AND )?\{J\}(?: AND [^()]*)?\)',
                                '{J}',
                                'g'
                            ),
                            -- No aggregate, which is a row even of nothing, and no second SELECT.
                            '\(EXISTS \( SELECT(?:(?! FROM | UNION | EXCEPT | INTERSECT )(?:[^()\[\]{}]|\{[its]\}))*'
                                ' FROM [\w"]+\.[\w"]+(?: \w+)? WHERE \{J\}(?: GROUP BY [\w., ]+)?(?: ORDER BY [\w., ]+)?\)\)'
                                '|\(\{t\} (?:IN|=) \( SELECT (?:DISTINCT )?\{i\}(?: AS \w+)? FROM [\w"]+\.[\w"]+(?: \w+)?'
                                '(?: WHERE (?:(?! UNION | EXCEPT | INTERSECT )[^()])*)?\)\)',
                            '{Y}',
                            'g'
                        )
                    else cased.text
                end,
                '\(EXISTS \( SELECT(?:(?! FROM | UNION | EXCEPT | INTERSECT )[^()\[\]{}])*'
                    '(?: FROM (?:(?! UNION | EXCEPT | INTERSECT )[^()\[\]{}])*)? WHERE \{Y\}\)\)'
                    '|\(NOT \(NOT \{Y\}\)\)'
                    '|\( SELECT \{Y\}(?: AS (?:\w+|"[^"]*"))?\)',
                '{Y}',
                'g'
            ) as text
    ) as looked_up
    cross join lateral (
        select
            pg_catalog.regexp_replace(
                pg_catalog.regexp_replace(
                    pg_catalog.regexp_replace(
                        looked_up.text,
                        '(?<![\w"\]])\(\{[YF]\}(?: OR \{[YF]\})*\)',
                        '{Y}',
                        'g'
                    ),
                    '(?<![\w"\]])\((?:[^()]* AND )?\{[YF]\}(?: AND [^()]*)?\)',
                    '{Y}',
                    'g'
                ),
                '\(\{[YF]\} IS TRUE\)|COALESCE\(\{[YF]\}, \{F\}\)',
                '{Y}',
                'g'
            ) as text
    ) as known
    where r.steps < 100
        and (known.text <> r.reduced or r.reduced ~ '\(')
),
reduced as materialized (
    select distinct on (r.text)
        r.text,
        r.reduced,
        r.reduced ~ '^\s*\{[YF]\}\s*$' as scoped
    from reduction as r
    order by r.text, r.steps desc
),
-- Each expression of each policy of a tenant relation, judged: what remains of it where it is not scoped says why.
reading as materialized (
    select
        v.policy_oid,
        v.relation_oid,
        decides.part,
        decides.part = 'using' as is_using,
        decides.explicit,
        v.source,
        v.raises,
        v.per_row,
        v.odd as is_odd,
        e.reduced ~ '\{t\} IS NULL|IS DISTINCT FROM|COALESCE\[\{t\}, ' as admits_null,
        e.reduced as words,
        case
            -- Nobody asks why of one that is sound, and Postgres keeps no more than 32 patterns ready.
            when r.scoped then 'TN319'
            when e.reduced ~ '(?:^|[(\[ ])(\{[tw]\}|[a-z_"][\w."]*) (?:=|>=|<=) \1(?![\w."])|NOT \[\{t\} IS DISTINCT FROM \{t\}\]'
                or e.reduced ~ '\{t\} (?:IN|=) \[ SELECT \{t\}|\{t\} = ANY \[ARRAY\[[^\]]*\{t\}|ANY \[ARRAY\[\{t\}'
                then 'TN305'
            when e.reduced ~ '(?:^|\[| OR )\[*true\]*(?:$|\]| OR )' and e.reduced !~ ' AND |NOT |\mCASE\M| FROM ' then 'TN301'
            -- Nothing is asked at all, or by an alternative.
            when e.reduced !~ ' AND ' and exists (
                select
                from pg_catalog.regexp_split_to_table(e.reduced, ' OR ') as part (text)
                where pg_catalog.regexp_replace(
                    part.text,
                    '\{[sF]\}|''''|\m\d+\M|::[a-z ]+| AS (?:\w+|"[^"]*")'
                        '|\m(?:true|TRUE|FALSE|NULL|NOT|IS|UNKNOWN|SELECT|EXISTS|COALESCE|CASE|WHEN|THEN|ELSE|END)\M|[\[\]\s<>=,.+*/-]',
                    '',
                    'g'
                ) = ''
                    and part.text !~ '^[\[\] ]*\{F\}[\] ]*$'
            )
                then 'TN301'
            when v.named_text ~ ' FROM ' and p.own_attnums is null then 'TN305'
            when e.reduced ~ '(?:\{T\}|COALESCE\[\{T\}[^\]]*\]) (?:IS NULL|= '''')'
                or e.reduced !~ '\{O\}'
                and (
                    e.reduced ~ '\{t\} (?:=|IS DISTINCT FROM) COALESCE\[|COALESCE\[[^\]]*\] (?:=|IS DISTINCT FROM) \{t\}'
                    or e.reduced ~ '\{t\} = \[?(?:COALESCE|GREATEST|LEAST)\[|COALESCE\[\{t\}, \{T\}'
                )
                or e.reduced ~ '\{t\} = \[?CASE WHEN \[?(?:\{T\} IS NULL|NOT |[^\]=]*\{T\})[^=]*(?:\{t\}|\{s\})'
                or e.reduced ~ 'NOT \[(?:\{t\} IS DISTINCT FROM \{T\}|\{T\} IS DISTINCT FROM \{t\})'
                or e.reduced ~ 'NOT \[\[?\{T\} IS NOT NULL\]? AND |\[(?:\{t\} <> \{T\}|\{T\} <> \{t\})\] IS NOT TRUE'
                or e.reduced ~ '\{T\} = ANY \[ARRAY\[[^\]]*''''|\{T\} ~~ '''''
                or e.reduced ~ ' OR |\mCASE\M' and e.reduced !~ ' AND ' and e.reduced ~ 'COALESCE\[\{T\}, ''''(?:::text)?\]'
                or e.reduced ~ '\{Y\} IS (?:NOT FALSE|NULL|UNKNOWN)|(?:\{Y\}|\{T\}.*), true\](?! WHEN)'
                then 'TN306'
            when e.reduced ~ '\{t\} (?:=|IN|IS DISTINCT FROM) (?:(?! AND | OR )[^=])*\{O\}|\{O\}(?:(?! AND | OR )[^=])* = \{t\}'
                and e.reduced !~ '\{[TY]\}'
                then 'TN313'
            when e.reduced ~ '\{O\}' then 'TN310'
            when e.reduced ~ '\m(?:CURRENT_USER|SESSION_USER|CURRENT_ROLE|USER)\M' and e.reduced !~ '"(?:current_user|session_user)"'
                then 'TN311'
            -- Nothing of the row is asked.
            when p.own_attnums is null then 'TN302'
            when not calls.unknown
                and e.reduced ~ '(?<!\{t\}|\{w\}|\{i\}|\{T\}) = \{T\}|\{T\} = (?!\{[twiT]\})' and e.reduced !~ '\{Y\}'
                and e.reduced !~ '\{t\}\S* (?:~|<|>|!)| FROM |\{T\} = ANY |\mCASE\M'
                then 'TN304'
            -- In other words, of other columns alone.
            when not calls.unknown
                and e.reduced !~ '\{[twsiYJ]\}'
                and e.reduced ~ (
                    '[\w\]"] (?:(?:=|@>|&&|IN|= ANY|IS DISTINCT FROM) [\[ ]*(?:SELECT |ARRAY\[)*|<@ )\{T\}'
                    '|\{T\}\]? (?:=|<@|IS DISTINCT FROM) (?:ANY )?\[?["a-z]'
                )
                and e.reduced !~ '\{T\} = ANY \[ARRAY'
                then 'TN304'
            when e.reduced ~ '\{w\} = \{T\}|\{T\} = \{w\}'
                or e.reduced ~ '\{t\}' and e.reduced ~ '\{T\}'
                -- What is not unequal or something else is equal.
                and not (e.reduced ~ '^\[NOT \[.* OR ' and e.reduced !~ ' AND ')
                and e.reduced ~ ('(?: (?:<>(?! '''')|!=|<|>|<=|>=|!?~{1,2}\*?|~<=~|\^@|%) |\{t\}\)?\]? IS DISTINCT FROM |OPERATOR\[| COLLATE |\[\{t\}\]::'
                    '|\m(?:starts_with|left|right|substr|substring|split_part|strpos|lower|upper|abs|mod|hashtext|initcap|length'
                    '|regexp_\w+)"?\[\[*\{t\}| % )')
                or e.reduced ~ '\{Y\}' and e.reduced ~ '<> ALL '
                or e.reduced !~ ' OR '
                and e.reduced ~ 'NOT \{Y\}|\{Y\} IS NOT TRUE|\{Y\} (?:=|<>|<=|>=|<|>) |(?:=|<>|<=|>=|<|>) \{Y\}|\{Y\} IS DISTINCT'
                then 'TN312'
            when e.reduced ~ '\{t\} (?:= ANY \[ARRAY|IN \[ VALUES)[^\]]*\{T\}'
                or e.reduced ~ '\{Y\}' and e.reduced ~ 'COALESCE\['
                then 'TN303'
            -- An aggregate without groups is a row, whatever it found.
            when e.reduced ~ 'EXISTS \[ SELECT (?:count|max|min|sum|avg|bool_or|bool_and|every|array_agg|string_agg)\['
                and e.reduced !~ ' GROUP BY '
                then 'TN302'
            when calls.unknown then 'TN319'
            when e.reduced !~ ' OR | AND '
                and e.reduced ~ (
                    '\mNOT \[(?:\{t\} (?:IN|= ANY)|EXISTS) \[|\{t\} <> ALL '
                    '|EXISTS \[ SELECT (?:(?! FROM )[^\[])*? FROM [^\[]* WHERE \[(?:[\w.]+ <> \{t\}|\{t\} <> [\w.]+)\]'
                )
                then 'TN312'
            when e.reduced ~ '\{Y\}' and e.reduced ~ ' OR |\mCASE\M' then 'TN303'
            when e.reduced ~ '\mOR\M' and e.reduced !~ '^\[NOT \[' and e.reduced ~ '\{t\}' and e.reduced ~ '\{T\}' then 'TN303'
            when e.reduced ~ '\mCASE\M' and e.reduced ~ '\{t\}' and e.reduced ~ '\{T\}' then 'TN303'
            when e.reduced !~ '\{[twY]\}' or e.reduced !~ '\{[TY]\}' and e.reduced !~ ' FROM ' then 'TN302'
            else 'TN319'
        end as shape,
        coalesce(r.scoped, false) as scoped_by_itself,
        l.asked_oid,
        coalesce(lr.scoped, false) as scoped_by_lookup
    from valued as v
    inner join policy as p on p.policy_oid = v.policy_oid
    left join reduced as r on r.text = v.text and not v.odd
    left join lookup as l on l.policy_oid = v.policy_oid and l.part = v.part and not v.odd
    left join reduced as lr on lr.text = l.text
    cross join lateral (select coalesce(r.reduced, v.text)) as e (reduced)
    cross join lateral (
        select
            exists (
                select
                from routine as f
                where f.function_oid = any (p.used_function_oids)
                    and not exists (
                        select
                        from tenant_function as t
                        where t.function_oid = f.function_oid
                    )
            ) as unknown
    ) as calls
    -- USING decides what a new row may be, too, where there is no WITH CHECK.
    cross join lateral (
        values
            (v.part, true, true),
            ('check', false, v.decides_both)
    ) as decides (part, explicit, is_so)
    where decides.is_so
)
