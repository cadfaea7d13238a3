-- Every issuer, for `rowhouse issuer list`: its name, its state, and a few words about it.
select
    i.iss,
    case
        when i.enabled then 'enabled'
        when i.verified_at is not null then 'checked'
        else 'proposed'
    end as state,
    pg_catalog.concat_ws(
        ' ',
        coalesce('tenant ' || t.slug, 'platform of ' || b.tenants || ' tenants'),
        i.key_source,
        pg_catalog.array_to_string(i.algorithms, ',')
    ) as about
from tenancy.issuers as i
left join tenancy.tenants as t on t.id = i.tenant_id
cross join lateral (
    select pg_catalog.count(*) as tenants
    from tenancy.issuer_tenants as n
    where n.iss = i.iss
) as b
order by i.iss
