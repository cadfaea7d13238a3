-- Makes an identity a member by the token of an invitation. One row: what came of it.
select a.outcome, a.tenant_id, a.member_id, a.member_role
from tenancy.accept_invitation(
    $1::pg_catalog.text,
    $2::pg_catalog.text,
    $3::pg_catalog.text,
    $4::pg_catalog.text,
    pg_catalog.to_timestamp($5::pg_catalog.text::pg_catalog.float8),
    $6::pg_catalog.text::pg_catalog.uuid,
    $7::pg_catalog.text::pg_catalog.bool
) as a
