-- Who belongs to a tenant: users, the identities that outside issuers know them by, memberships, invitations; the domains of
-- tenants; and which tokens are no longer good.
-- Run once by `rowhouse migrate`, as rowhouse_owner.
--
-- A request meets these tables through the views in `api`, under the policies here. The service itself asks three questions
-- before a tenant is known or admitted, each a SECURITY DEFINER function that answers about what it is given and nothing else:
-- tenancy.authorize, tenancy.tenant_named and tenancy.accept_invitation. The policies for rowhouse_owner are theirs: row-level
-- security is forced, so it binds the functions' owner, too.

create table tenancy.users (
    id uuid not null default pg_catalog.gen_random_uuid(),
    email text,
    disabled_at timestamptz,
    tokens_valid_after timestamptz not null default '-infinity',
    created_at timestamptz not null default pg_catalog.now(),
    constraint users_pkey primary key (id),
    constraint users_email_length check (pg_catalog.length(email) between 3 and 254)
);
comment on table tenancy.users is 'People and services, each once, whatever issuers know them by. No tenant reads them.';
comment on column tenancy.users.id is 'The user.';
comment on column tenancy.users.email is 'Where the first invitation that was accepted had been sent. Not verified.';
comment on column tenancy.users.disabled_at is 'Since when none of the user''s tokens is good, in any tenant; null where they are.';
comment on column tenancy.users.tokens_valid_after is 'The user''s tokens that were issued before this are not good.';
comment on column tenancy.users.created_at is 'When the user was first known.';

create table tenancy.identities (
    issuer text not null,
    sub text not null,
    user_id uuid not null,
    created_at timestamptz not null default pg_catalog.now(),
    constraint identities_pkey primary key (issuer, sub),
    constraint identities_user_fkey foreign key (user_id) references tenancy.users (id) on delete cascade,
    constraint identities_issuer_length check (pg_catalog.length(issuer) between 1 and 512),
    constraint identities_sub_length check (pg_catalog.length(sub) between 1 and 255)
);
create index identities_user_id_idx on tenancy.identities (user_id);
comment on table tenancy.identities is
    'A subject exists only inside its issuer (RFC 8725 3.8): the pair leads to the user, and neither half alone. The service''s '
    'own tokens are one more issuer.';
comment on column tenancy.identities.issuer is 'The token''s `iss`, byte for byte.';
comment on column tenancy.identities.sub is 'The token''s `sub`.';
comment on column tenancy.identities.user_id is 'Whose it is.';
comment on column tenancy.identities.created_at is 'When it was first known.';

create table tenancy.members (
    tenant_id uuid not null,
    user_id uuid not null,
    email text,
    role text not null default 'member',
    permissions text[] not null default '{}',
    attributes jsonb not null default '{}',
    state text not null default 'active',
    created_at timestamptz not null default pg_catalog.now(),
    constraint members_pkey primary key (tenant_id, user_id),
    constraint members_tenant_fkey foreign key (tenant_id) references tenancy.tenants (id) on delete cascade,
    constraint members_user_fkey foreign key (user_id) references tenancy.users (id) on delete cascade,
    constraint members_role_known check (role in ('owner', 'admin', 'member')),
    constraint members_state_known check (state in ('active', 'disabled')),
    -- All of it stands in each transaction of the member.
    constraint members_permissions_bounded check (
        pg_catalog.cardinality(permissions) <= 100
        and pg_catalog.array_position(permissions, null) is null
        and pg_catalog.octet_length(permissions::text) <= 8192
    ),
    constraint members_attributes_is_object check (pg_catalog.jsonb_typeof(attributes) = 'object'),
    constraint members_attributes_bounded check (pg_catalog.octet_length(attributes::text) <= 8192)
);
create index members_user_id_idx on tenancy.members (user_id);
comment on table tenancy.members is 'Who belongs to a tenant, and as what.';
comment on column tenancy.members.tenant_id is 'The tenant.';
comment on column tenancy.members.user_id is 'The user.';
comment on column tenancy.members.email is 'Where the invitation was sent: what the tenant knew of the user already.';
comment on column tenancy.members.role is 'owner, admin or member.';
comment on column tenancy.members.permissions is 'What the member may do beside that, at most 100.';
comment on column tenancy.members.attributes is 'What policies may ask about the member, an object of at most 8 kB.';
comment on column tenancy.members.state is 'active, or disabled: then refused as anybody who is no member.';
comment on column tenancy.members.created_at is 'When the user became a member.';

