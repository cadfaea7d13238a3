-- What ties the tables of such code to the tenant: a table is tied where its tenant is compared with that of the request, or
-- with the tenant of what is tied. A text is scoped where all that it reads and writes is; what is not recognised is not tied.

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
        pg_catalog.substring(c.text, '\{q:(\d+)\} ?$')::pg_catalog.int4 as query_n,
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
    cross join lateral pg_catalog.unnest(pg_catalog.regexp_split_to_array(d.condition, ' and ')) as c (text)
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
    cross join lateral pg_catalog.unnest(pg_catalog.regexp_split_to_array(n.shared, '\+')) as s (column_name)
    cross join lateral (
        values
            (n.alias, f.alias),
            (f.alias, n.alias)
    ) as pair (alias, other_alias)
    where pair.alias = n.alias
        or not n.is_optional
),
-- Names of tables around it are seen within a query, the nearest first; variables (-1) behind all of them.
resolved_tie as materialized (
    select distinct on (e.code_n, e.unit_n, e.branch_n, e.alias, e.column_name, e.other_alias, e.other_column)
        e.*,
        coalesce(n.unit_n, -1) as other_unit_n,
        coalesce(n.branch_n, -1) as other_branch_n
    from tie as e
    inner join surroundings as s on s.code_n = e.code_n and s.unit_n = e.unit_n
    left join node as n
        on n.code_n = s.code_n
        and n.unit_n = s.outer_unit_n
        and n.alias = e.other_alias
        and n.branch_n = case s.depth when 0 then e.branch_n else s.outer_branch_n end
    order by
        e.code_n,
        e.unit_n,
        e.branch_n,
        e.alias,
        e.column_name,
        e.other_alias,
        e.other_column,
        n.unit_n is null,
        s.depth
),
-- Queries that are tied to what stands around them, or hold such: whose columns tie nothing but themselves.
correlated as materialized (
    select distinct
        q.code_n,
        q.outer_unit_n as query_n
    from resolved_tie as e
    inner join surroundings as q on q.code_n = e.code_n and q.unit_n = e.unit_n
    inner join surroundings as o on o.code_n = q.code_n and o.unit_n = q.outer_unit_n and o.outer_unit_n = e.other_unit_n
    where o.depth > 0
),
-- The transition tables of triggers, where each table that fires the function has the column.
written_rows as materialized (
    select
        c.code_n,
        x.name,
        min(pg_catalog.lower(t.tenant_column)) as tenant_column
    from named_code as c
    inner join pg_catalog.pg_trigger as g on g.tgfoid = c.code_oid
    left join tenant_table as t on t.relation_oid = g.tgrelid
    cross join lateral (
        values
            (pg_catalog.lower(g.tgnewtable)),
            (pg_catalog.lower(g.tgoldtable))
    ) as x (name)
    where x.name is not null
    group by
        c.code_n,
        c.code_oid,
        x.name
    having min(t.tenant_column) = max(t.tenant_column)
        and pg_catalog.count(t.tenant_column) = (
            select pg_catalog.count(*)
            from pg_catalog.pg_trigger as o
            where o.tgfoid = c.code_oid
        )
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
        and not exists (select from correlated as x where x.code_n = d.code_n and x.query_n = d.query_n)
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
    where not exists (select from correlated as x where x.code_n = n.code_n and x.query_n = n.query_n)
    union
    -- The rows that a statement has written, of which policies were asked.
    select
        n.code_n,
        n.unit_n,
        n.branch_n,
        n.alias,
        w.tenant_column
    from node as n
    inner join written_rows as w on w.code_n = n.code_n and w.name = n.source
    where n.query_n is null
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
    inner join resolved_tie as e
        on e.code_n = t.code_n
        and e.other_unit_n = t.unit_n
        and e.other_branch_n = t.branch_n
        and e.other_alias = t.alias
        and e.other_column = t.column_name
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
        and n.text ~ '\{[rq]:'
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
    -- A label or a column that is named as a clause would end the query before its tables: all of them must have been found.
    where b.text ~ '\m(?:as|\.) ?(?:where|group|order|having|limit|offset|fetch|window|for|returning|from|union|except|intersect)\M(?! (?:by|update)\M)'
        or pg_catalog.regexp_count(b.text, '\m(?:from|join|using) (?:only |lateral )*\{r:') > (
            select pg_catalog.count(*)
            from node as n
            where n.code_n = b.code_n
                and n.unit_n = b.unit_n
                and n.branch_n = b.branch_n
                and n.source ~ '^\{r:'
        )
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
            -- A column may be named as a table is.
            or pg_catalog.regexp_replace(b.assigned, '\{r:[^{}]*\.([^{}]*)\}', '\1', 'g') ~ (
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
        select
            case
                -- Where the only variable has the column's name.
                when v.pattern = c.tenant_column and b.columns ~ '^[^{}]*\{t\}[^{}]*$'
                    then pg_catalog.array_position(names.columns, '{t}')
                else pg_catalog.array_position(names.columns, c.tenant_column)
            end as at
        from (select pg_catalog.regexp_split_to_array(pg_catalog.btrim(b.columns), ' ?, ?')) as names (columns)
        left join tenant_variable as v on v.code_n = b.code_n
    ) as own
    where b.rest is not null
        and (
            own.at is null
            or b.branches_n > 1
            or b.rest ~ '\mon conflict\M' and b.rest !~ '\mdo nothing\M'
            and (
                b.rest !~ ('\mon conflict \{u:(?:\w+\+)*' || c.tenant_column || '(?:\+\w+)*\} do update set ')
                or pg_catalog.regexp_replace(b.rest, '\{r:[^{}]*\.([^{}]*)\}', '\1', 'g') ~ ('(?:\mset|,) ?' || c.tenant_column || ' ?=|\} ?=')
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
