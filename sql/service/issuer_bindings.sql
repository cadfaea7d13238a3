-- The tenants that the platform's issuer $1 means by the names in $2, a JSON array of texts.
select
    b.name,
    b.tenant_id
from tenancy.issuer_bindings(
    $1::pg_catalog.text,
    array(select pg_catalog.jsonb_array_elements_text($2::pg_catalog.text::pg_catalog.jsonb))
) as b