create table tenancy.invitations (
    id uuid not null default pg_catalog.gen_random_uuid(),
    tenant_id uuid not null default tenancy.current_tenant_id(),
    email text not null,
    role text not null default 'member',
    permissions text[] not null default '{}',
    token_hash bytea not null,
    invited_by text default tenancy.current_user_id(),
    created_at timestamptz not null default pg_catalog.now(),
    expires_at timestamptz not null default pg_catalog.now() + interval '7 days',
    accepted_at timestamptz,
    accepted_by uuid,
    revoked_at timestamptz,
    constraint invitations_pkey primary key (id),
    constraint invitations_token_hash_key unique (token_hash),
    constraint invitations_tenant_fkey foreign key (tenant_id) references tenancy.tenants (id) on delete cascade,
    constraint invitations_accepted_by_fkey foreign key (accepted_by) references tenancy.users (id) on delete set null,
    constraint invitations_email_is_address check (
        pg_catalog.length(email) between 3 and 254
        and email ~ '^[^@[:space:][:cntrl:]]+@[^@[:space:][:cntrl:]]+$'
    ),
    constraint invitations_role_known check (role in ('owner', 'admin', 'member')),
    constraint invitations_permissions_bounded check (
        pg_catalog.cardinality(permissions) <= 100
        and pg_catalog.array_position(permissions, null) is null
        and pg_catalog.octet_length(permissions::text) <= 8192
    ),
    constraint invitations_expire check (expires_at > created_at and expires_at <= created_at + interval '30 days')
);
-- One that has expired is revoked when the next is made: an index cannot ask for the time.
create unique index invitations_pending_key
    on tenancy.invitations (tenant_id, pg_catalog.lower(email))
    where accepted_at is null and revoked_at is null;
comment on table tenancy.invitations is 'Invitations into a tenant: who has the token becomes a member.';
comment on column tenancy.invitations.id is 'The invitation.';
comment on column tenancy.invitations.tenant_id is 'The tenant.';
comment on column tenancy.invitations.email is 'Whom it is for; one invitation of an address is pending at a time.';
comment on column tenancy.invitations.role is 'What they will be: owner, admin or member.';
comment on column tenancy.invitations.permissions is 'What they may do beside that.';
comment on column tenancy.invitations.token_hash is 'SHA-256 of the token, which is shown once and kept nowhere.';
comment on column tenancy.invitations.invited_by is 'The subject of the token that invited them.';
comment on column tenancy.invitations.created_at is 'When it was made.';
comment on column tenancy.invitations.expires_at is 'Until when it can be accepted: 7 days, where nothing else is said, and at most 30.';
comment on column tenancy.invitations.accepted_at is 'When it was accepted.';
comment on column tenancy.invitations.accepted_by is 'The user who accepted it.';
comment on column tenancy.invitations.revoked_at is 'When it was revoked, or made way for the next.';

create table tenancy.tenant_domains (
    tenant_id uuid not null default tenancy.current_tenant_id(),
    host text not null,
    proof text not null default pg_catalog.replace(pg_catalog.gen_random_uuid()::text, '-', ''),
    verified_at timestamptz,
    created_at timestamptz not null default pg_catalog.now(),
    constraint tenant_domains_pkey primary key (tenant_id, host),
    constraint tenant_domains_tenant_fkey foreign key (tenant_id) references tenancy.tenants (id) on delete cascade,
    -- As the service writes what it compares with this: lower case, no port, no dot at the end; with a dot within.
    constraint tenant_domains_host_is_name check (
        host ~ '^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$'
        and pg_catalog.length(host) <= 253
    )
);
-- Anybody may claim a name, and only one can prove it: a claim alone takes it from nobody.
create unique index tenant_domains_verified_key on tenancy.tenant_domains (host) where verified_at is not null;
comment on table tenancy.tenant_domains is 'Names of hosts that select a tenant, once verified.';
comment on column tenancy.tenant_domains.tenant_id is 'The tenant.';
comment on column tenancy.tenant_domains.host is 'The name, in lower case.';
comment on column tenancy.tenant_domains.proof is
    'What the tenant puts into a TXT record `_rowhouse.<host>`, to prove that the name is its own.';
