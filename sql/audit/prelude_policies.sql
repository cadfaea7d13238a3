-- What policies come to: whom each binds, what it decides for them, and which one is to blame.

-- Whom each policy binds: inheritance decides, so a group of a NOINHERIT role is not bound.
binding as materialized (
    select
        p.policy_oid,
        p.relation_oid,
        k.role_oid,
        k.role_name,
        k.role_kind
    from policy as p
    cross join actor as k
    where 0 = any (p.role_oids)
        or exists (
            select
            from pg_catalog.unnest(p.role_oids) as x (role_oid)
            where x.role_oid <> 0
                and pg_catalog.pg_has_role(k.role_oid, x.role_oid, 'USAGE')
        )
),
-- Policies that set the tenant that they then ask for: what stands before what in an AND, Postgres decides.
setting_policy as materialized (
    select p.policy_oid
    from policy as p
    where exists (
            select
            from tenant_setter as s
            where s.function_oid = any (p.used_function_oids)
        )
        or pg_catalog.concat_ws(' ', p.using_text, p.check_text) ~* (
            select
                '\mset_config\((?:'''
                || pg_catalog.regexp_replace(a.setting, '([^\w ])', '\\\1', 'g')
                || '''|[^''])'
            from app as a
        )
),
-- Tables whose rows a role sees as the tenant's only, judged without look-ups in other tables. No policy binds the owner of
-- one that is not forced.
sound_for_reading as materialized (
    select
        b.role_oid,
        b.relation_oid
    from binding as b
    inner join relation as r
        on r.relation_oid = b.relation_oid
        and r.rls_enabled
        and (r.rls_forced or not pg_catalog.pg_has_role(b.role_oid, r.owner_oid, 'USAGE'))
    inner join policy as p on p.policy_oid = b.policy_oid
    left join setting_policy as s on s.policy_oid = p.policy_oid
    left join reading as g on g.policy_oid = p.policy_oid and g.is_using
    where p.command in ('r', '*')
    group by b.role_oid, b.relation_oid
    having
        pg_catalog.bool_or(not p.permissive and s.policy_oid is null and coalesce(g.scoped_by_itself, false))
        or pg_catalog.bool_and(not p.permissive or s.policy_oid is null and coalesce(g.scoped_by_itself, true))
),
-- What policies ask, themselves and through views.
asked_relation as materialized (
    select distinct
        d.policy_oid,
        d.used_oid as relation_oid
    from policy_dependency as d
    inner join pg_catalog.pg_policy as o on o.oid = d.policy_oid
    where not d.is_function
        and d.used_oid <> o.polrelid
    union
    select
        d.policy_oid,
        x.reads_oid
    from policy_dependency as d
    inner join reads as x on x.relation_oid = d.used_oid
    where not d.is_function
),
-- The functions that policies call, each with those that it names, which nobody vouches for.
helper_code (function_oid, code_oid, depth) as (
    select
        c.function_oid,
        c.function_oid,
        0
    from code as c
    where c.function_oid in (
        select d.used_oid
        from policy_dependency as d
        where d.is_function
    )
    union
    select
        h.function_oid,
        g.function_oid,
        h.depth + 1
    from helper_code as h
    inner join code as c on c.function_oid = h.code_oid
    inner join code as g
        on g.function_oid <> h.code_oid
        and pg_catalog.strpos(c.text, g.function_name) > 0
    where h.depth < 3
        and c.text ~ (
            '(?<![\w$])' || pg_catalog.regexp_replace(g.function_name, '([^\w ])', '\\\1', 'g') || '"?\s*\('
        )
),
-- What their text says together, without literals: whether it reads, keeps something, or leaves open what a name means;
-- whether it knows the tenant of the request; and whether it can be seen to ask for nothing at all.
helper_told as materialized (
    select
        h.function_oid,
        pg_catalog.bool_or(told.text ~ 'current_setting\s*\(|\m(?:from|join)\s+[\w"]') as reads,
        pg_catalog.bool_or(
            told.text ~ '\mset_config"?\s*\(|\mcreate\s+(?:local\s+|global\s+)?temp|\mset\s+(?:session\s+)?[\w."]+\s*(?:=|to)\M'
        ) as keeps,
        pg_catalog.bool_or(
            not f.search_path_fixed
            and not f.body_is_bound
            and told.text ~ '\m(?:from|join|into|update)\s+(?:only\s+)?"?\w+"?(?!["\w.(])'
        ) as is_loose,
        pg_catalog.bool_or(
            pg_catalog.strpos(c.text, pg_catalog.lower(a.setting)) > 0
            or t.function_oid is not null
            -- By a name that does not stand there.
            or told.text ~ 'current_setting\s*\(\s*(?!''|\))|\mexecute\M'
        ) as knows_tenant,
        pg_catalog.bool_and(
            told.text !~ '\m(?:from|join|execute|perform|call|into|table|current_setting|current_user|session_user|user)\M'
            and pg_catalog.regexp_replace(
                told.text,
                '(?<![\w.])(?:pg_catalog\s*\.\s*)?(?:and|or|not|in|any|all|if|elsif|when|then|return|select|coalesce|nullif|greatest|least|length'
                    '|lower|upper|btrim|now)\s*\(',
                ' ',
                'g'
            ) !~ '[\w"]\s*\('
        ) as asks_nothing
    from helper_code as h
    inner join code as c on c.function_oid = h.code_oid
    inner join routine as f on f.function_oid = h.code_oid
    left join tenant_function as t on t.function_oid = h.code_oid
    cross join app as a
    cross join lateral (select pg_catalog.regexp_replace(c.text, '''(?:[^'']|'''')*''', '''''', 'g') as text) as told
    group by h.function_oid
),
-- Functions that policies call and nobody vouches for: what their text says of the tenant that they return.
helper as materialized (
    select
        f.function_oid,
        f.qualified_name,
        told.body ~* ('current_setting\s*\(\s*''' || a.setting_pattern || '''') as reads_setting,
        told.body ~* ('current_setting\s*\(\s*''(?!' || a.setting_pattern || ''')') as reads_other,
        -- A tenant for whom there is none.
        told.body ~* '\mcoalesce\s*\([^;]*,\s*''[^'']+''(::[\w.]+)?\s*\)'
            or told.body ~* '\mcoalesce\s*\([^;]*\)\s*(::[\w.]+)?\s*,\s*(\$\d|(?!(null|true|false)\M)[a-z_]\w*)\s*\)'
            or told.body ~* '\mreturn\s+''[^'']+'''
            or told.body ~* '\mis\s+null\s+then\s+''[^'']+'''
            or told.body ~* '(^|;|\mreturn\M|\mbegin\M)\s*(select\s+)?''[^'']+''(::[\w.]+)?\s*;?\s*(end\s*;?\s*)?$' as has_default,
        told.body ~* '\mcoalesce\s*\(' as chooses
    from routine as f
    cross join (
        select pg_catalog.regexp_replace(x.setting, '([^\w ])', '\\\1', 'g') as setting_pattern
        from app as x
    ) as a
    cross join lateral (
        select pg_catalog.regexp_replace(f.body, '--[^\n\r]*|/\*.*?\*/', ' ', 'g') as body
    ) as told
    where f.function_oid in (
            select d.used_oid
            from policy_dependency as d
            where d.is_function
        )
        and f.language_name in ('sql', 'plpgsql')
        and not exists (
            select
            from tenant_function as t
            where t.function_oid = f.function_oid
        )
),
-- Functions that somebody vouches for, and that decide about a row by themselves: they return a truth, or tenants.
vouched_function as materialized (
    select
        f.function_oid,
        pg_catalog.regexp_replace(f.qualified_name, '([^\w ])', '\\\1', 'g') as name_pattern,
        f.return_type_oid = 'pg_catalog.bool'::pg_catalog.regtype as is_truth
    from routine as f
    inner join trusted_function as t
        on t.identity = f.identity
        and t.md5 = pg_catalog.md5(f.definition)
    where f.volatility <> 'i'
        and not exists (
            select
            from pg_catalog.unnest(f.config) as s (setting)
            where s.setting !~ '^search_path='
        )
),
judgement as materialized (
    select
        g.policy_oid,
        g.relation_oid,
        b.role_oid,
        b.role_name,
        b.role_kind,
        g.part,
        g.explicit,
        g.source,
        case
            when sound.is_scoped then 'yes'
            when why.code = 'TN319' then 'unproven'
            else 'no'
        end as scoped,
        case when not sound.is_scoped then why.code end as code,
        case
            when g.raises then 'raises'
            when sound.is_scoped then 'closed'
            when why.code in ('TN301', 'TN306') then 'open'
            else 'unknown'
        end as unset_behaviour,
        case
            when uses.volatile_n > 0 then 'volatile'
            when g.per_row then 'per row'
            else 'initplan'
        end as cost,
        g.raises,
        g.admits_null,
        g.words
    from reading as g
    inner join policy as p on p.policy_oid = g.policy_oid
    inner join relation as r on r.relation_oid = g.relation_oid
    inner join binding as b on b.policy_oid = g.policy_oid
    left join sound_for_reading as s on s.role_oid = b.role_oid and s.relation_oid = g.asked_oid
    left join setting_policy as sets on sets.policy_oid = p.policy_oid
    cross join lateral (
        select
            sets.policy_oid is null
            and (g.scoped_by_itself
            or (g.scoped_by_lookup and s.relation_oid is not null)
            or coalesce(
                exists (
                    select
                    from vouched_function as f
                    cross join lateral (
                        select pg_catalog.regexp_replace(
                            pg_catalog.quote_ident(r.tenant_column), '([^\w ])', '\\\1', 'g'
                        )
                    ) as own (column_pattern)
                    where f.function_oid = any (p.used_function_oids)
                        and g.source ~ case
                            -- The whole of it, or the first or the last of what must all be true.
                            when f.is_truth
                                then pg_catalog.format(
                                    '^%1$s$|^\(%1$s AND | AND %1$s\)$',
                                    f.name_pattern || '\((?:[^()]*, )?' || own.column_pattern || '(?:, [^()]*)?\)'
                                )
                            else pg_catalog.format(
                                '^\(%s (?:IN \( SELECT |= ANY \()%s\([^()]*\)(?: AS \w+)?\)\)$',
                                own.column_pattern,
                                f.name_pattern
                            )
                        end
                ),
                false
            )) as is_scoped
    ) as sound
    cross join lateral (
        select
            pg_catalog.count(*) filter (where f.volatility = 'v') as volatile_n,
            -- IMMUTABLE, and yet it reads a setting or a table.
            pg_catalog.count(*) filter (
                where f.volatility = 'i'
                    and (f.body ~* 'current_setting\s*\(|\m(from|join)\s+[\w"]' or f.function_oid in (
                        select h.function_oid
                        from helper_told as h
                        where h.reads
                    ))
            ) as immutable_n,
            pg_catalog.count(*) filter (
                where f.language_name not in ('c', 'internal')
                    and (
                        f.body ~* '\mset_config"?\s*\(|\mcreate\s+(local\s+|global\s+)?temp|\mset\s+(session\s+)?[\w."]+\s*(=|to)\M'
                        or f.function_oid in (
                            select h.function_oid
                            from helper_told as h
                            where h.keeps
                        )
                    )
            ) as stateful_n,
            pg_catalog.count(*) filter (
                where f.language_name not in ('c', 'internal')
                    and not f.search_path_fixed
                    and (
                        not f.body_is_bound
                        and f.body ~* '\m(from|join|into|update)\s+(only\s+)?"?[\w]+"?(?!["\w.(])'
                        or f.function_oid in (
                            select h.function_oid
                            from helper_told as h
                            where h.is_loose
                        )
                    )
            ) as loose_n
        from routine as f
        where f.function_oid = any (p.used_function_oids)
    ) as uses
    cross join lateral (
        select
            exists (
                select
                from asked_relation as q
                inner join relation as d on d.relation_oid = q.relation_oid
                left join access as x on x.relation_oid = d.relation_oid and x.role_oid = b.role_oid
                where q.policy_oid = p.policy_oid
                    and coalesce(x.may_insert or x.may_update, false)
                    and not exists (
                        select
                        from sound_for_reading as s
                        where s.relation_oid = d.relation_oid
                            and s.role_oid = b.role_oid
                    )
                union all
                select
                from asked_relation as q
                inner join relation as d on d.relation_oid = q.relation_oid
                where q.policy_oid = p.policy_oid
                    and d.kind = 'tenant'
                    and d.relation_kind in ('r', 'p')
                    and not d.rls_enabled
            ) as unprotected
    ) as asks
    -- What is certain of one that is in no known form.
    cross join lateral (
        select
            setting.pattern,
            pg_catalog.regexp_replace(g.source, '\s+', ' ', 'g') as source,
            -- Whether it may know the tenant of the request.
            g.source ~* ('''' || setting.pattern || '''')
            or g.source ~ 'OPERATOR\(|current_setting\((?!'')'
            or exists (
                select
                from routine as f
                left join helper_told as h on h.function_oid = f.function_oid
                where f.function_oid = any (p.used_function_oids)
                    and coalesce(h.knows_tenant, true)
            ) as may_know_tenant,
            exists (
                select
                from relation as d
                where d.relation_oid = any (p.used_relation_oids)
                    and (
                        d.rls_enabled
                        or exists (
                            select
                            from reads as x
                            inner join relation as y on y.relation_oid = x.reads_oid
                            where x.relation_oid = d.relation_oid
                                and (y.rls_enabled or y.relation_kind = 'v')
                        )
                    )
            ) as asks_protected,
            exists (
                select
                from routine as f
                where f.function_oid = any (p.used_function_oids)
                    and not exists (
                        select
                        from tenant_function as t
                        where t.function_oid = f.function_oid
                    )
            ) as calls
        from (
            select pg_catalog.regexp_replace(a.setting, '([^\w ])', '\\\1', 'g') as pattern
            from app as a
        ) as setting
    ) as known
    -- Of what is not scoped alone, and once: without the offset the planner writes it into every place that asks for it.
    left join lateral (
        select
            case
                when sets.policy_oid is not null then 'TN317'
                when g.is_odd then 'TN319'
                when uses.immutable_n > 0 then 'TN315'
                when uses.stateful_n > 0 then 'TN317'
                when uses.loose_n > 0 then 'TN316'
                when asks.unprotected then 'TN314'
                when g.shape <> 'TN319' then g.shape
                when helped.code is not null then helped.code
                when believed.unprotected then 'TN314'
                -- It asks nothing of the row.
                when p.own_attnums is null and g.source !~ '\.\*' then 'TN302'
                when alternative.code is not null then alternative.code
                -- It asks for no tenant, of nothing that does.
                when not known.may_know_tenant
                    and not known.asks_protected
                    and (
                        not known.calls
                        and g.source ~ ' FROM '
                        or not exists (
                            select
                            from pg_catalog.unnest(p.used_function_oids) as u (function_oid)
                            where not exists (
                                select
                                from helper_told as h
                                where h.function_oid = u.function_oid
                                    and h.asks_nothing
                            )
                        )
                    )
                    then 'TN302'
                else 'TN319'
            end as code
        from (
            -- Of what is not recognised because of a function: what the tenant of the row is compared with.
            select pg_catalog.min(
                case
                    when h.has_default and (h.reads_setting or not h.reads_other) then 'TN306'
                    when h.reads_other and not h.reads_setting then 'TN313'
                    when h.reads_other and h.chooses then 'TN310'
                end
            ) as code
            from helper as h
            where g.shape = 'TN319'
                and h.function_oid = any (p.used_function_oids)
                and g.source ~ (
                    '(?<![\w".])'
                    || pg_catalog.regexp_replace(pg_catalog.quote_ident(r.tenant_column), '([^\w ])', '\\\1', 'g')
                    || '(?:\)::[a-z ]+)? = \(*(?: SELECT )?\(*'
                    || pg_catalog.regexp_replace(h.qualified_name, '([^\w ])', '\\\1', 'g')
                    || '\('
                )
        ) as helped
        cross join lateral (
            -- A function that nobody vouches for believes a table that requests write, and does not ask for the tenant.
            select
                exists (
                    select
                    from helper_told as h
                    inner join helper_code as n on n.function_oid = h.function_oid
                    inner join code as c on c.function_oid = n.code_oid
                    inner join pg_catalog.pg_proc as o on o.oid = h.function_oid
                    cross join relation as d
                    left join access as x on x.relation_oid = d.relation_oid and x.role_oid = b.role_oid
                    where g.shape = 'TN319'
                        and h.function_oid = any (p.used_function_oids)
                        and not h.knows_tenant
                        and pg_catalog.strpos(c.text, pg_catalog.lower(d.identity)) > 0
                        and c.text ~ (
                            '(?<![\w$".])' || pg_catalog.regexp_replace(pg_catalog.lower(d.identity), '([^\w ])', '\\\1', 'g')
                            || '(?![\w$"])'
                        )
                        and (
                            d.is_tenant and not d.rls_enabled
                            or coalesce(x.may_insert or x.may_update, false)
                        )
                        and not exists (
                            select
                            from sound_for_reading as s
                            where s.relation_oid = d.relation_oid
                                and s.role_oid = b.role_oid
                        )
                        -- Its arguments are not compared with each other.
                        and not exists (
                            select
                            from pg_catalog.unnest(o.proargnames || '{$1,$2,$3,$4}') as l (name)
                            cross join pg_catalog.unnest(o.proargnames || '{$1,$2,$3,$4}') as m (name)
                            where c.text ~ pg_catalog.format(
                                '(?:%1$s"?\s*(?:=|is not distinct from)\s*(?:"?\w+"?\s*\.\s*)?"?%2$s)(?![\w$])',
                                pg_catalog.regexp_replace(pg_catalog.lower(l.name), '([^\w ])', '\\\1', 'g'),
                                pg_catalog.regexp_replace(pg_catalog.lower(m.name), '([^\w ])', '\\\1', 'g')
                            )
                                and l.name <> ''
                                and m.name <> ''
                        )
                ) as unprotected
        ) as believed
        cross join lateral (
            -- Alternatives, one of which asks nothing of the row: a call without a column, or a part of a UNION.
            select
                case
                    when g.shape <> 'TN319' then null
                    when known.source ~ ' (?:AND|CASE|EXCEPT|INTERSECT) |\mNOT \(|^CASE|\(CASE' then null
                    when called.code is not null then called.code
                    when known.source ~ '[( ]UNION[ )]'
                        and not known.calls
                        and not known.asks_protected
                        and exists (
                            select
                            from pg_catalog.regexp_split_to_table(known.source, '\mUNION(?: ALL)?\M') with ordinality as arm (text, at)
                            where arm.text !~* ('''' || known.pattern || '''')
                                and arm.text !~ ' OR '
                        )
                        then 'TN303'
                    when known.source ~ '^\(EXISTS \( SELECT [^()]*? UNION '
                        and pg_catalog.split_part(known.source, ' UNION ', 1) !~ ' FROM | WHERE '
                        then 'TN302'
                end as code
            from (
                select
                    pg_catalog.min(case when l.reads_other and not l.reads_setting then 'TN310' else 'TN303' end) as code
                from helper as l
                inner join routine as f
                    on f.function_oid = l.function_oid
                    and f.return_type_oid = 'pg_catalog.bool'::pg_catalog.regtype
                where l.function_oid = any (p.used_function_oids)
                    and known.source ~ (
                        '(?: OR |^\()(?:\( SELECT )?'
                        || pg_catalog.regexp_replace(l.qualified_name, '([^\w ])', '\\\1', 'g')
                        || '\((?:''[^'']*''::[\w ]+(?:, )?)*\)(?: AS "?\w+"?\))?(?: OR |\)$)'
                    )
            ) as called
        ) as alternative
        where not sound.is_scoped
        offset 0
    ) as why on true
),
-- The five things that policies decide, and which expression decides each.
command (command, part, policy_commands, at) as (
    values
        ('SELECT', 'using', '{r,*}'::pg_catalog.text[], 1),
        ('INSERT', 'check', '{a,*}', 2),
        ('UPDATE-old', 'using', '{w,*}', 3),
        ('UPDATE-new', 'check', '{w,*}', 4),
        ('DELETE', 'using', '{d,*}', 5)
),
-- Each policy for each of them and each role that it binds.
vote as materialized (
    select
        b.role_oid,
        b.role_name,
        b.role_kind,
        p.relation_oid,
        c.command,
        p.policy_oid,
        p.identity,
        p.policy_name,
        p.permissive,
        p.command as policy_command,
        c.part,
        j.source,
        j.explicit,
        -- Without an expression a permissive policy permits nothing, and a restrictive one forbids nothing.
        coalesce(j.scoped, case when p.permissive then 'yes' else 'absent' end) as scoped,
        j.code,
        j.source is not null as speaks
    from policy as p
    inner join relation as r on r.relation_oid = p.relation_oid and r.is_tenant
    inner join binding as b on b.policy_oid = p.policy_oid
    inner join command as c on p.command::pg_catalog.text = any (c.policy_commands)
    left join judgement as j on j.policy_oid = p.policy_oid and j.role_oid = b.role_oid and j.part = c.part
),
-- The one formula: a command is scoped where every permissive policy that applies is, or some restrictive one is.
command_scope as materialized (
    select
        x.role_oid,
        x.role_name,
        x.role_kind,
        r.relation_oid,
        c.command,
        c.at,
        case c.command
            when 'SELECT' then x.may_select
            when 'INSERT' then x.may_insert
            when 'DELETE' then x.may_delete
            else x.may_update
        end as granted,
        case
            when not r.rls_enabled then 'no'
            when coalesce(v.permissive_n, 0) = 0 then 'closed'
            when v.floor then 'yes'
            when v.open_n = 0 and v.unproven_n = 0 then 'yes'
            when v.open_n = 0 then 'unproven'
            else 'no'
        end as scoped,
        coalesce(v.scoped_n, 0) as scoped_n,
        coalesce(v.permissive_n, 0) as permissive_n,
        coalesce(v.restrictive_n, 0) as restrictive_n,
        v.permissive_names,
        v.restrictive_names
    from relation as r
    inner join access as x on x.relation_oid = r.relation_oid
    cross join command as c
    left join (
        select
            v.role_oid,
            v.relation_oid,
            v.command,
            pg_catalog.bool_or(not v.permissive and v.scoped = 'yes') as floor,
            pg_catalog.count(*) filter (where v.permissive and v.speaks) as permissive_n,
            pg_catalog.count(*) filter (where not v.permissive and v.speaks) as restrictive_n,
            pg_catalog.count(*) filter (where v.permissive and v.scoped = 'no') as open_n,
            pg_catalog.count(*) filter (where v.permissive and v.scoped = 'unproven') as unproven_n,
            pg_catalog.count(*) filter (where v.permissive and v.speaks and v.scoped = 'yes') as scoped_n,
            pg_catalog.array_agg(v.policy_name::pg_catalog.text order by v.policy_name) filter (where v.permissive and v.speaks)
                as permissive_names,
            pg_catalog.array_agg(v.policy_name::pg_catalog.text order by v.policy_name)
                filter (where not v.permissive and v.speaks) as restrictive_names
        from vote as v
        group by v.role_oid, v.relation_oid, v.command
    ) as v on v.role_oid = x.role_oid and v.relation_oid = r.relation_oid and v.command = c.command
    where r.is_tenant
        and r.relation_kind in ('r', 'p')
),
-- The same of the request role alone, by relation.
self_scope as materialized (
    select
        s.relation_oid,
        pg_catalog.bool_or(s.granted) as granted,
        pg_catalog.bool_or(s.granted and s.scoped <> 'closed') as permitted,
        -- Where a permissive policy is open, which a floor would have mended.
        pg_catalog.string_agg(s.command, ', ' order by s.at)
            filter (where s.granted and s.scoped = 'no' and s.permissive_n > 0) as open_commands
    from command_scope as s
    where s.role_kind = 'self'
    group by s.relation_oid
),
-- Policies that leave a command open, or that nobody has proven: those to name. One row a policy, with the code that says
-- it best: for writing alone TN307 and TN308, beside a policy that is scoped TN303.
blamed_policy as materialized (
    select distinct on (b.policy_oid)
        b.policy_oid,
        b.identity,
        b.relation_oid,
        b.role_name,
        b.role_kind,
        b.scoped,
        b.code,
        b.commands,
        b.source,
        b.part
    from (
        select
            v.policy_oid,
            v.identity,
            v.relation_oid,
            v.role_name,
            v.role_kind,
            v.scoped,
            v.source,
            v.part,
            case
                when v.role_kind <> 'self' and v.code <> 'TN319' then 'TN318'
                -- For another role that it inherits from, beside what it has of its own.
                when v.code = 'TN301'
                    and not o.role_oids && array[0::pg_catalog.oid, v.role_oid]
                    and pg_catalog.bool_or(s.scoped_n > 0)
                    then 'TN318'
                -- Also where nothing but new rows is left open.
                when v.code in ('TN301', 'TN302', 'TN303')
                    and v.part = 'check'
                    and (
                        v.explicit
                        or not pg_catalog.bool_or(v.part = 'using')
                            over (partition by v.policy_oid, v.role_oid)
                    )
                    then 'TN307'
                when v.code in ('TN301', 'TN302', 'TN303') and v.policy_command in ('w', 'd') then 'TN308'
                when v.code = 'TN302' and pg_catalog.bool_or(s.scoped_n > 0) then 'TN303'
                else v.code
            end as code,
            pg_catalog.array_agg(v.command order by s.at) as commands
        from vote as v
        inner join command_scope as s
            on s.role_oid = v.role_oid
            and s.relation_oid = v.relation_oid
            and s.command = v.command
        inner join policy as o on o.policy_oid = v.policy_oid
        where v.permissive
            and v.scoped in ('no', 'unproven')
            and s.scoped in ('no', 'unproven')
            and s.granted
            -- Nobody acts as the owner of a door: what it opens is said of the view or function.
            and v.role_kind <> 'door'
        group by
            v.policy_oid, v.identity, v.relation_oid, v.role_oid, v.role_name, v.role_kind, v.scoped, v.source, v.part, v.explicit,
            v.code, v.policy_command, o.role_oids
    ) as b
    inner join relation as r on r.relation_oid = b.relation_oid and r.rls_enabled
    order by
        b.policy_oid,
        b.role_kind = 'self' desc,
        b.scoped = 'no' desc,
        -- What is wrong for reading is said first.
        b.part = 'using' desc
),
-- Relations, with what their policies come to.
judged_relation as materialized (
    select
        r.*,
        coalesce(p.policies_n, 0) as policies_n,
        exists (
            select
            from ancestry as y
            inner join relation as parent on parent.relation_oid = y.ancestor_oid
            where y.relation_oid = r.relation_oid
                and (parent.rls_enabled or r.is_partition)
                and parent.kind = 'tenant'
        ) as child_of_protected,
        pg_catalog.format(
            '%I = (select %s)',
            coalesce(r.tenant_column, a.tenant_column),
            coalesce(
                (
                    select f.qualified_name || '()'
                    from tenant_function as f
                    where f.unset_closed
                        and f.volatility = 's'
                    order by f.qualified_name = 'tenancy.current_tenant_id' desc, f.qualified_name
                    limit 1
                ),
                pg_catalog.format('nullif(current_setting(%L, true), '''')::%s', a.setting, a.setting_type)
            )
        ) as sound_expression
    from relation as r
    cross join app as a
    left join (
        select
            p.relation_oid,
            pg_catalog.count(*) as policies_n
        from policy as p
        group by p.relation_oid
    ) as p on p.relation_oid = r.relation_oid
),
-- Who reaches a relation, in words: the request role and the roles that it may act as, but for what these own.
who as materialized (
    select
        g.relation_oid,
        pg_catalog.string_agg(pg_catalog.quote_ident(g.role_name), ', ' order by g.role_kind desc, g.role_name) as names,
        pg_catalog.string_agg(
            pg_catalog.format('%I: %s', g.role_name, g.rights),
            '; '
            order by g.role_kind desc, g.role_name
        ) as rights
    from access as g
    inner join relation as r on r.relation_oid = g.relation_oid
    where g.role_kind <> 'door'
        and (g.role_kind = 'self' or g.role_oid <> r.owner_oid)
        and g.reach
    group by g.relation_oid
),
-- What takes these rights away: they may be PUBLIC's, a group's, or of single columns only.
revocation as materialized (
    select
        w.relation_oid,
        pg_catalog.format(
            'revoke all on %s from %s;',
            r.identity,
            coalesce(
                (
                    select pg_catalog.string_agg(distinct g.grantee_name, ', ')
                    from (
                        select x.grantee
                        from pg_catalog.aclexplode(c.relacl) as x
                        union
                        select x.grantee
                        from pg_catalog.pg_attribute as t
                        cross join lateral pg_catalog.aclexplode(t.attacl) as x
                        where t.attrelid = c.oid
                            and t.attacl is not null
                    ) as x
                    cross join lateral (
                        select
                            case
                                when x.grantee = 0 then 'public'
                                else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(x.grantee))
                            end as grantee_name
                    ) as g
                    where x.grantee = 0
                        or x.grantee <> c.relowner
                        and exists (
                            select
                            from acting_role as a
                            where pg_catalog.pg_has_role(a.role_oid, x.grantee, 'USAGE')
                        )
                ),
                w.names
            )
        ) as fix,
        -- Else it comes of a predefined role, or of being a superuser.
        c.relacl is not null as granted
    from who as w
    inner join relation as r on r.relation_oid = w.relation_oid
    inner join pg_catalog.pg_class as c on c.oid = w.relation_oid
    -- The rules that ask for it are about these.
    where not r.is_tenant
        or r.relation_kind in ('m', 'f')
        or not r.rls_enabled
)
