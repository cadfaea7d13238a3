-- The enabled issuer of a name, as JSON, with a text that is another after each change of its row. One row; null where there is
-- none.
select (
    tenancy.issuer($1::pg_catalog.text)
    || pg_catalog.jsonb_build_object('version', tenancy.issuer_version($1::pg_catalog.text))
)::pg_catalog.text as issuer
