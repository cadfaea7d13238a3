-- Issuers as rows: whose tokens are good, for which tenants, and where their keys are, changed without a restart.
-- Run once by `rowhouse migrate`, as rowhouse_owner.
--
-- An issuer is its `iss`. That of a tenant carries the tenant in its own row, so there is no way to bind it to a second
-- one; a platform's speaks for those tenants that tenancy.issuer_tenants lists, and for no other. No secret is kept
-- here: that of HS256 is a file beside the service, of which the row has the name. The request role sees none of this
-- but through policies for a tenant's administrators; the service asks three functions, which run as rowhouse_owner.

-- What is served of the tenancy itself. Not in `api`, where a table of the user's own may well be called members.
create schema tenancy_api;
comment on schema tenancy_api is
    'What is served of the tenancy itself: the tenant''s own issuers, members, invitations, domains and audit log. Exposed beside '
    'api; where both have a relation of one name, Accept-Profile chooses.';
grant usage on schema tenancy_api to rowhouse_app;

create table tenancy.issuers (
    iss text not null,
    kind text not null,
    tenant_id uuid,
    key_source text not null,
    jwks_uri text,
    static_jwks jsonb,
    secret_ref text,
    kid text,
    algorithms text[] not null,
    audiences text[] not null,
    typ text not null default 'at+jwt',
    leeway_s integer not null default 30,
    lifetime_s_max integer not null default 3600,
    claim_map jsonb not null default '{}',
    external_tenant_claim text,
    external_tenant_value text,
    enabled boolean not null default false,
    verified_at timestamptz,
    created_at timestamptz not null default pg_catalog.now(),
    constraint issuers_pkey primary key (iss),
    -- What issuer_tenants refers to, so that only a platform's issuer can have rows there.
    constraint issuers_iss_kind_key unique (iss, kind),
    constraint issuers_iss_is_name check (
        pg_catalog.length(iss) between 1 and 255
        and iss !~ '[[:cntrl:][:space:]]'
    ),
    constraint issuers_kind_known check (kind in ('platform', 'tenant')),
    constraint issuers_tenant_with_kind check ((kind = 'tenant') = (tenant_id is not null)),
    constraint issuers_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id) on delete cascade,
    constraint issuers_key_source_known check (key_source in ('hs256', 'static_jwks', 'jwks_uri', 'discovery')),
    constraint issuers_jwks_uri_with_source check ((key_source = 'jwks_uri') = (jwks_uri is not null)),
    constraint issuers_static_jwks_with_source check ((key_source = 'static_jwks') = (static_jwks is not null)),
    constraint issuers_secret_with_source check (
        (key_source = 'hs256') = (secret_ref is not null)
        and (key_source = 'hs256') = (kid is not null)
    ),
    -- Two issuers with one secret could each make the other's tokens.
    constraint issuers_secret_ref_key unique (secret_ref),
    -- The name of one file in one folder: no separator, and no leading dot.
    constraint issuers_secret_ref_is_name check (secret_ref ~ '^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$'),
    constraint issuers_kid_is_name check (pg_catalog.length(kid) between 1 and 128 and kid !~ '[[:cntrl:]]'),
    constraint issuers_algorithms_known check (
        pg_catalog.cardinality(algorithms) between 1 and 6
        and pg_catalog.array_position(algorithms, null) is null
        and algorithms <@ array['HS256', 'RS256', 'PS256', 'ES256', 'ES384', 'EdDSA']
    ),
    -- Whoever verifies with a secret can sign with it, so such a key is never one among public ones...
    constraint issuers_secret_stands_alone check (
        (key_source = 'hs256') = ('HS256' = any (algorithms))
        and (key_source <> 'hs256' or algorithms = array['HS256'])
    ),
    -- ...and never an outsider's.
    constraint issuers_tenant_has_no_secret check (kind <> 'tenant' or key_source <> 'hs256'),
    constraint issuers_audiences_given check (
        pg_catalog.cardinality(audiences) between 1 and 16
        and pg_catalog.array_position(audiences, null) is null
        and pg_catalog.array_position(audiences, '') is null
    ),
    constraint issuers_typ_is_name check (pg_catalog.length(typ) <= 255 and typ !~ '[[:cntrl:]]'),
    constraint issuers_leeway_bounded check (leeway_s between 0 and 120),
    constraint issuers_lifetime_bounded check (lifetime_s_max between 60 and 86400),
    constraint issuers_claim_map_is_object check (pg_catalog.jsonb_typeof(claim_map) = 'object'),
    constraint issuers_external_tenant_whole check (
        (external_tenant_claim is null) = (external_tenant_value is null)
        and external_tenant_claim <> ''
        and external_tenant_value <> ''
    ),
    constraint issuers_enabled_is_verified check (not enabled or verified_at is not null)
);
comment on table tenancy.issuers is
    'Who may issue tokens, beside the issuers of the configuration. A row counts when it is enabled, which it can be '
    'after it was verified (`rowhouse issuer check`).';
