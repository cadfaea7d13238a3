-- What every rule of the audit, and every view of it, selects from.
--
-- A list of common table expressions, computed once for all rules. They read pg_catalog and the contract, and nothing
-- else: no row of any table, and no text of an expression is ever executed (only recognised). {{contract}} stands for the
-- contract as jsonb: who the request role is, which setting names the tenant, what each relation was declared to be.
-- Run under an empty search_path, so that Postgres writes every name in full. The same text runs on PostgreSQL 15 to 18.
--
-- Names of objects are texts here, quoted where they must be: schema.table, schema.table/policy, schema.function(types).

with recursive
-- The contract, taken apart. One row, or none where the role does not exist: TN109 says so.
contract as materialized (
    select c.contract
    from (select {{contract}}) as c (contract)
),
app as materialized (
    select
        r.oid as role_oid,
        r.rolname as role_name,
        r.rolsuper as superuser,
        r.rolbypassrls as bypass_rls,
        r.rolreplication as replication,
        r.rolcreaterole as create_role,
        r.rolinherit as inherits,
        c.contract ->> 'setting' as setting,
        coalesce(c.contract ->> 'type', 'uuid') as setting_type,
        coalesce((c.contract ->> 'strict')::pg_catalog.bool, false) as strict,
        coalesce(c.contract ->> 'tenant_column', 'tenant_id') as tenant_column,
        -- What lets a member act as a role: SET ROLE, where 16 and later know it apart from mere membership.
        case
            when pg_catalog.current_setting('server_version_num')::pg_catalog.int4 >= 160000 then 'SET'
            else 'MEMBER'
        end as become_mode
    from contract as c
    inner join pg_catalog.pg_roles as r on r.rolname = c.contract ->> 'role'
),
-- The schemas that are looked at: the system's own are left out here, and nowhere else.
namespace as materialized (
    select
        n.oid as namespace_oid,
        n.nspname as namespace_name,
        n.nspowner as owner_oid,
        pg_catalog.quote_ident(n.nspname) as identity
    from pg_catalog.pg_namespace as n
    where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
        and n.nspname !~ '^pg_(temp|toast_temp)_'
),
-- Every other role that the request role inherits from, may become, or may grant itself.
role_reach as materialized (
    select
        r.oid as role_oid,
        r.rolname as role_name,
        r.rolsuper as superuser,
        r.rolbypassrls as bypass_rls,
        r.rolreplication as replication,
        r.rolcreaterole as create_role,
        r.rolname ~ '^pg_' as predefined,
        reach.inherited,
        reach.becomes,
        reach.administers
    from app as a
    inner join pg_catalog.pg_roles as r on r.oid <> a.role_oid
    cross join lateral (
        select
            pg_catalog.pg_has_role(a.role_oid, r.oid, 'USAGE') as inherited,
            pg_catalog.pg_has_role(a.role_oid, r.oid, a.become_mode) as becomes,
            pg_catalog.pg_has_role(a.role_oid, r.oid, 'MEMBER WITH ADMIN OPTION') as administers
    ) as reach
    -- A superuser is a member of everything, which TN101 says once.
    where not a.superuser
        and (reach.inherited or reach.becomes or reach.administers)
),
-- What was declared of relations: the contract first, then the comment on the relation, as in `@tenant(tenant_id)`.
declaration as materialized (
    select distinct on (d.relation)
        d.relation,
        d.kind,
        d.tenant_column
    from contract as c
    cross join lateral pg_catalog.jsonb_to_recordset(
        case
            when pg_catalog.jsonb_typeof(c.contract -> 'relations') = 'array' then c.contract -> 'relations'
            else '[]'
        end
    ) as d (relation pg_catalog.text, kind pg_catalog.text, tenant_column pg_catalog.text)
    order by d.relation, d.kind
),
-- Who inherits from whom: partitions and children, each with every ancestor.
ancestry (relation_oid, ancestor_oid, depth) as (
    select
        i.inhrelid,
        i.inhparent,
        1
    from pg_catalog.pg_inherits as i
    union
    select
        y.relation_oid,
        i.inhparent,
        y.depth + 1
    from ancestry as y
    inner join pg_catalog.pg_inherits as i on i.inhrelid = y.ancestor_oid
    where y.depth < 32
),
declared_relation as materialized (
    select
        c.oid as relation_oid,
        pg_catalog.format('%I.%I', n.namespace_name, c.relname) as identity,
        n.namespace_oid,
        n.namespace_name,
        c.relname as relation_name,
        c.relkind as relation_kind,
        c.relowner as owner_oid,
        c.relrowsecurity as rls_enabled,
        c.relforcerowsecurity as rls_forced,
        c.relispartition as is_partition,
        c.reloptions as options,
        coalesce(d.kind, remark.kind) as kind,
        coalesce(d.tenant_column, case when d.kind is null then remark.tenant_column end) as tenant_column,
        case
            when d.kind is not null then 'contract'
            when remark.kind is not null then 'comment'
        end as declared_by,
        exists (
            select
            from pg_catalog.pg_depend as e
            where e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                and e.objid = c.oid
                and e.deptype = 'e'
        ) as of_extension
    from pg_catalog.pg_class as c
    inner join namespace as n on n.namespace_oid = c.relnamespace
    left join declaration as d on d.relation = pg_catalog.format('%I.%I', n.namespace_name, c.relname)
    cross join lateral (
        select
            (pg_catalog.regexp_match(x.comment, '@(tenant|global|internal)\M'))[1] as kind,
            (pg_catalog.regexp_match(x.comment, '@tenant\s*\(\s*"?([^")]+?)"?\s*\)'))[1] as tenant_column
        from (select pg_catalog.obj_description(c.oid, 'pg_class')) as x (comment)
    ) as remark
    where c.relkind in ('r', 'p', 'v', 'm', 'f')
),
-- What the nearest declared ancestor was declared to be.
inherited_declaration as materialized (
    select distinct on (y.relation_oid)
        y.relation_oid,
        p.kind,
        p.tenant_column
    from ancestry as y
    inner join declared_relation as p on p.relation_oid = y.ancestor_oid
    where p.kind is not null
    order by
        y.relation_oid,
        y.depth
),
-- Each relation with its kind. What nobody declared is what its nearest declared ancestor is, else a tenant relation where
-- it has the column that tenant relations have, else unclassified (null).
relation as materialized (
    select
        r.relation_oid,
        r.identity,
        r.namespace_oid,
        r.namespace_name,
        r.relation_name,
        r.relation_kind,
        r.owner_oid,
        owner.rolname as owner_name,
        owner.rolsuper or owner.rolbypassrls as owner_bypasses,
        r.rls_enabled,
        r.rls_forced,
        r.is_partition,
        r.of_extension,
        coalesce(
            (
                select o.option_value in ('true', 'on', 'yes', '1')
                from pg_catalog.pg_options_to_table(r.options) as o
                where o.option_name = 'security_invoker'
            ),
            false
        ) as security_invoker,
        decided.kind,
        -- As a boolean too: of a comparison with a text the planner believes that nearly nothing passes it.
        decided.kind is not distinct from 'tenant' as is_tenant,
        decided.declared_by,
        tenant.attname as tenant_column,
        tenant.attnum as tenant_attnum,
        tenant.atttypid as tenant_type_oid,
        coalesce(tenant.attnotnull, false) as tenant_not_null,
        case when decided.kind = 'tenant' then decided.tenant_column end as tenant_column_declared,
        -- A column of a nondeterministic collation calls equal what is not the same.
        coalesce(tenant.attcollation, 0) = 0
            or exists (
                select
                from pg_catalog.pg_collation as l
                where l.oid = tenant.attcollation
                    and l.collisdeterministic
            ) as tenant_compares_exactly
    from declared_relation as r
    cross join app as a
    inner join pg_catalog.pg_roles as owner on owner.oid = r.owner_oid
    left join inherited_declaration as inherited
        on r.kind is null
        and inherited.relation_oid = r.relation_oid
    left join pg_catalog.pg_attribute as usual
        on r.kind is null
        and inherited.kind is null
        and not r.of_extension
        and r.relation_kind in ('r', 'p')
        and usual.attrelid = r.relation_oid
        and usual.attname = a.tenant_column
        and usual.attnum > 0
        and not usual.attisdropped
    cross join lateral (
        select
            coalesce(r.kind, inherited.kind, case when usual.attname is not null then 'tenant' end) as kind,
            coalesce(r.tenant_column, inherited.tenant_column, a.tenant_column) as tenant_column,
            case
                when r.kind is not null then r.declared_by
                when inherited.kind is not null then 'parent'
                when usual.attname is not null then 'column'
            end as declared_by
    ) as decided
    left join pg_catalog.pg_attribute as tenant
        on decided.kind = 'tenant'
        and tenant.attrelid = r.relation_oid
        and tenant.attname = decided.tenant_column
        and tenant.attnum > 0
        and not tenant.attisdropped
),
-- What views and materialized views read, through views of any depth.
direct_read as materialized (
    select distinct
        w.ev_class as relation_oid,
        d.refobjid as reads_oid
    from pg_catalog.pg_rewrite as w
    inner join relation as r on r.relation_oid = w.ev_class and r.relation_kind in ('v', 'm')
    inner join pg_catalog.pg_depend as d
        on d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
        and d.objid = w.oid
        and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
        and d.refobjid <> w.ev_class
),
reads (relation_oid, reads_oid) as (
    select
        d.relation_oid,
        d.reads_oid
    from direct_read as d
    union
    select
        r.relation_oid,
        d.reads_oid
    from reads as r
    inner join direct_read as d on d.relation_oid = r.reads_oid
),
-- Functions and procedures of the schemas that are looked at, with the text that Postgres keeps of the body.
routine as materialized (
    select
        p.oid as function_oid,
        pg_catalog.format('%I.%I(%s)', n.namespace_name, p.proname, pg_catalog.oidvectortypes(p.proargtypes)) as identity,
        pg_catalog.format('%I.%I', n.namespace_name, p.proname) as qualified_name,
        p.pronargs as arguments_n,
        p.proowner as owner_oid,
        owner.rolname as owner_name,
        l.lanname as language_name,
        p.prosecdef as security_definer,
        p.provolatile as volatility,
        p.proparallel as parallel,
        p.proleakproof as leakproof,
        p.proconfig as config,
        p.prorettype as return_type_oid,
        p.prosqlbody is not null as body_is_bound,
        coalesce(pg_catalog.pg_get_function_sqlbody(p.oid), p.prosrc) as body,
        pg_catalog.has_function_privilege(a.role_oid, p.oid, 'EXECUTE')
            and pg_catalog.has_schema_privilege(a.role_oid, n.namespace_oid, 'USAGE') as reach,
        exists (
            select
            from pg_catalog.unnest(p.proconfig) as s (setting)
            where s.setting ~ '^search_path='
        ) as search_path_fixed,
        case
            when e.objid is null and p.prokind in ('f', 'p') then pg_catalog.pg_get_functiondef(p.oid)
        end as definition,
        e.objid is not null as of_extension
    from pg_catalog.pg_proc as p
    inner join namespace as n on n.namespace_oid = p.pronamespace
    inner join pg_catalog.pg_language as l on l.oid = p.prolang
    inner join pg_catalog.pg_roles as owner on owner.oid = p.proowner
    cross join app as a
    left join pg_catalog.pg_depend as e
        on e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
        and e.objid = p.oid
        and e.deptype = 'e'
),
-- Functions that somebody vouches for, each pinned by the md5 of its definition (pg_get_functiondef under an empty search_path).
trusted_function as materialized (
    select distinct on (t.function)
        t.function as identity,
        t.md5
    from contract as c
    cross join lateral pg_catalog.jsonb_to_recordset(
        case
            when pg_catalog.jsonb_typeof(c.contract -> 'trusted_functions') = 'array' then c.contract -> 'trusted_functions'
            else '[]'
        end
    ) as t (function pg_catalog.text, md5 pg_catalog.text)
    order by t.function, t.md5
),
-- Functions without arguments that return the tenant of the request: vouched for and unchanged, or with a body that is
-- nothing but the setting. IMMUTABLE ones never (a prepared statement would keep the first tenant), nor those with a SET
-- clause of anything but the search_path.
tenant_function as materialized (
    select
        r.function_oid,
        r.qualified_name,
        r.volatility,
        bare.expression ~ '^nullif' as unset_closed
    from routine as r
    cross join app as a
    left join trusted_function as t on t.identity = r.identity
    cross join lateral (
        select
            pg_catalog.regexp_replace(
                pg_catalog.regexp_replace(
                    -- Blanks, parentheses and casts to text say nothing here: what is left is compared whole.
                    pg_catalog.regexp_replace(pg_catalog.lower(r.body), '[\s()]|pg_catalog\.|::text\M', '', 'g'),
                    '^(begin)?(select|return)',
                    ''
                ),
                ';*(end;*)?$',
                ''
            ) as expression
    ) as bare
    where r.arguments_n = 0
        and r.volatility <> 'i'
        and not exists (
            select
            from pg_catalog.unnest(r.config) as s (setting)
            where s.setting !~ '^search_path='
        )
        and case
            when t.identity is not null then t.md5 = pg_catalog.md5(r.definition)
            else
                r.language_name in ('sql', 'plpgsql')
                and bare.expression = any (
                    array[
                        pg_catalog.format('nullifcurrent_setting%L,true,''''', pg_catalog.lower(a.setting)),
                        pg_catalog.format('nullifcurrent_setting%L,true,''''::uuid', pg_catalog.lower(a.setting)),
                        pg_catalog.format('nullifcurrent_setting%L,true,''''::integer', pg_catalog.lower(a.setting)),
                        pg_catalog.format('nullifcurrent_setting%L,true,''''::int', pg_catalog.lower(a.setting)),
                        pg_catalog.format('nullifcurrent_setting%L,true,''''::bigint', pg_catalog.lower(a.setting)),
                        pg_catalog.format('current_setting%L,true', pg_catalog.lower(a.setting)),
                        pg_catalog.format('current_setting%L,true::uuid', pg_catalog.lower(a.setting)),
                        pg_catalog.format('current_setting%L', pg_catalog.lower(a.setting)),
                        pg_catalog.format('current_setting%L::uuid', pg_catalog.lower(a.setting))
                    ]
                )
        end
)
,
-- The roles whose view of the tables matters: the request role, those that it may act as, and the owners of doors (views
-- and functions that it may use and that run as their owner). Those whom no policy binds are left to rules of their own.
actor as materialized (
    select
        a.role_oid,
        a.role_name,
        'self' as role_kind
    from app as a
    union
    select
        r.role_oid,
        r.role_name,
        'become'
    from role_reach as r
    where not (r.superuser or r.bypass_rls or r.predefined)
    union
    select
        owner.oid,
        owner.rolname,
        'door'
    from app as a
    inner join pg_catalog.pg_roles as owner on owner.oid <> a.role_oid
    where not (owner.rolsuper or owner.rolbypassrls)
        and not exists (
            select
            from role_reach as r
            where r.role_oid = owner.oid
        )
        and (
            owner.oid in (
                select f.owner_oid
                from routine as f
                where f.security_definer
                    -- What somebody vouches for opens nothing.
                    and not exists (
                        select
                        from trusted_function as t
                        where t.identity = f.identity
                            and t.md5 = pg_catalog.md5(f.definition)
                    )
                    -- Firing a trigger needs no right to its function.
                    and (
                        f.reach
                        or f.function_oid in (
                            select g.tgfoid
                            from pg_catalog.pg_trigger as g
                            where not g.tgisinternal
                        )
                    )
            )
            or owner.oid in (
                select v.owner_oid
                from pg_catalog.pg_rewrite as w
                inner join relation as v on v.relation_oid = w.ev_class
                where w.rulename <> '_RETURN'
            )
            or owner.oid in (
                select v.owner_oid
                from relation as v
                where v.relation_kind in ('v', 'm')
                    and not v.security_invoker
                    and pg_catalog.has_schema_privilege(a.role_oid, v.namespace_oid, 'USAGE')
                    and pg_catalog.has_any_column_privilege(a.role_oid, v.relation_oid, 'SELECT, INSERT, UPDATE')
            )
        )
),
-- What each of them may do with each relation: effective rights, so those of PUBLIC, of groups that are inherited, of
-- single columns and of predefined roles count.
access as materialized (
    select
        k.role_oid,
        k.role_name,
        k.role_kind,
        r.relation_oid,
        k.uses_schema
            and (
                may.selects or may.inserts or may.updates or may.deletes or may.truncates or may.triggers
                or may.refers
            ) as reach,
        k.uses_schema and may.selects as may_select,
        k.uses_schema and may.inserts as may_insert,
        k.uses_schema and may.updates as may_update,
        k.uses_schema and may.deletes as may_delete,
        k.uses_schema and may.truncates as may_truncate,
        k.uses_schema and may.triggers as may_trigger,
        k.uses_schema and may.refers as may_reference,
        pg_catalog.concat_ws(
            ', ',
            case when may.selects then 'select' end,
            case when may.inserts then 'insert' end,
            case when may.updates then 'update' end,
            case when may.deletes then 'delete' end,
            case when may.truncates then 'truncate' end,
            case when may.triggers then 'trigger' end,
            case when may.refers then 'references' end
        ) as rights
    from (
        select
            k.role_oid,
            k.role_name,
            k.role_kind,
            n.namespace_oid,
            pg_catalog.has_schema_privilege(k.role_oid, n.namespace_oid, 'USAGE') as uses_schema
        from actor as k
        cross join namespace as n
    ) as k
    inner join relation as r on r.namespace_oid = k.namespace_oid
    cross join lateral (
        select
            pg_catalog.has_any_column_privilege(k.role_oid, r.relation_oid, 'SELECT') as selects,
            pg_catalog.has_any_column_privilege(k.role_oid, r.relation_oid, 'INSERT') as inserts,
            pg_catalog.has_any_column_privilege(k.role_oid, r.relation_oid, 'UPDATE') as updates,
            pg_catalog.has_table_privilege(k.role_oid, r.relation_oid, 'DELETE') as deletes,
            pg_catalog.has_table_privilege(k.role_oid, r.relation_oid, 'TRUNCATE') as truncates,
            pg_catalog.has_table_privilege(k.role_oid, r.relation_oid, 'TRIGGER') as triggers,
            pg_catalog.has_any_column_privilege(k.role_oid, r.relation_oid, 'REFERENCES') as refers
    ) as may
),
-- What policies use, as Postgres noted it: no text needs to be read for that.
policy_dependency as materialized (
    select distinct
        d.objid as policy_oid,
        d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass as is_function,
        d.refobjid as used_oid,
        d.refobjsubid as used_attnum
    from pg_catalog.pg_depend as d
    where d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass
        and d.refclassid in (
            'pg_catalog.pg_class'::pg_catalog.regclass,
            'pg_catalog.pg_proc'::pg_catalog.regclass
        )
),
policy as materialized (
    select
        p.oid as policy_oid,
        p.polrelid as relation_oid,
        r.identity as relation,
        pg_catalog.format('%s/%I', r.identity, p.polname) as identity,
        p.polname as policy_name,
        p.polcmd as command,
        case p.polcmd
            when 'r' then 'SELECT'
            when 'a' then 'INSERT'
            when 'w' then 'UPDATE'
            when 'd' then 'DELETE'
            else 'ALL'
        end as command_name,
        p.polpermissive as permissive,
        p.polroles as role_oids,
        (
            select pg_catalog.string_agg(
                case when x.role_oid = 0 then 'public' else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(x.role_oid)) end,
                ', '
                order by x.at
            )
            from pg_catalog.unnest(p.polroles) with ordinality as x (role_oid, at)
        ) as roles,
        pg_catalog.pg_get_expr(p.polqual, p.polrelid) as using_text,
        pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) as check_text,
        uses.own_attnums,
        uses.relation_oids as used_relation_oids,
        uses.function_oids as used_function_oids
    from pg_catalog.pg_policy as p
    inner join relation as r on r.relation_oid = p.polrelid
    left join (
        select
            d.policy_oid,
            pg_catalog.array_agg(d.used_attnum) filter (
                where not d.is_function and d.used_oid = o.polrelid and d.used_attnum <> 0
            ) as own_attnums,
            pg_catalog.array_agg(distinct d.used_oid) filter (where not d.is_function and d.used_oid <> o.polrelid)
                as relation_oids,
            pg_catalog.array_agg(distinct d.used_oid) filter (where d.is_function) as function_oids
        from policy_dependency as d
        inner join pg_catalog.pg_policy as o on o.oid = d.policy_oid
        group by d.policy_oid
    ) as uses on uses.policy_oid = p.oid
),
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
        v.named_text,
        v.raises,
        v.per_row,
        v.odd,
        coalesce(r.reduced, v.text) as reduced,
        coalesce(r.scoped, false) as scoped_by_itself,
        l.asked_oid,
        coalesce(lr.scoped, false) as scoped_by_lookup
    from valued as v
    left join reduced as r on r.text = v.text and not v.odd
    left join lookup as l on l.policy_oid = v.policy_oid and l.part = v.part and not v.odd
    left join reduced as lr on lr.text = l.text
    -- USING decides what a new row may be, too, where there is no WITH CHECK.
    cross join lateral (
        values
            (v.part, true, true),
            ('check', false, v.decides_both)
    ) as decides (part, explicit, is_so)
    where decides.is_so
),
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
-- Tables whose rows a role sees as the tenant's only, judged without look-ups in other tables.
sound_for_reading as materialized (
    select
        b.role_oid,
        b.relation_oid
    from binding as b
    inner join policy as p on p.policy_oid = b.policy_oid
    left join reading as g on g.policy_oid = p.policy_oid and g.is_using
    where p.command in ('r', '*')
    group by b.role_oid, b.relation_oid
    having
        pg_catalog.bool_or(not p.permissive and coalesce(g.scoped_by_itself, false))
        or pg_catalog.bool_and(not p.permissive or coalesce(g.scoped_by_itself, true))
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
            when g.scoped_by_itself then 'yes'
            when g.scoped_by_lookup and s.relation_oid is not null then 'yes'
            when why.code = 'TN319' then 'unproven'
            else 'no'
        end as scoped,
        case
            when g.scoped_by_itself or (g.scoped_by_lookup and s.relation_oid is not null) then null
            else why.code
        end as code,
        case
            when g.raises then 'raises'
            when g.scoped_by_itself or (g.scoped_by_lookup and s.relation_oid is not null) then 'closed'
            when why.code in ('TN301', 'TN306') then 'open'
            else 'unknown'
        end as unset_behaviour,
        case
            when uses.volatile_n > 0 then 'volatile'
            when g.per_row then 'per row'
            else 'initplan'
        end as cost,
        g.raises,
        g.reduced
    from reading as g
    inner join policy as p on p.policy_oid = g.policy_oid
    inner join relation as r on r.relation_oid = g.relation_oid
    inner join binding as b on b.policy_oid = g.policy_oid
    left join sound_for_reading as s on s.role_oid = b.role_oid and s.relation_oid = g.asked_oid
    cross join lateral (
        select
            pg_catalog.count(*) filter (where f.volatility = 'v') as volatile_n,
            -- IMMUTABLE, and yet it reads a setting or a table.
            pg_catalog.count(*) filter (
                where f.volatility = 'i'
                    and f.body ~* 'current_setting\s*\(|\m(from|join)\s+[\w"]'
            ) as immutable_n,
            pg_catalog.count(*) filter (
                where f.language_name not in ('c', 'internal')
                    and f.body ~* 'set_config\s*\(|\mcreate\s+(local\s+|global\s+)?temp|\mset\s+(session\s+)?[\w."]+\s*(=|to)\M'
            ) as stateful_n,
            pg_catalog.count(*) filter (
                where f.language_name not in ('c', 'internal')
                    and not f.search_path_fixed
                    and not f.body_is_bound
                    and f.body ~* '\m(from|join|into|update)\s+(only\s+)?"?[\w]+"?(?!["\w.(])'
            ) as loose_n,
            pg_catalog.count(*) filter (
                where not exists (
                    select
                    from tenant_function as t
                    where t.function_oid = f.function_oid
                )
            ) as unknown_n
        from routine as f
        where f.function_oid = any (p.used_function_oids)
    ) as uses
    cross join lateral (
        select
            exists (
                select
                from relation as d
                left join access as x on x.relation_oid = d.relation_oid and x.role_oid = b.role_oid
                where d.relation_oid = any (p.used_relation_oids)
                    and coalesce(x.may_insert or x.may_update, false)
                    and not exists (
                        select
                        from sound_for_reading as s
                        where s.relation_oid = d.relation_oid
                            and s.role_oid = b.role_oid
                    )
                union all
                select
                from relation as d
                where d.relation_oid = any (p.used_relation_oids)
                    and d.kind = 'tenant'
                    and not d.rls_enabled
            ) as unprotected
    ) as asks
    cross join lateral (
        select
            case
                when g.odd then 'TN319'
                when uses.immutable_n > 0 then 'TN315'
                when uses.stateful_n > 0 then 'TN317'
                when uses.loose_n > 0 then 'TN316'
                when asks.unprotected then 'TN314'
                when g.reduced ~ '(?:^|[(\[ ])(\{t\}|[\w."]+) = \1(?![\w."])' then 'TN305'
                when g.reduced ~ '(?:^|\[| OR )\[*true\]*(?:$|\]| OR )' and g.reduced !~ ' AND |NOT |\mCASE\M' then 'TN301'
                when g.named_text ~ ' FROM ' and p.own_attnums is null then 'TN305'
                when g.reduced ~ '(?:\{T\}|COALESCE\[\{T\}[^\]]*\]) (?:IS NULL|= '''')'
                    or g.reduced ~ '\{t\} = COALESCE\[|COALESCE\[[^\]]*\] = \{t\}'
                    or g.reduced ~ 'NOT \[(?:\{t\} IS DISTINCT FROM \{T\}|\{T\} IS DISTINCT FROM \{t\})'
                    then 'TN306'
                when g.reduced ~ '(?:\{t\} = \{O\}|\{O\} = \{t\})' and g.reduced !~ '\{[TY]\}' then 'TN313'
                when g.reduced ~ '\{O\}' then 'TN310'
                when g.reduced ~ '\m(?:CURRENT_USER|SESSION_USER|CURRENT_ROLE|USER)\M' and g.reduced !~ '"(?:current_user|session_user)"'
                    then 'TN311'
                when g.reduced ~ '(?<!\{t\}) = \{T\}|\{T\} = (?!\{t\})' and g.reduced !~ '\{Y\}'
                    and g.reduced !~ '\{t\}\S* (?:~|<|>|!)' then 'TN304'
                when g.reduced ~ '\{t\}' and g.reduced ~ '\{T\}'
                    and g.reduced ~ '(?: (?:<>|!=|<|>|<=|>=|!?~{1,2}\*?|~<=~|\^@) |starts_with\[|OPERATOR\[| COLLATE |\[\{t\}\]::)'
                    then 'TN312'
                when uses.unknown_n > 0 then 'TN319'
                when g.reduced ~ '\{Y\}' and g.reduced ~ ' OR |\mCASE\M' then 'TN303'
                when g.reduced ~ '\mOR\M' and g.reduced ~ '\{t\}' and g.reduced ~ '\{T\}' then 'TN303'
                when g.reduced !~ '\{t\}' or g.reduced !~ '\{T\}' and g.reduced !~ ' FROM ' then 'TN302'
                else 'TN319'
            end as code
    ) as why
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
                when v.code in ('TN301', 'TN302', 'TN303') and v.part = 'check' and v.explicit then 'TN307'
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
        where v.permissive
            and v.scoped in ('no', 'unproven')
            and s.scoped in ('no', 'unproven')
            and s.granted
        group by
            v.policy_oid, v.identity, v.relation_oid, v.role_name, v.role_kind, v.scoped, v.source, v.part, v.explicit,
            v.code, v.policy_command
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
)
