-- code: TN211
-- name: large_object_content
-- level: warning
-- object: relation
-- what: A tenant relation has a column of type oid or lo, as large objects have, or of a domain or an array of it.
-- why: Large objects know no policies. Their numbers are listed for everybody in pg_largeobject_metadata, and a role
--   that owns one, or may read it, reads it for every tenant.
-- see: As the request role: select lo_get(oid) from pg_catalog.pg_largeobject_metadata;
-- fix: Keep the content in a column of type bytea, under the row's policies.

select
    'warning' as level,
    'relation' as object_type,
    r.identity as object_identity,
    r.identity as relation,
    pg_catalog.format('Column %s of %s may point at large objects, which no policy protects.', found.names, r.identity) as message,
    case
        when owned.n > 0 then pg_catalog.format('The request role owns %s large objects.', owned.n)
    end as detail,
    pg_catalog.format(E'alter table %s add column content bytea;\n-- copy with lo_get(...), then drop column %s', r.identity, found.names) as fix,
    null::pg_catalog.text as content
from judged_relation as r
cross join app as a
left join who on who.relation_oid = r.relation_oid
inner join (
    select
        c.attrelid as relation_oid,
        pg_catalog.string_agg(pg_catalog.quote_ident(c.attname), ', ' order by c.attnum) as names
    from pg_catalog.pg_attribute as c
    inner join pg_catalog.pg_type as t on t.oid = c.atttypid
    where c.attnum > 0
        and not c.attisdropped
        and 'pg_catalog.oid'::pg_catalog.regtype in (
            t.oid,
            t.typbasetype,
            -- What an array is of; a type that is none may have members, too.
            case when t.typcategory = 'A' then t.typelem end
        )
    group by c.attrelid
) as found on found.relation_oid = r.relation_oid
cross join lateral (
    select pg_catalog.count(*) as n
    from pg_catalog.pg_largeobject_metadata as l
    where l.lomowner = a.role_oid
) as owned
where r.kind = 'tenant'
    and r.relation_kind in ('r', 'p')
    and not r.is_partition
    and who.names is not null