comment on column tenancy.issuers.iss is 'The issuer, as its tokens name it: compared byte for byte.';
comment on column tenancy.issuers.kind is
    'tenant: it speaks for tenant_id alone. platform: for the tenants that issuer_tenants lists.';
comment on column tenancy.issuers.tenant_id is 'The tenant whose issuer it is; null for a platform''s.';
comment on column tenancy.issuers.key_source is
    'Where its keys are: hs256 (a secret outside the database), static_jwks, jwks_uri, or discovery (its own document '
    'names the URL of its keys).';
comment on column tenancy.issuers.jwks_uri is 'The URL of its key set.';
comment on column tenancy.issuers.static_jwks is 'Its key set (RFC 7517), public keys only.';
comment on column tenancy.issuers.secret_ref is
    'The name of a file in the folder that the setting issuer_secrets_dir names. The secret itself is never here.';
comment on column tenancy.issuers.kid is 'The key id that tokens name the secret by.';
comment on column tenancy.issuers.algorithms is 'What it may sign with: HS256, RS256, PS256, ES256, ES384, EdDSA.';
comment on column tenancy.issuers.audiences is 'What a token''s audience must be or contain: one of these.';
comment on column tenancy.issuers.typ is
    'The type that the header of its tokens has. Empty: it sends none. With another than at+jwt, a token must carry a '
    'client or scope claim, or one that claim_map requires.';
comment on column tenancy.issuers.leeway_s is 'How far clocks may differ, in seconds.';
comment on column tenancy.issuers.lifetime_s_max is 'The longest time from a token''s iat to its exp, in seconds.';
comment on column tenancy.issuers.claim_map is
    'Where its tokens say what the service reads, where that is elsewhere than usual; see docs/issuers.md.';
comment on column tenancy.issuers.external_tenant_claim is
    'A claim that must be there and be external_tenant_value: for an issuer that several parties share.';
comment on column tenancy.issuers.external_tenant_value is 'What the claim must be.';
comment on column tenancy.issuers.enabled is 'Whether its tokens are accepted.';
comment on column tenancy.issuers.verified_at is 'When its keys were last found to be good; forgotten when they change.';
comment on column tenancy.issuers.created_at is 'When it was proposed.';

create index issuers_tenant_id_idx on tenancy.issuers (tenant_id);

create table tenancy.issuer_tenants (
    iss text not null,
    kind text not null default 'platform',
    tenant_id uuid not null,
    external_id text,
    constraint issuer_tenants_pkey primary key (iss, tenant_id),
    constraint issuer_tenants_of_platform check (kind = 'platform'),
    constraint issuer_tenants_iss_fkey
        foreign key (iss, kind) references tenancy.issuers (iss, kind) on delete cascade,
    constraint issuer_tenants_tenant_id_fkey
        foreign key (tenant_id) references tenancy.tenants (id) on delete cascade,
    constraint issuer_tenants_external_id_is_name check (
        pg_catalog.length(external_id) between 1 and 255
        and external_id !~ '[[:cntrl:]]'
    )
);
comment on table tenancy.issuer_tenants is 'The tenants that a platform''s issuer may speak for.';
comment on column tenancy.issuer_tenants.iss is 'The issuer.';
comment on column tenancy.issuer_tenants.kind is 'Always platform: a tenant''s issuer has its tenant in its own row.';
comment on column tenancy.issuer_tenants.tenant_id is 'The tenant.';
comment on column tenancy.issuer_tenants.external_id is
    'What the issuer calls the tenant; null where it uses the tenant''s own id.';

-- One name, one tenant.
create unique index issuer_tenants_name_key
    on tenancy.issuer_tenants (iss, coalesce(external_id, tenant_id::text));
create index issuer_tenants_tenant_id_idx on tenancy.issuer_tenants (tenant_id);

-- Other keys are not those that were looked at.
create function tenancy.unverify_issuer()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    if (new.key_source, new.jwks_uri, new.static_jwks, new.secret_ref, new.kid, new.algorithms)
        is distinct from (old.key_source, old.jwks_uri, old.static_jwks, old.secret_ref, old.kid, old.algorithms)
        and new.verified_at is not distinct from old.verified_at
    then
        new.verified_at := null;
        new.enabled := false;
    end if;
    return new;
