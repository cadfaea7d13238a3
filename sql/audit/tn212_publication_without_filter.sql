-- code: TN212
-- name: publication_without_filter
-- level: advice
-- object: relation
-- what: A tenant relation is published for logical replication without a row filter.
-- why: Row-level security is not applied to decoding: a subscriber gets every tenant's rows.
-- see: As whoever may replicate: subscribe to the publication.
-- fix: Filter the rows, or publish to nobody who may not see all tenants.

select
    'advice' as level,
    'relation' as object_type,
    r.identity as object_identity,
    r.identity as relation,
    pg_catalog.format('Publication %s sends the rows of all tenants of %s.', found.names, r.identity) as message,
    null::pg_catalog.text as detail,
    null::pg_catalog.text as fix,
    null::pg_catalog.text as content
from judged_relation as r
cross join lateral (
    select pg_catalog.string_agg(pg_catalog.quote_ident(p.pubname), ', ' order by p.pubname) as names
    from pg_catalog.pg_publication as p
    where p.puballtables
        or exists (
            select
            from pg_catalog.pg_publication_rel as x
            where x.prpubid = p.oid
                and x.prrelid = r.relation_oid
                and x.prqual is null
                -- Added with EXCEPT, which later versions know: then it is not sent.
                and coalesce((pg_catalog.to_jsonb(x) ->> 'prexcept')::pg_catalog.bool, false) is false
        )
        or exists (
            select
            from pg_catalog.pg_publication_namespace as x
            where x.pnpubid = p.oid
                and x.pnnspid = r.namespace_oid
        )
) as found
where r.kind = 'tenant'
    and r.relation_kind in ('r', 'p')
    and not r.is_partition
    and found.names is not null
