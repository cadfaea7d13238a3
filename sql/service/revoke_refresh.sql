-- Ends the session of a refresh token. One row: what came of it.
select s.outcome, s.session_id
from tenancy.revoke_refresh(
    pg_catalog.decode($1::pg_catalog.text, 'hex'),
    $2::pg_catalog.text
) as s