end
$$;
comment on function tenancy.unverify_issuer() is
    'Disables an issuer whose keys were changed, until they are verified again.';
revoke all on function tenancy.unverify_issuer() from public;

create trigger unverify_change
    before update
    on tenancy.issuers
    for each row
    execute function tenancy.unverify_issuer();
comment on trigger unverify_change on tenancy.issuers is 'Other keys must be verified anew.';

alter table tenancy.issuers enable row level security;
alter table tenancy.issuers force row level security;
alter table tenancy.issuer_tenants enable row level security;
alter table tenancy.issuer_tenants force row level security;

create policy select_tenant_admin on tenancy.issuers
    for select
    to rowhouse_app
    using (tenant_id = (select tenancy.current_tenant_id()) and (select tenancy.has_role('admin')));
comment on policy select_tenant_admin on tenancy.issuers is
    'Administrators and owners of a tenant see its own issuers.';

create policy select_owner on tenancy.issuers
    for select
    to rowhouse_owner
    using (true);
comment on policy select_owner on tenancy.issuers is 'For tenancy.issuer() and tenancy.issuers_of(), which run as the owner.';

create policy select_readers on tenancy.issuers
    for select
    to rowhouse_admin, rowhouse_auditor
    using (true);
comment on policy select_readers on tenancy.issuers is 'The administrative role and the auditor see every issuer.';

create policy insert_admin on tenancy.issuers
    for insert
    to rowhouse_admin
    with check (true);
comment on policy insert_admin on tenancy.issuers is 'The administrative role proposes issuers.';

create policy update_admin on tenancy.issuers
    for update
    to rowhouse_admin
    using (true)
    with check (true);
comment on policy update_admin on tenancy.issuers is 'The administrative role enables, disables and changes issuers.';

create policy delete_admin on tenancy.issuers
    for delete
    to rowhouse_admin
    using (true);
comment on policy delete_admin on tenancy.issuers is 'The administrative role removes issuers.';

create policy select_owner on tenancy.issuer_tenants
    for select
    to rowhouse_owner
    using (true);
comment on policy select_owner on tenancy.issuer_tenants is
    'For tenancy.issuer_bindings() and tenancy.issuers_of(), which run as the owner.';

create policy select_readers on tenancy.issuer_tenants
    for select
    to rowhouse_admin, rowhouse_auditor
    using (true);
comment on policy select_readers on tenancy.issuer_tenants is
    'The administrative role and the auditor see every binding.';

create policy insert_admin on tenancy.issuer_tenants
    for insert
    to rowhouse_admin
    with check (true);
comment on policy insert_admin on tenancy.issuer_tenants is 'The administrative role binds issuers to tenants.';

create policy update_admin on tenancy.issuer_tenants
    for update
    to rowhouse_admin
    using (true)
    with check (true);
comment on policy update_admin on tenancy.issuer_tenants is 'The administrative role corrects what an issuer calls a tenant.';

create policy delete_admin on tenancy.issuer_tenants
    for delete
    to rowhouse_admin
    using (true);
comment on policy delete_admin on tenancy.issuer_tenants is 'The administrative role takes bindings back.';

-- Neither iss nor kind nor tenant_id can be changed: an issuer that was looked at is not made another's.
grant select, delete on tenancy.issuers, tenancy.issuer_tenants to rowhouse_admin;
grant
    insert (
        iss, kind, tenant_id, key_source, jwks_uri, static_jwks, secret_ref, kid, algorithms, audiences, typ, leeway_s,
        lifetime_s_max, claim_map, external_tenant_claim, external_tenant_value, enabled, verified_at
    ),
    update (
        key_source, jwks_uri, static_jwks, secret_ref, kid, algorithms, audiences, typ, leeway_s, lifetime_s_max,
        claim_map, external_tenant_claim, external_tenant_value, enabled, verified_at
    )
on tenancy.issuers
to rowhouse_admin;
grant insert (iss, tenant_id, external_id), update (external_id) on tenancy.issuer_tenants to rowhouse_admin;
grant select on tenancy.issuers, tenancy.issuer_tenants to rowhouse_auditor;
-- Not the name of the secret.
grant
    select (
        iss, kind, tenant_id, key_source, jwks_uri, algorithms, audiences, typ, leeway_s, lifetime_s_max, enabled,
        verified_at, created_at
    )
on tenancy.issuers
to rowhouse_app;