comment on column tenancy.tenant_domains.verified_at is
    'When rowhouse_admin found the proof; null while nobody has, and the name selects nothing.';
comment on column tenancy.tenant_domains.created_at is 'When it was claimed.';

create table tenancy.epochs (
    tenant_id uuid not null,
    tokens_valid_after timestamptz not null default '-infinity',
    constraint epochs_pkey primary key (tenant_id),
    constraint epochs_tenant_fkey foreign key (tenant_id) references tenancy.tenants (id) on delete cascade
);
comment on table tenancy.epochs is
    'From when on the tokens for a tenant are good. A row is also what changes of the tenant''s owners queue for.';
comment on column tenancy.epochs.tenant_id is 'The tenant.';
comment on column tenancy.epochs.tokens_valid_after is 'Tokens for the tenant that were issued before this are not good.';

create table tenancy.revoked_tokens (
    issuer text not null,
    jti text not null,
    expires_at timestamptz not null,
    reason text,
    revoked_at timestamptz not null default pg_catalog.now(),
    constraint revoked_tokens_pkey primary key (issuer, jti)
);
create index revoked_tokens_expires_at_idx on tenancy.revoked_tokens (expires_at);
comment on table tenancy.revoked_tokens is 'Single tokens that are no longer good. Rows can go once the token has expired.';
comment on column tenancy.revoked_tokens.issuer is 'The token''s `iss`.';
comment on column tenancy.revoked_tokens.jti is 'The token''s `jti`, unique only together with the issuer.';
comment on column tenancy.revoked_tokens.expires_at is 'When the token expires anyhow, leeway included.';
comment on column tenancy.revoked_tokens.reason is 'Why, in a word.';
comment on column tenancy.revoked_tokens.revoked_at is 'When it was revoked.';

-- Everything is under row-level security, forced. rowhouse_admin keeps the books by hand; rowhouse_owner is the three functions.
do $policies$
declare
    wanted record;
begin
    for wanted in
        select r.relation, c.command, c.clause
        from pg_catalog.unnest(array[
            'users', 'identities', 'members', 'invitations', 'tenant_domains', 'epochs', 'revoked_tokens'
        ]) as r (relation)
        cross join (
            values
                ('select', 'using (true)'),
                ('insert', 'with check (true)'),
                ('update', 'using (true) with check (true)'),
                ('delete', 'using (true)')
        ) as c (command, clause)
    loop
        if wanted.command = 'select' then
            execute pg_catalog.format('alter table tenancy.%I enable row level security', wanted.relation);
            execute pg_catalog.format('alter table tenancy.%I force row level security', wanted.relation);
        end if;
        execute pg_catalog.format(
            'create policy %I on tenancy.%I for %s to rowhouse_admin %s',
            wanted.command || '_admin', wanted.relation, wanted.command, wanted.clause
        );
        execute pg_catalog.format(
            'comment on policy %I on tenancy.%I is %L',
            wanted.command || '_admin', wanted.relation, 'The administrative role keeps the books.'
        );
        execute pg_catalog.format(
            'create policy %I on tenancy.%I for %s to rowhouse_owner %s',
            wanted.command || '_owner', wanted.relation, wanted.command, wanted.clause
        );
        execute pg_catalog.format(
            'comment on policy %I on tenancy.%I is %L',
            wanted.command || '_owner', wanted.relation,
            'What the functions do that the service calls before a tenant is known.'
        );
    end loop;
end
$policies$;

create policy select_owner on tenancy.tenants
    for select
    to rowhouse_owner
    using (true);
comment on policy select_owner on tenancy.tenants is
    'The functions that the service calls before a tenant is known ask for its state.';

grant select, insert, update, delete
on tenancy.users, tenancy.identities, tenancy.members, tenancy.tenant_domains, tenancy.epochs, tenancy.revoked_tokens
to rowhouse_admin;
grant select (id, tenant_id, email, role, permissions, invited_by, created_at, expires_at, accepted_at, accepted_by, revoked_at)
on tenancy.invitations
to rowhouse_admin;
grant update (revoked_at), delete on tenancy.invitations to rowhouse_admin;

