-- Starts a session of the user whose name and hashed password these are. One row: what came of it.
select s.outcome, s.session_id, s.tenant_id, s.user_id, s.role, s.permissions, s.amr, s.auth_time_s
from tenancy.start_password_session(
    $1::pg_catalog.text,
    $2::pg_catalog.text,
    nullif($3::pg_catalog.text, '')::pg_catalog.uuid,
    $4::pg_catalog.text,
    pg_catalog.decode($5::pg_catalog.text, 'hex'),
    $6::pg_catalog.text,
    $7::pg_catalog.text,
    $8::pg_catalog.text::pg_catalog.int8,
    $9::pg_catalog.text::pg_catalog.int8,
    $10::pg_catalog.text::pg_catalog.int8
) as s
