-- In what state tenant, membership and token are. One row; asked by the service before the tenant's transaction.
select
    a.tenant_state,
    a.member_state,
    a.member_role,
    a.member_permissions,
    a.member_attributes,
    a.user_id,
    a.token_is_live
from tenancy.authorize(
    $1::pg_catalog.text,
    $2::pg_catalog.text::pg_catalog.uuid,
    $3::pg_catalog.text,
    $4::pg_catalog.text,
    pg_catalog.to_timestamp($5::pg_catalog.text::pg_catalog.float8),
    $6::pg_catalog.text::pg_catalog.bool
) as a
