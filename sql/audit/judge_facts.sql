,
-- What the exact judge must know of the catalog, behind the facts of the prelude.
domain_base (type_oid, base_oid) as (
    select
        t.oid,
        t.typbasetype
    from pg_catalog.pg_type as t
    where t.typtype = 'd'
    union
    select
        d.type_oid,
        t.typbasetype
    from domain_base as d
    inner join pg_catalog.pg_type as t
        on t.oid = d.base_oid
        and t.typtype = 'd'
),
-- Each domain with what it is made of in the end.
base_type as materialized (
    select
        d.type_oid,
        d.base_oid
    from domain_base as d
    inner join pg_catalog.pg_type as t
        on t.oid = d.base_oid
        and t.typtype <> 'd'
),
-- The comparisons of btree in pg_catalog.
comparison as materialized (
    select
        m.amopfamily as family_oid,
        m.amoplefttype as left_type_oid,
        m.amoprighttype as right_type_oid,
        m.amopstrategy as strategy,
        o.oid as operator_oid,
        o.oprnegate as negation_oid
    from pg_catalog.pg_amop as m
    inner join pg_catalog.pg_am as y
        on y.oid = m.amopmethod
        and y.amname = 'btree'
    inner join pg_catalog.pg_opfamily as f
        on f.oid = m.amopfamily
        and f.opfnamespace = 'pg_catalog'::pg_catalog.regnamespace
    inner join pg_catalog.pg_operator as o
        on o.oid = m.amopopr
        and o.oprnamespace = 'pg_catalog'::pg_catalog.regnamespace
)
select
    pg_catalog.jsonb_build_object(
        'setting', coalesce((select a.setting from app as a), ''),
        'setting_type', (select pg_catalog.to_regtype(a.setting_type)::pg_catalog.oid::pg_catalog.int8 from app as a),
        'relations', (
            select
                coalesce(
                    pg_catalog.jsonb_agg(
                        pg_catalog.jsonb_build_object(
                            'oid', r.relation_oid::pg_catalog.int8,
                            'tenant_attnum', r.tenant_attnum,
                            'tenant_type', coalesce(b.base_oid, r.tenant_type_oid, 0)::pg_catalog.int8,
                            'tenant_is_enum', coalesce(t.typtype = 'e', false),
                            -- A child may have lost the constraint; a partition may not.
                            'tenant_may_be_null', not r.tenant_not_null or children.relation_oid is not null,
                            'may_be_asked',
                            r.relation_kind in ('r', 'p')
                            and r.rls_enabled
                            and r.tenant_compares_exactly
                            and r.tenant_column is not null
                        )
                    ),
                    '[]'
                )
            from relation as r
            left join base_type as b on b.type_oid = r.tenant_type_oid
            left join pg_catalog.pg_type as t on t.oid = r.tenant_type_oid
            left join (
                select distinct i.inhparent as relation_oid
                from pg_catalog.pg_inherits as i
                inner join pg_catalog.pg_class as c
                    on c.oid = i.inhrelid
                    and not c.relispartition
            ) as children on children.relation_oid = r.relation_oid
            where r.is_tenant
                and r.relation_kind in ('r', 'p')
        ),
        'tenant_functions', (
            select
                coalesce(
                    pg_catalog.jsonb_agg(
                        pg_catalog.jsonb_build_object(
                            'oid', f.function_oid::pg_catalog.int8,
                            'return_type', coalesce(b.base_oid, r.return_type_oid)::pg_catalog.int8
                        )
                    ),
                    '[]'
                )
            from tenant_function as f
            inner join routine as r on r.function_oid = f.function_oid
            left join base_type as b on b.type_oid = r.return_type_oid
        ),
        'equality_operators', (
            select pg_catalog.jsonb_agg(distinct c.operator_oid::pg_catalog.int8)
            from comparison as c
            where c.strategy = 3
        ),
        'inequality_operators', (
            select pg_catalog.jsonb_agg(distinct c.negation_oid::pg_catalog.int8)
            from comparison as c
            where c.strategy = 3
                and c.negation_oid <> 0
        ),
        'bounds', (
            select
                pg_catalog.jsonb_agg(
                    distinct pg_catalog.jsonb_build_array(l.operator_oid::pg_catalog.int8, m.operator_oid::pg_catalog.int8)
                )
            from comparison as l
            inner join comparison as m
                on m.family_oid = l.family_oid
                and m.left_type_oid = l.left_type_oid
                and m.right_type_oid = l.right_type_oid
            where l.strategy = 4
                and m.strategy = 2
        ),
        'nondeterministic_collations', (
            select coalesce(pg_catalog.jsonb_agg(l.oid::pg_catalog.int8), '[]')
            from pg_catalog.pg_collation as l
            where not l.collisdeterministic
        ),
        'read_functions', pg_catalog.jsonb_build_array(
            'pg_catalog.current_setting(text)'::pg_catalog.regprocedure::pg_catalog.oid::pg_catalog.int8,
            'pg_catalog.current_setting(text, boolean)'::pg_catalog.regprocedure::pg_catalog.oid::pg_catalog.int8
        ),
        'write_functions', pg_catalog.jsonb_build_array(
            'pg_catalog.set_config(text, text, boolean)'::pg_catalog.regprocedure::pg_catalog.oid::pg_catalog.int8
        ),
        'lossy_functions', (
            select pg_catalog.jsonb_agg(p.oid::pg_catalog.int8)
            from pg_catalog.pg_proc as p
            where p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace
                and p.proname in (
                    'left', 'right', 'substr', 'substring', 'split_part', 'strpos', 'position', 'length', 'char_length',
                    'character_length', 'octet_length', 'abs', 'mod', 'hashtext', 'hashtextextended', 'uuid_hash', 'initcap',
                    'regexp_replace', 'regexp_substr', 'ascii'
                )
        )
    )::pg_catalog.text as facts
