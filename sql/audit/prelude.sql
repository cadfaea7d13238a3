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
            -- A word of its own: an address like data@global.example declares nothing.
            (pg_catalog.regexp_match(x.comment, '(?:^|\s)@(tenant|global|internal)\M(?![.-]\w)'))[1] as kind,
            (pg_catalog.regexp_match(x.comment, '(?:^|\s)@tenant\s*\(\s*"?([^")]+?)"?\s*\)'))[1] as tenant_column
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
-- Functions that requests run without naming them, so without a right to their schema: `named` by a view, an operator, a
-- cast, a default, a check or the bound body of a function, where the right to execute is asked of the caller; `aggregated` by an aggregate,
-- where it is asked of the aggregate's owner.
implied_call as materialized (
    select
        d.refobjid as function_oid,
        pg_catalog.bool_or(caller.named) as named,
        pg_catalog.bool_or(caller.aggregated) as aggregated
    from pg_catalog.pg_depend as d
    cross join lateral (
        select
            true as named,
            false as aggregated
        from pg_catalog.pg_rewrite as w
        inner join pg_catalog.pg_class as c on c.oid = w.ev_class
        inner join acting_role as r
            on pg_catalog.has_schema_privilege(r.role_oid, c.relnamespace, 'USAGE')
            and (
                pg_catalog.has_any_column_privilege(r.role_oid, c.oid, 'SELECT, INSERT, UPDATE')
                or pg_catalog.has_table_privilege(r.role_oid, c.oid, 'DELETE')
            )
        where d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
            and w.oid = d.objid
        union all
        select
            true,
            false
        from pg_catalog.pg_attrdef as f
        inner join pg_catalog.pg_class as c on c.oid = f.adrelid
        inner join acting_role as r
            on pg_catalog.has_schema_privilege(r.role_oid, c.relnamespace, 'USAGE')
            and pg_catalog.has_any_column_privilege(r.role_oid, c.oid, 'INSERT, UPDATE')
        where d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
            and f.oid = d.objid
        union all
        select
            true,
            false
        from pg_catalog.pg_constraint as k
        left join pg_catalog.pg_class as c on c.oid = k.conrelid
        left join pg_catalog.pg_type as t on t.oid = k.contypid
        inner join acting_role as r
            on pg_catalog.has_schema_privilege(r.role_oid, coalesce(c.relnamespace, t.typnamespace), 'USAGE')
            and coalesce(pg_catalog.has_any_column_privilege(r.role_oid, c.oid, 'INSERT, UPDATE'), true)
        where d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass
            and k.oid = d.objid
            and k.contype = 'c'
        union all
        select
            true,
            false
        from pg_catalog.pg_cast as k
        inner join pg_catalog.pg_type as f on f.oid = k.castsource
        inner join pg_catalog.pg_type as t on t.oid = k.casttarget
        inner join acting_role as r
            on pg_catalog.has_schema_privilege(r.role_oid, f.typnamespace, 'USAGE')
            and pg_catalog.has_schema_privilege(r.role_oid, t.typnamespace, 'USAGE')
        where d.classid = 'pg_catalog.pg_cast'::pg_catalog.regclass
            and k.oid = d.objid
        union all
        select
            true,
            false
        from pg_catalog.pg_operator as o
        inner join acting_role as r on pg_catalog.has_schema_privilege(r.role_oid, o.oprnamespace, 'USAGE')
        where d.classid = 'pg_catalog.pg_operator'::pg_catalog.regclass
            and o.oid = d.objid
        union all
        select
            g.prokind <> 'a',
            g.prokind = 'a' and pg_catalog.has_function_privilege(g.proowner, d.refobjid, 'EXECUTE')
        from pg_catalog.pg_proc as g
        inner join acting_role as r
            on pg_catalog.has_schema_privilege(r.role_oid, g.pronamespace, 'USAGE')
            and pg_catalog.has_function_privilege(r.role_oid, g.oid, 'EXECUTE')
        where d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
            and g.oid = d.objid
    ) as caller
    where d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
        -- Of functions of an extension nothing is judged.
        and d.deptype = 'n'
    group by d.refobjid
),
-- Functions and procedures of the schemas that are looked at, with the text that Postgres keeps of the body.
routine as materialized (
    select
        p.oid as function_oid,
        pg_catalog.format('%I.%I(%s)', n.namespace_name, p.proname, pg_catalog.oidvectortypes(p.proargtypes)) as identity,
        pg_catalog.format('%I.%I', n.namespace_name, p.proname) as qualified_name,
        p.proname as function_name,
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
        exists (
            select
            from acting_role as x
            where pg_catalog.has_function_privilege(x.role_oid, p.oid, 'EXECUTE')
                and (
                    pg_catalog.has_schema_privilege(x.role_oid, n.namespace_oid, 'USAGE')
                    or implied.named
                )
        )
        or coalesce(implied.aggregated, false) as reach,
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
    left join implied_call as implied on implied.function_oid = p.oid
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
                    pg_catalog.regexp_replace(
                        pg_catalog.regexp_replace(pg_catalog.lower(r.body), '--[^\n]*', '', 'g'),
                        '[\s()]|pg_catalog\.|::text\M',
                        '',
                        'g'
                    ),
                    '^(begin(atomic)?)?(select|return)',
                    ''
                ),
                -- In a bound body Postgres names the column.
                '(as"?(nullif|current_setting)"?)?;*(end;*)?$',
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
                    and exists (
                        select
                        from acting_role as x
                        where pg_catalog.has_schema_privilege(x.role_oid, v.namespace_oid, 'USAGE')
                            and (
                                pg_catalog.has_any_column_privilege(x.role_oid, v.relation_oid, 'SELECT, INSERT, UPDATE')
                                or pg_catalog.has_table_privilege(x.role_oid, v.relation_oid, 'DELETE')
                            )
                    )
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
)
