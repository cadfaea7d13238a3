-- Ends the session of a refresh token. One row: what came of it, and whose session that was.
select s.outcome, s.session_id, s.tenant_id, s.user_id
from tenancy.revoke_refresh(
    pg_catalog.decode($1::pg_catalog.text, 'hex'),
    $2::pg_catalog.text
) as s
