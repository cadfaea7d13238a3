-- The enabled issuer called $1 (text), as JSON; null where there is none. Asked before any tenant is known.
select tenancy.issuer($1)::text as issuer
