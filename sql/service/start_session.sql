-- Starts a session of a member, for an API key that may. One row: what came of it.
select s.outcome, s.session_id, s.tenant_id, s.role, s.permissions, s.auth_time_s
from tenancy.start_session(
    $1::pg_catalog.text,
    pg_catalog.decode($2::pg_catalog.text, 'hex'),
    $3::pg_catalog.text::pg_catalog.uuid,
    $4::pg_catalog.text,
    coalesce(pg_catalog.string_to_array(nullif($5::pg_catalog.text, ''), ' '), '{}'),
    pg_catalog.decode($6::pg_catalog.text, 'hex'),
    $7::pg_catalog.text,
    $8::pg_catalog.text,
    $9::pg_catalog.text::pg_catalog.int8,
    $10::pg_catalog.text::pg_catalog.int8,
    $11::pg_catalog.text::pg_catalog.int8
) as s
