-- An API key for an access token. One row: what came of it.
select s.outcome, s.api_key_id, s.tenant_id, s.role, s.permissions
from tenancy.exchange_api_key(
    $1::pg_catalog.text,
    pg_catalog.decode($2::pg_catalog.text, 'hex'),
    $3::pg_catalog.text,
    $4::pg_catalog.text,
    $5::pg_catalog.text::pg_catalog.int8
) as s