-- The user of the request's token. As a function of its own, because no request may read identities.
create function tenancy.current_member_id()
returns uuid
language sql
stable
parallel safe
security definer
set search_path = ''
as $$
    select i.user_id
    from tenancy.identities as i
    where i.issuer = tenancy.claims() ->> 'iss'
        and i.sub = tenancy.current_user_id()
$$;
comment on function tenancy.current_member_id() is
    'The user (tenancy.users) whom the issuer and the subject of the request''s token identify, or null.';
revoke all on function tenancy.current_member_id() from public;
grant execute on function tenancy.current_member_id() to rowhouse_app, rowhouse_admin, rowhouse_auditor;

-- Members.

create policy select_tenant on tenancy.members
    for select
    to rowhouse_app
    using (tenant_id = (select tenancy.current_tenant_id()));
comment on policy select_tenant on tenancy.members is 'A tenant''s users see who else is there.';

create policy update_above on tenancy.members
    for update
    to rowhouse_app
    using (
        tenant_id = (select tenancy.current_tenant_id())
        and (select tenancy.has_role('admin'))
        and (
            role <> 'owner'
            or (select tenancy.has_role('owner'))
        )
    )
    with check (
        tenant_id = (select tenancy.current_tenant_id())
        and (select tenancy.has_role('admin'))
        and (
            role <> 'owner'
            or (select tenancy.has_role('owner'))
        )
    );
comment on policy update_above on tenancy.members is
    'Admins change members; only an owner changes an owner or makes somebody one.';

create policy delete_above_or_self on tenancy.members
    for delete
    to rowhouse_app
    using (
        tenant_id = (select tenancy.current_tenant_id())
        and (
            user_id = (select tenancy.current_member_id())
            or (
                (select tenancy.has_role('admin'))
                and (
                    role <> 'owner'
                    or (select tenancy.has_role('owner'))
                )
            )
        )
    );
comment on policy delete_above_or_self on tenancy.members is
    'Admins remove members, only an owner removes an owner; everybody may leave.';

-- Nobody inserts: a user becomes a member by an invitation, so that no tenant can find out who else is a user.
grant select, delete on tenancy.members to rowhouse_app;
grant update (role, permissions, attributes, state) on tenancy.members to rowhouse_app;

-- A definer function, because the epoch's row is nobody's to write. When a tenant is removed its members go with it, and that
-- is not for this trigger to judge.
create function tenancy.keep_owner()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
    if not exists (
        select
        from tenancy.tenants as t
        where t.id = old.tenant_id
    ) then
        return null;
    end if;

    -- Two owners who demote each other at the same moment would each still see the other. The second waits here, and then
    -- sees; under REPEATABLE READ, where it would go on seeing what was, the update fails instead (40001).
    insert into tenancy.epochs as e (tenant_id)
    values (old.tenant_id)
    on conflict on constraint epochs_pkey do update
    set tokens_valid_after = e.tokens_valid_after;

    if not exists (
        select
        from tenancy.members as m
        where m.tenant_id = old.tenant_id
            and m.role = 'owner'
            and m.state = 'active'
    ) then
        raise check_violation using
            message = 'the last owner of a tenant cannot be removed',
            hint = 'Make somebody else an owner first.';
    end if;

    return null;
end
$$;
comment on function tenancy.keep_owner() is 'Refuses a change that leaves a tenant without an active owner.';
revoke all on function tenancy.keep_owner() from public;

create constraint trigger keep_owner
    after update or delete
    on tenancy.members
    not deferrable
    for each row
    when (old.role = 'owner' and old.state = 'active')
    execute function tenancy.keep_owner();
comment on trigger keep_owner on tenancy.members is 'The last active owner stays.';

-- Invitations.

create policy select_above on tenancy.invitations
    for select
    to rowhouse_app
    using (
        tenant_id = (select tenancy.current_tenant_id())
        and (select tenancy.has_role('admin'))
    );
comment on policy select_above on tenancy.invitations is 'Admins see who is invited.';

create policy insert_above on tenancy.invitations
    for insert
    to rowhouse_app
    with check (
        tenant_id = (select tenancy.current_tenant_id())
        and (select tenancy.has_role('admin'))
        and (
            role <> 'owner'
            or (select tenancy.has_role('owner'))
        )
        and accepted_at is null
        and revoked_at is null
    );
comment on policy insert_above on tenancy.invitations is 'Admins invite; only an owner invites an owner.';

