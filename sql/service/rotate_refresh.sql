-- A refresh token for the next. One row: what came of it.
select s.outcome, s.session_id, s.tenant_id, s.user_id, s.role, s.permissions, s.amr, s.auth_time_s
from tenancy.rotate_refresh(
    pg_catalog.decode($1::pg_catalog.text, 'hex'),
    pg_catalog.decode($2::pg_catalog.text, 'hex'),
    $3::pg_catalog.text,
    $4::pg_catalog.text,
    $5::pg_catalog.text,
    $6::pg_catalog.text::pg_catalog.int8,
    $7::pg_catalog.text::pg_catalog.int8,
    $8::pg_catalog.text::pg_catalog.int8,
    $9::pg_catalog.text::pg_catalog.int8
) as s
