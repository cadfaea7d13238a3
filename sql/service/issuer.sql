-- The enabled issuer of a name, as JSON. One row; null where there is none.
select tenancy.issuer($1::pg_catalog.text)::pg_catalog.text as issuer
