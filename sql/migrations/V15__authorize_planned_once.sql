-- The look-up that admits, as a function that plans its query once a connection: one in plain SQL with a SET clause is planned at
-- each call, which took most of its time.
-- Run once by `rowhouse migrate`, as rowhouse_owner.

create or replace function tenancy.authorize(
    issuer text,
    tenant uuid,
    sub text,
    jti text,
    issued timestamptz,
    listed boolean
)
returns table (
    tenant_state text,
    member_state text,
    member_role text,
    member_permissions text[],
    member_attributes text,
    user_id uuid,
    token_is_live boolean
)
language plpgsql
stable
security definer
set search_path = ''
as $$
#variable_conflict use_column
begin
    return query
    select
        t.state,
        case when k.tenant_id = t.id then 'active' else m.state end,
        case when k.tenant_id = t.id then k.role else m.role end,
        case when k.tenant_id = t.id then k.permissions else m.permissions end,
        case when k.tenant_id = t.id then '{}' else m.attributes::text end,
        case when k.tenant_id = t.id then k.id else u.id end,
        u.disabled_at is null
            and $5 >= coalesce(e.tokens_valid_after, '-infinity')
            and $5 >= coalesce(u.tokens_valid_after, '-infinity')
            and (
                o.api_key_id is null
                or (k.id is not null and k.revoked_at is null and coalesce(k.expires_at > pg_catalog.now(), true))
            )
            and not exists (
                select
                from tenancy.revoked_tokens as r
                where r.issuer = $1
                    and r.jti = $4
            )
    from (select) as one
    left join tenancy.tenants as t
        on t.id = $2
        and (
            not $6
            or exists (
                select
                from tenancy.issuer_tenants as b
                where b.iss = $1
                    and b.tenant_id = t.id
            )
        )
    left join tenancy.epochs as e on e.tenant_id = t.id
    left join tenancy.identities as i on i.issuer = $1 and i.sub = $3
    left join tenancy.users as u on u.id = i.user_id
    left join tenancy.members as m on m.tenant_id = t.id and m.user_id = u.id
    left join tenancy.issued_tokens as o on o.issuer = $1 and o.jti = $4
    left join tenancy.api_keys as k
        on k.id = o.api_key_id
        and k.id::text = $3;
end
$$;

select tenancy.trust_function(
    'tenancy.authorize(text, uuid, text, text, timestamptz, boolean)',
    'Tells the state of one tenant, one membership and one token, before the tenant is set; it changes nothing.'
);