-- What is accepted or revoked stays so.
create policy update_above on tenancy.invitations
    for update
    to rowhouse_app
    using (
        tenant_id = (select tenancy.current_tenant_id())
        and (select tenancy.has_role('admin'))
        and accepted_at is null
        and revoked_at is null
    )
    with check (
        tenant_id = (select tenancy.current_tenant_id())
        and (select tenancy.has_role('admin'))
    );
comment on policy update_above on tenancy.invitations is 'Admins revoke what is pending.';

create policy delete_above on tenancy.invitations
    for delete
    to rowhouse_app
    using (
        tenant_id = (select tenancy.current_tenant_id())
        and (select tenancy.has_role('admin'))
    );
comment on policy delete_above on tenancy.invitations is 'Admins remove invitations; one that was pending cannot be accepted any more.';

grant select (id, tenant_id, email, role, permissions, invited_by, created_at, expires_at, accepted_at, accepted_by, revoked_at)
on tenancy.invitations
to rowhouse_app;
grant insert (tenant_id, email, role, permissions, expires_at, token_hash) on tenancy.invitations to rowhouse_app;
grant update (revoked_at), delete on tenancy.invitations to rowhouse_app;

-- Runs as whoever invites, who is an admin of the tenant, or the policy will refuse the row.
create function tenancy.invitations_before_insert()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    update tenancy.invitations as i
    set revoked_at = pg_catalog.now()
    where i.tenant_id = new.tenant_id
        and pg_catalog.lower(i.email) = pg_catalog.lower(new.email)
        and i.accepted_at is null
        and i.revoked_at is null
        and i.expires_at <= pg_catalog.now();
    return new;
end
$$;
comment on function tenancy.invitations_before_insert() is 'Lets a new invitation take the place of one that has expired.';
revoke all on function tenancy.invitations_before_insert() from public;

create trigger before_insert
    before insert
    on tenancy.invitations
    for each row
    execute function tenancy.invitations_before_insert();
comment on trigger before_insert on tenancy.invitations is 'An expired invitation makes way.';

-- Domains.

create policy select_above on tenancy.tenant_domains
    for select
    to rowhouse_app
    using (
        tenant_id = (select tenancy.current_tenant_id())
        and (select tenancy.has_role('admin'))
    );
comment on policy select_above on tenancy.tenant_domains is 'Admins see the tenant''s domains and their proofs.';

create policy insert_above on tenancy.tenant_domains
    for insert
    to rowhouse_app
    with check (
        tenant_id = (select tenancy.current_tenant_id())
        and (select tenancy.has_role('admin'))
        and verified_at is null
    );
comment on policy insert_above on tenancy.tenant_domains is 'Admins claim domains; verifying them is the administrative role''s.';

create policy delete_above on tenancy.tenant_domains
    for delete
    to rowhouse_app
    using (
        tenant_id = (select tenancy.current_tenant_id())
        and (select tenancy.has_role('admin'))
    );
comment on policy delete_above on tenancy.tenant_domains is 'Admins give domains up.';

grant select, delete on tenancy.tenant_domains to rowhouse_app;
grant insert (tenant_id, host) on tenancy.tenant_domains to rowhouse_app;

-- The service remembers for a few seconds what it was told; a change is told at once, and names nothing.
do $triggers$
declare
    relation text;
begin
    foreach relation in array array['users', 'identities', 'members', 'tenant_domains', 'epochs', 'revoked_tokens'] loop
        execute pg_catalog.format(
            'create trigger notify_change after insert or update or delete or truncate on tenancy.%I '
            'for each statement execute function tenancy.notify_tenants()',
            relation
        );
        execute pg_catalog.format(
            'comment on trigger notify_change on tenancy.%I is %L',
            relation, 'Empties the service''s cache of tenants and members.'
        );
    end loop;
end
$triggers$;

-- What is served.

create view tenancy_api.members
with (security_invoker = true, security_barrier = true)
as
select m.tenant_id, m.user_id, m.email, m.role, m.permissions, m.attributes, m.state, m.created_at
from tenancy.members as m;
comment on view tenancy_api.members is
    'Who belongs to the tenant, and as what. Admins change roles, permissions, attributes and states; only an owner touches an '
    'owner, and the last one stays.';
