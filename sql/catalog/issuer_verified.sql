-- Stamps the issuer called $1 (text) as verified, if its keys are still those of $2 (text), as issuer_proposed.sql gave them.
update tenancy.issuers as i
set verified_at = pg_catalog.now()
from pg_catalog.jsonb_populate_record(null::tenancy.issuers, $2::text::jsonb) as seen
where i.iss = $1
    and (i.key_source, i.jwks_uri, i.static_jwks, i.secret_ref, i.kid, i.algorithms)
        is not distinct from
        (seen.key_source, seen.jwks_uri, seen.static_jwks, seen.secret_ref, seen.kid, seen.algorithms)
