-- The issuer called $1 (text), enabled or not, in the form that tenancy.issuer() gives it, for `rowhouse issuer check`.
select (pg_catalog.to_jsonb(i) - '{kind,enabled,verified_at,created_at}'::text[])::text as issuer
from tenancy.issuers as i
where i.iss = $1