comment on column tenancy_api.members.tenant_id is 'The tenant.';
comment on column tenancy_api.members.user_id is 'The user.';
comment on column tenancy_api.members.email is 'Where the invitation was sent.';
comment on column tenancy_api.members.role is 'owner, admin or member.';
comment on column tenancy_api.members.permissions is 'What the member may do beside that.';
comment on column tenancy_api.members.attributes is 'What policies may ask about the member: an object.';
comment on column tenancy_api.members.state is 'active or disabled.';
comment on column tenancy_api.members.created_at is 'When the user became a member.';
grant select, delete on tenancy_api.members to rowhouse_app;
grant update (role, permissions, attributes, state) on tenancy_api.members to rowhouse_app;

create view tenancy_api.invitations
with (security_invoker = true, security_barrier = true)
as
select
    i.id, i.tenant_id, i.email, i.role, i.permissions, i.invited_by, i.created_at, i.expires_at, i.accepted_at, i.accepted_by,
    i.revoked_at
from tenancy.invitations as i;
comment on view tenancy_api.invitations is
    'Who is invited into the tenant, for its admins. `POST /rpc/invite` makes one; a DELETE, or a PATCH of revoked_at, takes it back.';
comment on column tenancy_api.invitations.id is 'The invitation.';
comment on column tenancy_api.invitations.tenant_id is 'The tenant.';
comment on column tenancy_api.invitations.email is 'Whom it is for.';
comment on column tenancy_api.invitations.role is 'What they will be: owner, admin or member.';
comment on column tenancy_api.invitations.permissions is 'What they may do beside that.';
comment on column tenancy_api.invitations.invited_by is 'The subject of the token that invited them.';
comment on column tenancy_api.invitations.created_at is 'When it was made.';
comment on column tenancy_api.invitations.expires_at is 'Until when it can be accepted.';
comment on column tenancy_api.invitations.accepted_at is 'When it was accepted.';
comment on column tenancy_api.invitations.accepted_by is 'The user who accepted it.';
comment on column tenancy_api.invitations.revoked_at is 'When it was revoked.';
grant select, delete, update (revoked_at) on tenancy_api.invitations to rowhouse_app;

create view tenancy_api.tenant_domains
with (security_invoker = true, security_barrier = true)
as
select d.tenant_id, d.host, d.proof, d.verified_at, d.created_at
from tenancy.tenant_domains as d;
comment on view tenancy_api.tenant_domains is 'Names of hosts that select the tenant, once verified; for its admins.';
comment on column tenancy_api.tenant_domains.tenant_id is 'The tenant.';
comment on column tenancy_api.tenant_domains.host is 'The name, in lower case.';
comment on column tenancy_api.tenant_domains.proof is 'What belongs into a TXT record `_rowhouse.<host>`.';
comment on column tenancy_api.tenant_domains.verified_at is 'When the proof was found; null: the name selects nothing yet.';
comment on column tenancy_api.tenant_domains.created_at is 'When it was claimed.';
alter view tenancy_api.tenant_domains alter column tenant_id set default tenancy.current_tenant_id();
grant select, delete, insert (tenant_id, host) on tenancy_api.tenant_domains to rowhouse_app;

select tenancy.declare('tenancy.users', 'internal', 'Users of all tenants; nobody''s to read through the API.');
select tenancy.declare('tenancy.identities', 'internal', 'Whom issuers know users as.');
select tenancy.declare('tenancy.epochs', 'internal', 'Which tokens are good.');
select tenancy.declare('tenancy.revoked_tokens', 'internal', 'Which tokens are no longer good.');
select tenancy.declare('tenancy.members', 'tenant', 'Who belongs to a tenant is its own business.');
select tenancy.declare('tenancy.invitations', 'tenant', 'Whom a tenant invites is its own business.');
select tenancy.declare('tenancy.tenant_domains', 'tenant', 'A tenant''s domains.');
select tenancy.declare('tenancy_api.members', 'tenant', 'tenancy.members, as its policies show it.');
select tenancy.declare('tenancy_api.invitations', 'tenant', 'tenancy.invitations, as its policies show it, without the hash.');
select tenancy.declare('tenancy_api.tenant_domains', 'tenant', 'tenancy.tenant_domains, as its policies show it.');

