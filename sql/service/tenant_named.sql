-- The tenant of a slug or of a verified domain; one of the two is null. One row.
select tenancy.tenant_named($1::pg_catalog.text, $2::pg_catalog.text) as tenant_id