create view tenancy_api.issuers
with (security_invoker = true) as
select
    i.iss,
    i.tenant_id,
    i.key_source,
    i.jwks_uri,
    i.algorithms,
    i.audiences,
    i.typ,
    i.leeway_s,
    i.lifetime_s_max,
    i.enabled,
    i.verified_at,
    i.created_at
from tenancy.issuers as i;
comment on view tenancy_api.issuers is 'The tenant''s own issuers of tokens, for its administrators.';
comment on column tenancy_api.issuers.iss is 'The issuer, as its tokens name it.';
comment on column tenancy_api.issuers.key_source is 'Where its keys are: static_jwks, jwks_uri or discovery.';
comment on column tenancy_api.issuers.enabled is 'Whether its tokens are accepted.';
comment on column tenancy_api.issuers.verified_at is 'When its keys were last found to be good.';
grant select on tenancy_api.issuers to rowhouse_app;

-- Asked before any tenant is known.
create function tenancy.issuer(wanted text)
returns jsonb
language sql
stable
security definer
set search_path = ''
return (
    select
        pg_catalog.jsonb_build_object(
            'iss', i.iss,
            'tenant_id', i.tenant_id,
            'key_source', i.key_source,
            'jwks_uri', i.jwks_uri,
            'static_jwks', i.static_jwks,
            'secret_ref', i.secret_ref,
            'kid', i.kid,
            'algorithms', i.algorithms,
            'audiences', i.audiences,
            'typ', i.typ,
            'leeway_s', i.leeway_s,
            'lifetime_s_max', i.lifetime_s_max,
            'claim_map', i.claim_map,
            'external_tenant_claim', i.external_tenant_claim,
            'external_tenant_value', i.external_tenant_value
        )
    from tenancy.issuers as i
    where i.iss = wanted
        and i.enabled
        and i.verified_at is not null
);
comment on function tenancy.issuer(text) is
    'The enabled issuer of this name, for the service: how to verify its tokens. Null where there is none.';

create function tenancy.issuer_bindings(issuer text, names text[])
returns table (name text, tenant_id uuid)
language sql
stable
security definer
set search_path = ''
begin atomic
    select
        coalesce(b.external_id, b.tenant_id::text),
        b.tenant_id
    from tenancy.issuer_tenants as b
    where b.iss = issuer
        and coalesce(b.external_id, b.tenant_id::text) = any (names);
end;
comment on function tenancy.issuer_bindings(text, text[]) is
    'The tenants that a platform''s issuer means by these names, for the service; without those it may not speak for.';

create function tenancy.issuers_of(tenant uuid)
returns table (iss text)
language sql
stable
security definer
set search_path = ''
begin atomic
    select i.iss
    from tenancy.issuers as i
    where i.enabled
        and i.verified_at is not null
        and case
            when tenant is null then i.kind = 'platform'
            when i.kind = 'tenant' then i.tenant_id = tenant
            else exists (
                select
                from tenancy.issuer_tenants as b
                where b.iss = i.iss
                    and b.tenant_id = tenant
            )
        end
        -- A tenant that is gone is like one that never was.
        and (
            tenant is null
            or exists (
                select
                from tenancy.tenants as t
                where t.id = tenant
                    and t.state in ('active', 'suspended')
            )
        )
    order by i.iss
    limit 100;
end;
comment on function tenancy.issuers_of(uuid) is
    'The enabled issuers that may speak for a tenant, its own and the platform''s that are bound to it; of null, all of the '
    'platform''s. The first 100. For the service''s metadata (RFC 9728), which anybody may read.';

revoke all
on function tenancy.issuer(text), tenancy.issuer_bindings(text, text[]), tenancy.issuers_of(uuid)
from public;
grant execute
on function tenancy.issuer(text), tenancy.issuer_bindings(text, text[]), tenancy.issuers_of(uuid)
to rowhouse_app;

create function tenancy.notify_issuers()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    perform pg_catalog.pg_notify('rowhouse', 'issuers');
    return null;
end
$$;
comment on function tenancy.notify_issuers() is
    'Tells the service, on channel rowhouse, that issuers changed. Names none.';
revoke all on function tenancy.notify_issuers() from public;

create trigger notify_change
    after insert or update or delete or truncate
    on tenancy.issuers
    for each statement
    execute function tenancy.notify_issuers();
comment on trigger notify_change on tenancy.issuers is 'Empties what the service remembers of issuers and tokens.';

create trigger notify_change
    after insert or update or delete or truncate
    on tenancy.issuer_tenants
    for each statement
    execute function tenancy.notify_issuers();
comment on trigger notify_change on tenancy.issuer_tenants is
    'Empties what the service remembers of issuers and tokens.';