-- Two random uuids have 244 random bits.
create function tenancy_api.invite(
    email text,
    role text default 'member',
    permissions text[] default '{}',
    valid_for interval default '7 days'
)
returns jsonb
language plpgsql
volatile
set search_path = ''
as $$
#variable_conflict use_column
declare
    token text := 'rhi_' || pg_catalog.encode(
        pg_catalog.sha256(
            pg_catalog.uuid_send(pg_catalog.gen_random_uuid()) || pg_catalog.uuid_send(pg_catalog.gen_random_uuid())
        ),
        'hex'
    );
    made record;
begin
    insert into tenancy.invitations as i (email, role, permissions, token_hash, expires_at)
    values ($1, $2, $3, pg_catalog.sha256(pg_catalog.convert_to(token, 'UTF8')), pg_catalog.now() + $4)
    returning i.id, i.tenant_id, i.email, i.role, i.permissions, i.expires_at into made;
    return pg_catalog.to_jsonb(made) || pg_catalog.jsonb_build_object('token', token);
end
$$;
comment on function tenancy_api.invite(text, text, text[], interval) is
    'Invites somebody into the tenant. The answer has the token, which is shown this once: who sends it to '
    '`POST /invitations/accept` with a token of their own becomes a member.';
revoke all on function tenancy_api.invite(text, text, text[], interval) from public;
grant execute on function tenancy_api.invite(text, text, text[], interval) to rowhouse_app;

-- What the service asks before a tenant is known.

