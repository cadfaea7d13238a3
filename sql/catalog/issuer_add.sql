-- Proposes an issuer, for `rowhouse issuer add`. $6 and $14 are JSON texts.
insert into tenancy.issuers (
    iss, kind, tenant_id, key_source, jwks_uri, static_jwks, secret_ref, kid, algorithms, audiences, typ, leeway_s,
    lifetime_s_max, claim_map, external_tenant_claim, external_tenant_value
)
values ($1, $2, $3, $4, $5, $6::text::jsonb, $7, $8, $9, $10, $11, $12, $13, $14::text::jsonb, $15, $16)
