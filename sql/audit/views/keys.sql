-- view: keys
-- comment: Keys of tenant relations that Postgres checks below the policies: unique and exclusion indexes, and foreign keys.
-- column: relation text = The relation.
-- column: key text = The index or constraint.
-- column: kind text = unique, exclusion or foreign key.
-- column: columns text[] = Its columns; null stands for an expression.
-- column: tenant_in_key boolean = Whether the tenant column is part of it (of a foreign key: on both sides).
-- column: guessable boolean = Whether its values can be guessed: not those of a uuid.
-- column: verdict text = apart, oracle (tells what others hold) or crosses (points into another tenant).

select
    r.identity,
    k.name,
    k.kind,
    k.columns,
    k.tenant_in_key,
    k.guessable,
    case
        when k.tenant_in_key then 'apart'
        when k.kind = 'foreign key' then 'crosses'
        else 'oracle'
    end
from relation as r
inner join (
    select
        i.indrelid as relation_oid,
        c.relname as name,
        case when i.indisexclusion then 'exclusion' else 'unique' end as kind,
        part.names as columns,
        part.has_tenant as tenant_in_key,
        part.guessable
    from pg_catalog.pg_index as i
    inner join pg_catalog.pg_class as c on c.oid = i.indexrelid
    inner join relation as t on t.relation_oid = i.indrelid
    cross join lateral (
        select
            pg_catalog.array_agg(y.attname::pg_catalog.text order by x.at) as names,
            coalesce(pg_catalog.bool_or(y.attnum = t.tenant_attnum), false) as has_tenant,
            not coalesce(pg_catalog.bool_or(y.atttypid = 'pg_catalog.uuid'::pg_catalog.regtype), false) as guessable
        from pg_catalog.unnest(i.indkey::pg_catalog.int2[]) with ordinality as x (attnum, at)
        left join pg_catalog.pg_attribute as y on y.attrelid = i.indrelid and y.attnum = x.attnum and x.attnum <> 0
        where x.at <= i.indnkeyatts
    ) as part
    where i.indisunique
        or i.indisexclusion
    union all
    select
        f.conrelid,
        f.conname,
        'foreign key',
        part.names,
        part.has_tenant,
        part.guessable
    from pg_catalog.pg_constraint as f
    inner join relation as t on t.relation_oid = f.conrelid
    inner join relation as other on other.relation_oid = f.confrelid and other.kind = 'tenant'
    cross join lateral (
        select
            pg_catalog.array_agg(y.attname::pg_catalog.text order by x.at) as names,
            coalesce(pg_catalog.bool_or(x.attnum = t.tenant_attnum and x.referred = other.tenant_attnum), false) as has_tenant,
            not coalesce(pg_catalog.bool_or(y.atttypid = 'pg_catalog.uuid'::pg_catalog.regtype), false) as guessable
        from rows from (
            pg_catalog.unnest(f.conkey),
            pg_catalog.unnest(f.confkey)
        ) with ordinality as x (attnum, referred, at)
        inner join pg_catalog.pg_attribute as y on y.attrelid = f.conrelid and y.attnum = x.attnum
    ) as part
    where f.contype = 'f'
) as k on k.relation_oid = r.relation_oid
where r.kind = 'tenant'
    and r.relation_kind in ('r', 'p')
order by r.identity, k.kind, k.name
