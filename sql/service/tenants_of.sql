-- The tenants that an identity is an active member of.
select t.tenant_id, t.slug, t.name, t.role
from tenancy.tenants_of(
    $1::pg_catalog.text,
    $2::pg_catalog.text,
    $3::pg_catalog.text::pg_catalog.bool
) as t
