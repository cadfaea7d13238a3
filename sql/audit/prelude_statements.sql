-- The statements of such code and the queries within them, each taken apart into what it reads, writes, lists and asks.

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
    cross join lateral pg_catalog.unnest(pg_catalog.regexp_split_to_array(
        c.text,
        ';|(?<![.])\m(?:then|else|loop|begin|return query|return next|return|declare|exception)\M'
    )) with ordinality as s (text, at)
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
    cross join lateral pg_catalog.unnest(pg_catalog.regexp_split_to_array(u.text, ' ?(?<![.])\m(?:union|intersect|except)\M(?: all\M| distinct\M)? ?'))
        with ordinality as s (text, at)
    cross join lateral (
        select pg_catalog.regexp_match(s.text, ' returning (.*)$') as parts
    ) as returned
    cross join lateral (
        select
            pg_catalog.regexp_match(
                pg_catalog.btrim(s.text),
                '^insert into (\S+)(?: as (\w+))? ?(?:\{l ((?:[^{}]|\{t\})*) l\} ?)?(?:overriding (?:system|user) value )?(.*)$'
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
        body.parts[4] as condition,
        body.parts[5] as shared,
        body.parts[3] is not null as is_renamed
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
            '(?: (?:as )?(?!on\M|using\M)(?:\{r:\.)?(\w+)\}?)?( ?\{x[^{}]*\})?(?: on (.*)| using \{u:([^{}]*)\})?$'
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
        i.source,
        case when query.query_n is null then table_name.name end as relation_name,
        query.query_n,
        i.is_strange or i.source is null or i.is_renamed and i.source ~ '^\{[rq]:' as is_strange
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
    cross join lateral pg_catalog.unnest(pg_catalog.regexp_split_to_array(lists.text, ',')) with ordinality as l (text, at)
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
            and (
                c.column_name = n.tenant_column
                -- Of two columns of one name the first would be shown.
                or c.column_name = '*'
                and c.branches_n = 1
                and c.columns_n = 1
                and (
                    select pg_catalog.count(*)
                    from read_item as o
                    where o.code_n = c.code_n
                        and o.unit_n = c.unit_n
                        and o.branch_n = c.branch_n
                ) = 1
            )
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
        -- Declared, and without a value of its own.
        and c.text ~ ('(?:\mdeclare|;) ?' || v.name || ' (?:record|\{r:[^{}]*\}|[\w.]+(?:%rowtype)?) ?;')
        and c.text !~ '\mdeclare\M.*\mdeclare\M'
    group by
        v.code_n,
        v.name,
        v.unit_ns,
        s.column_name,
        c.text
    having c.text ~ '^ ?declare\M' and pg_catalog.count(distinct s.unit_n) = pg_catalog.cardinality(v.unit_ns)
        and pg_catalog.cardinality(v.unit_ns) = (
            select pg_catalog.count(*)
            from pg_catalog.regexp_matches(
                c.text,
                '\m(?:for|foreach|into|into strict) (?:[\w.]+ ?, ?)*' || v.name || '(?![\w(])',
                'g'
            )
        )
)
