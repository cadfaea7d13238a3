-- The recogniser: `reading`, a judgement of each expression of each policy of a tenant relation, by the text that Postgres
-- writes of it. What stands behind asks of it only the columns of `reading`.

-- Recognising expressions, step by step. `part` is what the expression decides: which rows are there (using), or what a new
-- row may be (check, which is USING where there is no WITH CHECK). First literals are taken out, so that nothing within
-- them is taken for syntax: {s}. Only the name of the tenant's setting and the empty text stay.
vocabulary as materialized (
    select
        pg_catalog.format('("[^"]*"|''''|''%s'')\{s\}', escaped.setting) as kept_pattern,
        pg_catalog.format(
            '("[^"]*")|(''%1$s''(?!''))|(''''(?!''))|''(?!%1$s''(?!''))(?:[^'']|'''')+''',
            escaped.setting
        ) as literal_pattern,
        pg_catalog.format(
            'current_setting\(''%s''::text(?:, (true)|, false)?\)',
            escaped.setting
        ) as read_pattern,
        (
            select '(?<![\w."])(?:' || pg_catalog.string_agg(
                pg_catalog.regexp_replace(f.qualified_name, '([^\w ])', '\\\1', 'g'),
                '|'
            ) || ')\(\)'
            from tenant_function as f
        ) as function_pattern
    from app as a
    cross join lateral (
        select pg_catalog.regexp_replace(a.setting, '([^\w ])', '\\\1', 'g')
    ) as escaped (setting)
),
expression as materialized (
    select
        p.policy_oid,
        p.relation_oid,
        part.part,
        part.source,
        part.part = 'using' and p.check_text is null as decides_both,
        pg_catalog.regexp_replace(
            pg_catalog.regexp_replace(
                pg_catalog.regexp_replace(part.source, v.literal_pattern, '\1\2\3{s}', 'g'),
                v.kept_pattern,
                '\1',
                'g'
            ),
            '\s+',
            ' ',
            'g'
        ) as plain
    from policy as p
    inner join relation as r on r.relation_oid = p.relation_oid
    cross join vocabulary as v
    cross join lateral (
        values
            ('using', p.using_text),
            ('check', p.check_text)
    ) as part (part, source)
    where r.is_tenant
        and part.source is not null
),
-- Then the tenant's column {t} and the tenant of the request: {R} a setting whose absence is an error, {C} one that may be
-- null or empty, {N} null where there is none, {O} another setting.
named as materialized (
    select
        e.policy_oid,
        e.relation_oid,
        e.part,
        e.decides_both,
        e.source,
        -- A quoted name that looks like syntax is nothing that can be judged.
        pg_catalog.regexp_replace(e.plain, '"[^"{}()'']*"', '', 'g') ~ '"' or e.plain ~ '\{(?!s\})' as odd,
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
                    'current_setting\(\{s\}::text(?:, (?:true|false))?\)',
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
    inner join relation as r on r.relation_oid = e.relation_oid
    cross join vocabulary as v
    cross join lateral (
        select
            case
                when r.tenant_column is null or not r.tenant_compares_exactly then e.plain
                else
                    pg_catalog.regexp_replace(
                        e.plain,
                        '(?<![\w."])(?<!AS )'
                            || case
                                when e.plain ~ 'SELECT'
                                    then
                                        '(?:'
                                        || pg_catalog.regexp_replace(
                                            pg_catalog.quote_ident(r.relation_name), '([^\w ])', '\\\1', 'g'
                                        )
                                        || '\.)?'
                                else ''
                            end
                            || pg_catalog.regexp_replace(pg_catalog.quote_ident(r.tenant_column), '([^\w ])', '\\\1', 'g')
                            || '(?![\w."(])',
                        '{t}',
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
        n.odd,
        n.text as named_text,
        n.text ~ '\{C\}' or n.text ~ '\{Ctrue\}\)::(?!text|character varying)' as raises,
        n.text ~ '\{(?:N|C|Ctrue)\}(?!\)*(?:::[a-z ]+)? AS )' as per_row,
        pg_catalog.regexp_replace(
            pg_catalog.regexp_replace(
                pg_catalog.regexp_replace(
                    pg_catalog.regexp_replace(
                        pg_catalog.regexp_replace(
                            pg_catalog.regexp_replace(
                                pg_catalog.regexp_replace(n.text, '\{(?:N|C|Ctrue)\}', '{T}', 'g'),
                                '\(\{(T|O)\}\)::(?:uuid|text|integer|bigint|smallint|numeric|character varying)(?![\w(\[])',
                                '{\1}',
                                'g'
                            ),
                            -- Once more: the cast of a cast, as of a varchar compared as text.
                            '\(\{(T|O)\}\)::(?:uuid|text|integer|bigint|smallint|numeric|character varying)(?![\w(\[])',
                            '{\1}',
                            'g'
                        ),
                        '\( SELECT \{(T|O)\}(?: AS (?:\w+|"[^"]*"))?\)',
                        '{\1}',
                        'g'
                    ),
                    -- A cast around the sub-select.
                    '\(\{(T|O)\}\)::(?:uuid|text|integer|bigint|smallint|numeric|character varying)(?![\w(\[])',
                    '{\1}',
                    'g'
                ),
                '\(\{t\}\)::(?:text|character varying)(?![\w(\[])',
                '{t}',
                'g'
            ),
            '\((?:\{t\} = \{T\}|\{T\} = \{t\})\)',
            '{Y}',
            'g'
        ) as text
    from named as n
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
                        pg_catalog.regexp_replace(r.reduced, ' WHEN \{[YF]\} THEN true\M', ' WHEN x THEN {Y}', 'g'),
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
            case
                when cased.text ~ '\{[ij]\}|\{J\}' then
                    pg_catalog.regexp_replace(
                        pg_catalog.regexp_replace(
                            pg_catalog.regexp_replace(
                                cased.text,
                                '(?<![\w"\]])\((?:[^()]* AND )?\{J\}(?: AND [^()]*)?\)',
                                '{J}',
                                'g'
                            ),
                            '\(EXISTS \( SELECT [^()]*FROM [\w."]+(?: \w+)? WHERE \{J\}\)\)',
                            '{Y}',
                            'g'
                        ),
                        '\(\{t\} IN \( SELECT \{i\} FROM [\w."]+(?: \w+)?(?: WHERE (?:(?! UNION | EXCEPT | INTERSECT )[^()])*)?\)\)',
                        '{Y}',
                        'g'
                    )
                else cased.text
            end as text
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
        e.reduced ~ '\{t\} IS NULL|IS DISTINCT FROM' as admits_null,
        e.reduced as words,
        case
            when e.reduced ~ '(?:^|[(\[ ])(\{t\}|[\w."]+) = \1(?![\w."])' then 'TN305'
            when e.reduced ~ '(?:^|\[| OR )\[*true\]*(?:$|\]| OR )' and e.reduced !~ ' AND |NOT |\mCASE\M' then 'TN301'
            when v.named_text ~ ' FROM ' and p.own_attnums is null then 'TN305'
            when e.reduced ~ '(?:\{T\}|COALESCE\[\{T\}[^\]]*\]) (?:IS NULL|= '''')'
                or e.reduced ~ '\{t\} = COALESCE\[|COALESCE\[[^\]]*\] = \{t\}'
                or e.reduced ~ 'NOT \[(?:\{t\} IS DISTINCT FROM \{T\}|\{T\} IS DISTINCT FROM \{t\})'
                then 'TN306'
            when e.reduced ~ '(?:\{t\} = \{O\}|\{O\} = \{t\})' and e.reduced !~ '\{[TY]\}' then 'TN313'
            when e.reduced ~ '\{O\}' then 'TN310'
            when e.reduced ~ '\m(?:CURRENT_USER|SESSION_USER|CURRENT_ROLE|USER)\M' and e.reduced !~ '"(?:current_user|session_user)"'
                then 'TN311'
            when e.reduced ~ '(?<!\{t\}) = \{T\}|\{T\} = (?!\{t\})' and e.reduced !~ '\{Y\}'
                and e.reduced !~ '\{t\}\S* (?:~|<|>|!)' then 'TN304'
            when e.reduced ~ '\{t\}' and e.reduced ~ '\{T\}'
                and e.reduced ~ '(?: (?:<>|!=|<|>|<=|>=|!?~{1,2}\*?|~<=~|\^@) |starts_with\[|OPERATOR\[| COLLATE |\[\{t\}\]::)'
                then 'TN312'
            when calls.unknown then 'TN319'
            when e.reduced ~ '\{Y\}' and e.reduced ~ ' OR |\mCASE\M' then 'TN303'
            when e.reduced ~ '\mOR\M' and e.reduced ~ '\{t\}' and e.reduced ~ '\{T\}' then 'TN303'
            when e.reduced !~ '\{t\}' or e.reduced !~ '\{T\}' and e.reduced !~ ' FROM ' then 'TN302'
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
