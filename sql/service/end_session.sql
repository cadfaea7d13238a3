-- Denies a verified access token and ends its session. One row: what came of it.
select s.outcome, s.session_id
from tenancy.end_session(
    $1::pg_catalog.text,
    $2::pg_catalog.text,
    $3::pg_catalog.text::pg_catalog.int8
) as s