-- Always one row. Whether the issuer may speak for the tenant at all is decided where the token is verified.
-- `listed` is for an issuer that may speak for the tenants of tenancy.issuer_tenants alone: any other is then as if it were not
-- there.
create function tenancy.authorize(
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
language sql
stable
security definer
set search_path = ''
as $$
    select
        t.state,
        m.state,
        m.role,
        m.permissions,
        m.attributes::text,
        u.id,
        u.disabled_at is null
            and $5 >= coalesce(e.tokens_valid_after, '-infinity')
            and $5 >= coalesce(u.tokens_valid_after, '-infinity')
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
$$;
comment on function tenancy.authorize(text, uuid, text, text, timestamptz, boolean) is
    'In what state a tenant, the membership of an identity in it, and a token of that identity are: one row, null where there is '
    'none. For the service, which remembers it for a few seconds.';

create function tenancy.tenant_named(slug text, host text)
returns uuid
language sql
stable
security definer
set search_path = ''
as $$
    select t.id
    from tenancy.tenants as t
    where t.slug = $1
    union all
    select d.tenant_id
    from tenancy.tenant_domains as d
    where d.host = $2
        and d.verified_at is not null
$$;
comment on function tenancy.tenant_named(text, text) is
    'The tenant of this slug, or of this verified domain; give one of the two. Null where there is none. For the service.';

create function tenancy.tenants_of(issuer text, sub text, listed boolean)
returns table (tenant_id uuid, slug text, name text, role text)
language sql
stable
security definer
set search_path = ''
as $$
    select t.id, t.slug, t.name, m.role
    from tenancy.identities as i
    inner join tenancy.members as m on m.user_id = i.user_id
    inner join tenancy.tenants as t on t.id = m.tenant_id
    where i.issuer = $1
        and i.sub = $2
        and m.state = 'active'
        and t.state = 'active'
        and (
            not $3
            or exists (
                select
                from tenancy.issuer_tenants as b
                where b.iss = $1
                    and b.tenant_id = t.id
            )
        )
    order by t.slug
    limit 100
$$;
comment on function tenancy.tenants_of(text, text, boolean) is
    'The active tenants that an identity is an active member of, the first 100. For the service''s `GET /me`.';

-- `only_tenant` is the one that the token's issuer may speak for, null where there may be others; `listed` as above. What cannot be accepted is `unknown`, whatever the
-- reason: the token of an invitation is all that the caller has.
create function tenancy.accept_invitation(
    token text,
    issuer text,
    sub text,
    jti text,
    issued timestamptz,
    only_tenant uuid,
    listed boolean
)
returns table (outcome text, tenant_id uuid, member_id uuid, member_role text)
language plpgsql
volatile
security definer
set search_path = ''
as $$
#variable_conflict use_column
declare
    invitation record;
    known record;
    made uuid;
    is_new boolean;
begin
    select i.id, i.tenant_id, i.email, i.role, i.permissions
    into invitation
    from tenancy.invitations as i
    inner join tenancy.tenants as t on t.id = i.tenant_id
    where i.token_hash = pg_catalog.sha256(pg_catalog.convert_to($1, 'UTF8'))
        and i.accepted_at is null
        and i.revoked_at is null
        and i.expires_at > pg_catalog.now()
        and t.state = 'active'
        and ($6 is null or i.tenant_id = $6)
        and (
            not $7
            or exists (
                select
                from tenancy.issuer_tenants as b
                where b.iss = $2
                    and b.tenant_id = i.tenant_id
            )
        )
    for update of i;

    if not found then
        return query select 'unknown', null::uuid, null::uuid, null::text;
        return;
    end if;

    select a.token_is_live, a.user_id, a.member_state
    into known
    from tenancy.authorize($2, invitation.tenant_id, $3, $4, $5, $7) as a;

    if not known.token_is_live then
        return query select 'dead_token', null::uuid, null::uuid, null::text;
        return;
    end if;

    if known.user_id is null then
        insert into tenancy.users as u (email)
        values (invitation.email)
        returning u.id into made;

        insert into tenancy.identities (issuer, sub, user_id)
        values ($2, $3, made)
        on conflict on constraint identities_pkey do nothing;

        if not found then
            -- Another invitation of the same person was accepted in this moment.
            delete from tenancy.users as u where u.id = made;
            select i.user_id into made from tenancy.identities as i where i.issuer = $2 and i.sub = $3;
        end if;
    else
        made := known.user_id;
    end if;

    insert into tenancy.members (tenant_id, user_id, email, role, permissions)
    values (invitation.tenant_id, made, invitation.email, invitation.role, invitation.permissions)
    on conflict on constraint members_pkey do nothing;
    is_new := found;

    if not is_new then
        -- Neither raises a role nor brings back whom the tenant has disabled.
        return query select 'member', invitation.tenant_id, made, null::text;
        return;
    end if;

    update tenancy.invitations as i
    set
        accepted_at = pg_catalog.now(),
        accepted_by = made
    where i.id = invitation.id;

    return query select 'accepted', invitation.tenant_id, made, invitation.role;
end
$$;
comment on function tenancy.accept_invitation(text, text, text, text, timestamptz, uuid, boolean) is
    'Makes a verified identity a member, by the token of an invitation: accepted, member (is one already), dead_token or unknown. '
    'For the service.';

revoke all
on function
    tenancy.authorize(text, uuid, text, text, timestamptz, boolean),
    tenancy.tenant_named(text, text),
    tenancy.tenants_of(text, text, boolean),
    tenancy.accept_invitation(text, text, text, text, timestamptz, uuid, boolean)
from public;
grant execute
on function
    tenancy.authorize(text, uuid, text, text, timestamptz, boolean),
    tenancy.tenant_named(text, text),
    tenancy.tenants_of(text, text, boolean),
    tenancy.accept_invitation(text, text, text, text, timestamptz, uuid, boolean)
to rowhouse_app;

-- How the first owner of a tenant comes to be, and whoever is known beforehand. As its caller, so the policies for
-- rowhouse_admin decide.
create function tenancy.add_member(tenant uuid, issuer text, sub text, role text, email text default null)
returns uuid
language plpgsql
set search_path = ''
as $$
#variable_conflict use_column
declare
    member_id uuid;
begin
    select i.user_id
    into member_id
    from tenancy.identities as i
    where i.issuer = $2
        and i.sub = $3;

    if member_id is null then
        insert into tenancy.users as u (email) values ($5) returning u.id into member_id;
        insert into tenancy.identities (issuer, sub, user_id) values ($2, $3, member_id);
    end if;

    insert into tenancy.members (tenant_id, user_id, email, role)
    values ($1, member_id, $5, $4)
    on conflict on constraint members_pkey do update
    set
        role = excluded.role,
        state = 'active';

    return member_id;
end
$$;
comment on function tenancy.add_member(uuid, text, text, text, text) is
    'Makes whom an issuer calls `sub` a member, or changes their role; the user where there was none. For rowhouse_admin: this is '
    'how a tenant gets its first owner.';
revoke all on function tenancy.add_member(uuid, text, text, text, text) from public;
grant execute on function tenancy.add_member(uuid, text, text, text, text) to rowhouse_admin;
