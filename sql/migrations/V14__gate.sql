-- What the gate asks as the request role, which may not read the auditor's tables; and a declaration of many tables at once.
-- Run once by `rowhouse migrate`, as rowhouse_owner.

comment on table tenancy.relation is
    'What each relation is: tenant (rows belong to tenants), global (the same for all tenants) or internal (never '
    'served). A table that is declared neither here nor in its comment (@tenant(column), @global, @internal) is not served.';

create function tenancy.gate_contract(out contract jsonb, out functions oid[])
language sql
stable
security definer
set search_path = ''
as $$
    select
        c.contract || pg_catalog.jsonb_build_object(
            'waivers',
            (
                select coalesce(
                    pg_catalog.jsonb_agg(w.waiver || '{"reason": "", "by": null}' order by w.position),
                    '[]'
                )
                from pg_catalog.jsonb_array_elements(c.contract -> 'waivers') with ordinality as w (waiver, position)
            )
        ),
        (
            select coalesce(pg_catalog.array_agg(f.function::pg_catalog.oid order by f.function), '{}')
            from tenancy.function as f
        )
    from (select tenancy.contract()) as c (contract)
$$;
comment on function tenancy.gate_contract() is
    'What the service judges by before it serves: the contract of the audit, without what people said in waivers, and the '
    'functions that were declared.';
revoke all on function tenancy.gate_contract() from public;
grant execute on function tenancy.gate_contract() to rowhouse_app;

-- `$1` and so on, because the parameters have the names of the columns.
create function tenancy.declare_tenant_tables(schema regnamespace, reason text default 'Its rows belong to tenants.')
returns setof regclass
language plpgsql
set search_path = ''
as $$
#variable_conflict use_column
begin
    -- A dropped relation leaves its declaration behind, and its number may come back as another relation's.
    delete from tenancy.relation as r
    where not exists (
        select
        from pg_catalog.pg_class as c
        where c.oid = r.relation
    );

    return query
    insert into tenancy.relation as r (relation, kind, reason, tenant_column)
    select
        c.oid,
        'tenant',
        $2,
        s.tenant_column
    from tenancy.setting as s
    inner join pg_catalog.pg_attribute as a
        on a.attname = s.tenant_column
        and a.attnum > 0
        and not a.attisdropped
    inner join pg_catalog.pg_class as c on c.oid = a.attrelid
    where c.relnamespace = $1
        and c.relkind in ('r', 'p')
        -- A partition is what its parent is.
        and not c.relispartition
        -- Somebody has said otherwise.
        and coalesce(
            pg_catalog.obj_description(c.oid, 'pg_class') !~ '(?:^|\s)@(tenant|global|internal)\M(?![.-]\w)',
            true
        )
    order by c.relname
    on conflict on constraint relation_pkey do nothing
    returning r.relation;
end
$$;
comment on function tenancy.declare_tenant_tables(regnamespace, text) is
    'Declares each table of a schema that has the tenant column (tenancy.setting) and that nobody has declared yet as a '
    'tenant''s, and returns those.';
revoke all on function tenancy.declare_tenant_tables(regnamespace, text) from public;

select tenancy.trust_function(
    'tenancy.gate_contract()',
    'Tells what was declared, trusted and waived, for the service to judge by: names of objects, no row of anybody.'
);
