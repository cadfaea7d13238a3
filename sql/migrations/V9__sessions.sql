-- Sessions without an outside issuer: API keys, sessions, and the refresh tokens that carry them on.
-- Run once by `rowhouse migrate`, as rowhouse_owner.
--
-- Nothing here is a secret: of keys and refresh tokens only SHA-256 is kept. They are 244 random bits and more, so nothing
-- slower is needed. The token endpoint has no tenant yet; it calls the SECURITY DEFINER functions at the end, each of them
-- one statement that commits by itself. So what they revoke stays revoked though the client is answered an error.
--
-- An access token cannot be called back by itself. tenancy.issued_tokens knows which ones are out, and whatever ends a session
-- or a key puts those on the denylist, from which the service is notified.

create table tenancy.api_keys (
    id uuid not null default pg_catalog.gen_random_uuid(),
    tenant_id uuid not null default tenancy.current_tenant_id(),
    name text not null,
    prefix text not null,
    secret_hash bytea not null,
    role text not null default 'member',
    permissions text[] not null default '{}',
    created_by text default tenancy.current_user_id(),
    created_at timestamptz not null default pg_catalog.now(),
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz,
    constraint api_keys_pkey primary key (id),
    constraint api_keys_prefix_key unique (prefix),
    -- What sessions refer to, so that a key is never of another tenant than its sessions.
    constraint api_keys_tenant_id_id_key unique (tenant_id, id),
    constraint api_keys_tenant_fkey foreign key (tenant_id) references tenancy.tenants (id) on delete cascade,
    constraint api_keys_name_length check (pg_catalog.length(name) between 1 and 100 and name !~ '[[:cntrl:]]'),
    constraint api_keys_prefix_form check (prefix ~ '^rhk_[0-9a-f]{16}$'),
    constraint api_keys_secret_hash_length check (pg_catalog.octet_length(secret_hash) = 32),
    constraint api_keys_role_known check (role in ('owner', 'admin', 'member')),
    constraint api_keys_permissions_bounded check (
        pg_catalog.cardinality(permissions) <= 100
        and pg_catalog.array_position(permissions, null) is null
        and pg_catalog.octet_length(permissions::text) <= 2048
    ),
    constraint api_keys_expire_later check (expires_at > created_at)
);
create index api_keys_tenant_id_idx on tenancy.api_keys (tenant_id);
comment on table tenancy.api_keys is 'Keys of programs that act in a tenant. They belong to the tenant, not to who made them.';
comment on column tenancy.api_keys.id is 'The key: the `sub` of tokens that it is exchanged for.';
comment on column tenancy.api_keys.tenant_id is 'The tenant.';
comment on column tenancy.api_keys.name is 'What people call it.';
comment on column tenancy.api_keys.prefix is 'The public half: the `client_id`.';
comment on column tenancy.api_keys.secret_hash is 'SHA-256 of the secret half, which is shown once and kept nowhere.';
comment on column tenancy.api_keys.role is 'The role it acts with; never above that of who made it.';
comment on column tenancy.api_keys.permissions is
    'What it may do beside that. `sessions:create`: start sessions of the tenant''s members.';
comment on column tenancy.api_keys.created_by is 'The subject of the token that it was made with.';
comment on column tenancy.api_keys.created_at is 'When it was made.';
comment on column tenancy.api_keys.expires_at is 'Until when it is good; null: until it is revoked.';
comment on column tenancy.api_keys.last_used_at is 'When it was last used, to the minute.';
comment on column tenancy.api_keys.revoked_at is 'When it was revoked; it stays so.';

create table tenancy.sessions (
    id uuid not null default pg_catalog.gen_random_uuid(),
    tenant_id uuid not null,
    user_id uuid not null,
    client_id text not null,
    api_key_id uuid,
    amr text[] not null default '{}',
    auth_time timestamptz not null default pg_catalog.now(),
    created_at timestamptz not null default pg_catalog.now(),
    last_used_at timestamptz not null default pg_catalog.now(),
    idle_expires_at timestamptz not null,
    absolute_expires_at timestamptz not null,
    revoked_at timestamptz,
    revoke_reason text,
    constraint sessions_pkey primary key (id),
    -- Not members: a member who is removed ends their sessions by a trigger, and the rows stay for a while.
    constraint sessions_tenant_fkey foreign key (tenant_id) references tenancy.tenants (id) on delete cascade,
    constraint sessions_user_fkey foreign key (user_id) references tenancy.users (id) on delete cascade,
    constraint sessions_api_key_fkey
        foreign key (tenant_id, api_key_id) references tenancy.api_keys (tenant_id, id) on delete set null (api_key_id),
    constraint sessions_client_id_form check (pg_catalog.length(client_id) between 1 and 128 and client_id !~ '[[:cntrl:]]'),
    constraint sessions_expire_in_order check (idle_expires_at <= absolute_expires_at)
);
create index sessions_tenant_id_user_id_idx on tenancy.sessions (tenant_id, user_id);
create index sessions_user_id_idx on tenancy.sessions (user_id);
create index sessions_api_key_id_idx on tenancy.sessions (api_key_id);
comment on table tenancy.sessions is 'Who is signed in, in which tenant, through which client.';
comment on column tenancy.sessions.id is 'The session: the `sid` of its tokens.';
comment on column tenancy.sessions.tenant_id is 'The tenant.';
comment on column tenancy.sessions.user_id is 'The user: the `sub` of its tokens.';
comment on column tenancy.sessions.client_id is 'The client that its refresh tokens are bound to.';
comment on column tenancy.sessions.api_key_id is 'The key that started it; null where that was removed.';
comment on column tenancy.sessions.amr is 'How the user was authenticated (RFC 8176).';
comment on column tenancy.sessions.auth_time is 'When the user was authenticated.';
comment on column tenancy.sessions.created_at is 'When it was started.';
comment on column tenancy.sessions.last_used_at is 'When it was last refreshed.';
comment on column tenancy.sessions.idle_expires_at is 'When it ends unless it is refreshed.';
comment on column tenancy.sessions.absolute_expires_at is 'When it ends in any case.';
comment on column tenancy.sessions.revoked_at is 'When it was ended; it stays so.';
comment on column tenancy.sessions.revoke_reason is 'Why, in a word.';

create table tenancy.refresh_tokens (
    token_hash bytea not null,
    session_id uuid not null,
    seq integer not null,
    issued_at timestamptz not null default pg_catalog.clock_timestamp(),
    rotated_at timestamptz,
    revoked_at timestamptz,
    constraint refresh_tokens_pkey primary key (token_hash),
    constraint refresh_tokens_session_id_seq_key unique (session_id, seq),
    constraint refresh_tokens_session_fkey foreign key (session_id) references tenancy.sessions (id) on delete cascade,
    constraint refresh_tokens_token_hash_length check (pg_catalog.octet_length(token_hash) = 32)
);
create unique index refresh_tokens_live_key
    on tenancy.refresh_tokens (session_id)
    where rotated_at is null and revoked_at is null;
comment on table tenancy.refresh_tokens is 'The refresh tokens of a session: one is live, those before it were rotated.';
comment on column tenancy.refresh_tokens.token_hash is 'SHA-256 of the token.';
comment on column tenancy.refresh_tokens.session_id is 'The session.';
comment on column tenancy.refresh_tokens.seq is 'Its place in the family, from 1.';
comment on column tenancy.refresh_tokens.issued_at is 'When it was issued.';
comment on column tenancy.refresh_tokens.rotated_at is
    'When the next one took its place. Another column than revoked_at: a grace counts from here, and no revocation moves it.';
comment on column tenancy.refresh_tokens.revoked_at is 'When it was revoked, with its session.';

create table tenancy.issued_tokens (
    issuer text not null,
    jti text not null,
    session_id uuid,
    api_key_id uuid,
    expires_at timestamptz not null,
    constraint issued_tokens_pkey primary key (issuer, jti),
    constraint issued_tokens_session_fkey foreign key (session_id) references tenancy.sessions (id) on delete cascade,
    constraint issued_tokens_api_key_fkey foreign key (api_key_id) references tenancy.api_keys (id) on delete cascade,
    constraint issued_tokens_of_one check (pg_catalog.num_nonnulls(session_id, api_key_id) = 1)
);
create index issued_tokens_session_id_idx on tenancy.issued_tokens (session_id);
create index issued_tokens_api_key_id_idx on tenancy.issued_tokens (api_key_id);
create index issued_tokens_expires_at_idx on tenancy.issued_tokens (expires_at);
comment on table tenancy.issued_tokens is 'The access tokens that are out, by their ids: what must be denied when a session ends.';
comment on column tenancy.issued_tokens.issuer is 'The token''s `iss`.';
comment on column tenancy.issued_tokens.jti is 'The token''s `jti`.';
comment on column tenancy.issued_tokens.session_id is 'The session that it was issued in.';
comment on column tenancy.issued_tokens.api_key_id is 'The key that was exchanged for it.';
comment on column tenancy.issued_tokens.expires_at is 'The token''s `exp`.';

do $policies$
declare
    wanted record;
begin
    for wanted in
        select r.relation, c.command, c.clause
        from pg_catalog.unnest(array['api_keys', 'sessions', 'refresh_tokens', 'issued_tokens']) as r (relation)
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
            'create policy %I on tenancy.%I for %s to rowhouse_owner %s',
            wanted.command || '_owner', wanted.relation, wanted.command, wanted.clause
        );
        execute pg_catalog.format(
            'comment on policy %I on tenancy.%I is %L',
            wanted.command || '_owner', wanted.relation, 'What the functions of the token endpoint and the triggers do.'
        );
    end loop;
end
$policies$;

-- API keys, for admins.

create policy select_above on tenancy.api_keys
    for select
    to rowhouse_app
    using (tenant_id = (select tenancy.current_tenant_id()) and (select tenancy.has_role('admin')));
comment on policy select_above on tenancy.api_keys is 'Admins see the tenant''s keys.';

create policy insert_above on tenancy.api_keys
    for insert
    to rowhouse_app
    with check (
        tenant_id = (select tenancy.current_tenant_id())
        and (select tenancy.has_role('admin'))
        and tenancy.has_role(role)
        and revoked_at is null
    );
comment on policy insert_above on tenancy.api_keys is 'Admins make keys, with no role above their own.';

create policy update_above on tenancy.api_keys
    for update
    to rowhouse_app
    using (
        tenant_id = (select tenancy.current_tenant_id())
        and (select tenancy.has_role('admin'))
        and tenancy.has_role(role)
        and revoked_at is null
    )
    with check (
        tenant_id = (select tenancy.current_tenant_id())
        and (select tenancy.has_role('admin'))
        and revoked_at is not null
    );
comment on policy update_above on tenancy.api_keys is 'Admins revoke keys, once and for good; only an owner an owner''s.';

create policy delete_above on tenancy.api_keys
    for delete
    to rowhouse_app
    using (
        tenant_id = (select tenancy.current_tenant_id())
        and (select tenancy.has_role('admin'))
        and tenancy.has_role(role)
    );
comment on policy delete_above on tenancy.api_keys is 'Admins remove keys; only an owner an owner''s.';

grant
    select (
        id, tenant_id, name, prefix, role, permissions, created_by, created_at, expires_at, last_used_at, revoked_at
    ),
    insert (name, prefix, secret_hash, role, permissions, expires_at),
    update (revoked_at),
    delete
on tenancy.api_keys
to rowhouse_app;

-- Sessions.

create policy select_own_or_above on tenancy.sessions
    for select
    to rowhouse_app
    using (
        tenant_id = (select tenancy.current_tenant_id())
        and (
            user_id = (select tenancy.current_member_id())
            or (select tenancy.has_role('admin'))
        )
    );
comment on policy select_own_or_above on tenancy.sessions is 'Users see their own sessions, admins the tenant''s.';

create policy update_own_or_above on tenancy.sessions
    for update
    to rowhouse_app
    using (
        tenant_id = (select tenancy.current_tenant_id())
        and revoked_at is null
        and (
            user_id = (select tenancy.current_member_id())
            or (select tenancy.has_role('admin'))
        )
    )
    with check (
        tenant_id = (select tenancy.current_tenant_id())
        and revoked_at is not null
    );
comment on policy update_own_or_above on tenancy.sessions is 'Who sees a session may end it, once and for good.';

create policy delete_own_or_above on tenancy.sessions
    for delete
    to rowhouse_app
    using (
        tenant_id = (select tenancy.current_tenant_id())
        and (
            user_id = (select tenancy.current_member_id())
            or (select tenancy.has_role('admin'))
        )
    );
comment on policy delete_own_or_above on tenancy.sessions is 'Who sees a session may remove it, which ends it.';

grant select, update (revoked_at), delete on tenancy.sessions to rowhouse_app;

-- What ends a session or a key denies what is out of it. Definer functions: the denylist is nobody's to write.

create function tenancy.deny_issued_tokens()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
    insert into tenancy.revoked_tokens (issuer, jti, expires_at, reason)
    select i.issuer, i.jti, i.expires_at + interval '2 minutes', tg_table_name
    from tenancy.issued_tokens as i
    where i.expires_at + interval '2 minutes' > pg_catalog.now()
        and case tg_table_name
            when 'sessions' then i.session_id = old.id
            else i.api_key_id = old.id
        end
    on conflict on constraint revoked_tokens_pkey do nothing;

    if tg_op = 'UPDATE' and tg_table_name = 'sessions' then
        update tenancy.refresh_tokens as r
        set revoked_at = pg_catalog.clock_timestamp()
        where r.session_id = old.id
            and r.revoked_at is null;
    end if;

    if tg_op = 'DELETE' then
        return old;
    end if;
    return new;
end
$$;
comment on function tenancy.deny_issued_tokens() is
    'Puts the access tokens of a session or key on the denylist, until the longest leeway after they expire.';
revoke all on function tenancy.deny_issued_tokens() from public;

create trigger deny_when_revoked
    after update of revoked_at
    on tenancy.sessions
    for each row
    when (old.revoked_at is null and new.revoked_at is not null)
    execute function tenancy.deny_issued_tokens();
comment on trigger deny_when_revoked on tenancy.sessions is 'The tokens of a session end with it.';

-- Before: the rows of issued_tokens go with the session's.
create trigger deny_when_deleted
    before delete
    on tenancy.sessions
    for each row
    execute function tenancy.deny_issued_tokens();
comment on trigger deny_when_deleted on tenancy.sessions is 'The tokens of a session end with it.';

create trigger deny_when_revoked
    after update of revoked_at
    on tenancy.api_keys
    for each row
    when (old.revoked_at is null and new.revoked_at is not null)
    execute function tenancy.deny_issued_tokens();
comment on trigger deny_when_revoked on tenancy.api_keys is 'The tokens of a key end with it; sessions that it started go on.';

create trigger deny_when_deleted
    before delete
    on tenancy.api_keys
    for each row
    execute function tenancy.deny_issued_tokens();
comment on trigger deny_when_deleted on tenancy.api_keys is 'The tokens of a key end with it; sessions that it started go on.';

create function tenancy.end_sessions_of_member()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
    update tenancy.sessions as s
    set
        revoked_at = pg_catalog.now(),
        revoke_reason = case tg_op when 'DELETE' then 'member_removed' else 'member_changed' end
    where s.tenant_id = old.tenant_id
        and s.user_id = old.user_id
        and s.revoked_at is null;
    return null;
end
$$;
comment on function tenancy.end_sessions_of_member() is 'Ends the sessions of a member who is changed or removed.';
revoke all on function tenancy.end_sessions_of_member() from public;

create trigger end_sessions_when_changed
    after update
    on tenancy.members
    for each row
    when (
        (old.role, old.permissions, old.state) is distinct from (new.role, new.permissions, new.state)
    )
    execute function tenancy.end_sessions_of_member();
comment on trigger end_sessions_when_changed on tenancy.members is 'What a member may do is in tokens that are out.';

create trigger end_sessions_when_removed
    after delete
    on tenancy.members
    for each row
    execute function tenancy.end_sessions_of_member();
comment on trigger end_sessions_when_removed on tenancy.members is 'Who is no member has no session.';

create function tenancy.end_sessions_of_user()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
    update tenancy.sessions as s
    set
        revoked_at = pg_catalog.now(),
        revoke_reason = 'user'
    where s.user_id = old.id
        and s.revoked_at is null;
    return null;
end
$$;
comment on function tenancy.end_sessions_of_user() is 'Ends the sessions of a user in all tenants.';
revoke all on function tenancy.end_sessions_of_user() from public;

create trigger end_sessions_when_disabled
    after update
    on tenancy.users
    for each row
    when (
        (old.disabled_at is null and new.disabled_at is not null)
        or new.tokens_valid_after > old.tokens_valid_after
    )
    execute function tenancy.end_sessions_of_user();
comment on trigger end_sessions_when_disabled on tenancy.users is 'A user who is disabled, or whose tokens end, has no session.';

create function tenancy.end_sessions_of_tenant()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
    update tenancy.sessions as s
    set
        revoked_at = pg_catalog.now(),
        revoke_reason = 'tenant'
    where s.tenant_id = old.id
        and s.revoked_at is null;

    insert into tenancy.revoked_tokens (issuer, jti, expires_at, reason)
    select i.issuer, i.jti, i.expires_at + interval '2 minutes', 'tenant'
    from tenancy.issued_tokens as i
    inner join tenancy.api_keys as k on k.id = i.api_key_id
    where k.tenant_id = old.id
        and i.expires_at + interval '2 minutes' > pg_catalog.now()
    on conflict on constraint revoked_tokens_pkey do nothing;
    return null;
end
$$;
comment on function tenancy.end_sessions_of_tenant() is 'Ends all sessions in a tenant that is no longer active, and tokens of its keys.';
revoke all on function tenancy.end_sessions_of_tenant() from public;

create trigger end_sessions_when_inactive
    after update of state
    on tenancy.tenants
    for each row
    when (old.state = 'active' and new.state <> 'active')
    execute function tenancy.end_sessions_of_tenant();
comment on trigger end_sessions_when_inactive on tenancy.tenants is 'Nobody is signed in to a tenant that was suspended.';

-- What is served.

create view tenancy_api.api_keys
with (security_invoker = true, security_barrier = true)
as
select
    k.id, k.tenant_id, k.name, k.prefix, k.role, k.permissions, k.created_by, k.created_at, k.expires_at, k.last_used_at,
    k.revoked_at
from tenancy.api_keys as k;
comment on view tenancy_api.api_keys is
    'The tenant''s API keys, for its admins. `POST /rpc/create_api_key` makes one; a DELETE, or a PATCH of revoked_at, ends it.';
comment on column tenancy_api.api_keys.id is 'The key: the `sub` of its tokens.';
comment on column tenancy_api.api_keys.tenant_id is 'The tenant.';
comment on column tenancy_api.api_keys.name is 'What people call it.';
comment on column tenancy_api.api_keys.prefix is 'Its public half: the `client_id`.';
comment on column tenancy_api.api_keys.role is 'The role it acts with.';
comment on column tenancy_api.api_keys.permissions is 'What it may do beside that.';
comment on column tenancy_api.api_keys.created_by is 'The subject of the token that it was made with.';
comment on column tenancy_api.api_keys.created_at is 'When it was made.';
comment on column tenancy_api.api_keys.expires_at is 'Until when it is good; null: until it is revoked.';
comment on column tenancy_api.api_keys.last_used_at is 'When it was last used, to the minute.';
comment on column tenancy_api.api_keys.revoked_at is 'When it was revoked.';
grant select, delete, update (revoked_at) on tenancy_api.api_keys to rowhouse_app;

create view tenancy_api.sessions
with (security_invoker = true, security_barrier = true)
as
select
    s.id, s.tenant_id, s.user_id, s.client_id, s.api_key_id, s.amr, s.auth_time, s.created_at, s.last_used_at,
    s.idle_expires_at, s.absolute_expires_at, s.revoked_at, s.revoke_reason
from tenancy.sessions as s;
comment on view tenancy_api.sessions is
    'Sessions: one''s own, for admins the tenant''s. A DELETE, or a PATCH of revoked_at, ends one and all of its tokens.';
comment on column tenancy_api.sessions.id is 'The session: the `sid` of its tokens.';
comment on column tenancy_api.sessions.tenant_id is 'The tenant.';
comment on column tenancy_api.sessions.user_id is 'The user.';
comment on column tenancy_api.sessions.client_id is 'The client.';
comment on column tenancy_api.sessions.api_key_id is 'The key that started it.';
comment on column tenancy_api.sessions.amr is 'How the user was authenticated.';
comment on column tenancy_api.sessions.auth_time is 'When the user was authenticated.';
comment on column tenancy_api.sessions.created_at is 'When it was started.';
comment on column tenancy_api.sessions.last_used_at is 'When it was last refreshed.';
comment on column tenancy_api.sessions.idle_expires_at is 'When it ends unless it is refreshed.';
comment on column tenancy_api.sessions.absolute_expires_at is 'When it ends in any case.';
comment on column tenancy_api.sessions.revoked_at is 'When it was ended.';
comment on column tenancy_api.sessions.revoke_reason is 'Why, in a word.';
grant select, delete, update (revoked_at) on tenancy_api.sessions to rowhouse_app;

select tenancy.declare('tenancy.api_keys', 'tenant', 'A tenant''s API keys.');
select tenancy.declare('tenancy.sessions', 'tenant', 'A tenant''s sessions.');
select tenancy.declare('tenancy.refresh_tokens', 'internal', 'Hashes of refresh tokens; for the token endpoint.');
select tenancy.declare('tenancy.issued_tokens', 'internal', 'Which access tokens are out; for the token endpoint.');
select tenancy.declare('tenancy_api.api_keys', 'tenant', 'tenancy.api_keys, as its policies show it, without the hash.');
select tenancy.declare('tenancy_api.sessions', 'tenant', 'tenancy.sessions, as its policies show it.');

create function tenancy_api.create_api_key(
    name text,
    role text default 'member',
    permissions text[] default '{}',
    expires_at timestamptz default null
)
returns jsonb
language plpgsql
volatile
set search_path = ''
as $$
#variable_conflict use_column
declare
    prefix text := 'rhk_' || pg_catalog.left(
        pg_catalog.encode(pg_catalog.sha256(pg_catalog.uuid_send(pg_catalog.gen_random_uuid())), 'hex'), 16
    );
    -- Two random uuids have 244 random bits.
    secret text := pg_catalog.encode(
        pg_catalog.sha256(
            pg_catalog.uuid_send(pg_catalog.gen_random_uuid()) || pg_catalog.uuid_send(pg_catalog.gen_random_uuid())
        ),
        'hex'
    );
    made record;
begin
    insert into tenancy.api_keys as k (name, prefix, secret_hash, role, permissions, expires_at)
    values ($1, prefix, pg_catalog.sha256(pg_catalog.convert_to(secret, 'UTF8')), $2, $3, $4)
    returning k.id, k.tenant_id, k.name, k.role, k.permissions, k.expires_at into made;
    return pg_catalog.to_jsonb(made) || pg_catalog.jsonb_build_object('client_id', prefix, 'client_secret', secret);
end
$$;
comment on function tenancy_api.create_api_key(text, text, text[], timestamptz) is
    'Makes an API key, with no role above one''s own. The answer has its secret, which is shown this once.';
revoke all on function tenancy_api.create_api_key(text, text, text[], timestamptz) from public;
grant execute on function tenancy_api.create_api_key(text, text, text[], timestamptz) to rowhouse_app;

-- What the token endpoint calls, without a tenant. Each is one statement and commits by itself.

create function tenancy.live_api_key(prefix text, secret_hash bytea)
returns setof tenancy.api_keys
language sql
stable
security definer
set search_path = ''
as $$
    select k.*
    from tenancy.api_keys as k
    inner join tenancy.tenants as t on t.id = k.tenant_id
    where k.prefix = $1
        and k.secret_hash = $2
        and k.revoked_at is null
        and (k.expires_at is null or k.expires_at > pg_catalog.now())
        and t.state = 'active'
$$;
comment on function tenancy.live_api_key(text, bytea) is 'The key of this prefix and secret, if it is good. For the functions below.';
revoke all on function tenancy.live_api_key(text, bytea) from public;

create function tenancy.exchange_api_key(prefix text, secret_hash bytea, issuer text, jti text, token_s bigint)
returns table (outcome text, api_key_id uuid, tenant_id uuid, role text, permissions text[])
language plpgsql
volatile
security definer
set search_path = ''
as $$
#variable_conflict use_column
declare
    key tenancy.api_keys;
begin
    -- So that a revocation either comes first or sees the token that is issued here. Not shared: two who share the row could
    -- not both go on to update it.
    perform from tenancy.api_keys as k where k.prefix = $1 and k.secret_hash = $2 for no key update;
    select k.* into key from tenancy.live_api_key($1, $2) as k;
    if not found then
        return query select 'unknown', null::uuid, null::uuid, null::text, null::text[];
        return;
    end if;

    insert into tenancy.issued_tokens (issuer, jti, api_key_id, expires_at)
    values ($3, $4, key.id, pg_catalog.now() + pg_catalog.make_interval(secs => $5));

    if key.last_used_at is null or key.last_used_at < pg_catalog.now() - interval '1 minute' then
        update tenancy.api_keys as k
        set last_used_at = pg_catalog.now()
        where k.id = key.id;
    end if;

    return query select 'exchanged', key.id, key.tenant_id, key.role, key.permissions;
end
$$;
comment on function tenancy.exchange_api_key(text, bytea, text, text, bigint) is
    'Whom an API key speaks for, with the access token that it is exchanged for noted: exchanged or unknown. For the service.';

create function tenancy.role_rank(role text)
returns integer
language sql
immutable
parallel safe
return case role when 'owner' then 3 when 'admin' then 2 when 'member' then 1 else 0 end;
comment on function tenancy.role_rank(text) is 'How high a role is; 0 for one that is not known.';
revoke all on function tenancy.role_rank(text) from public;

create function tenancy.start_session(
    prefix text,
    secret_hash bytea,
    user_id uuid,
    client_id text,
    amr text[],
    refresh_hash bytea,
    issuer text,
    jti text,
    token_s bigint,
    idle_s bigint,
    absolute_s bigint
)
returns table (
    outcome text,
    session_id uuid,
    tenant_id uuid,
    role text,
    permissions text[],
    auth_time_s bigint
)
language plpgsql
volatile
security definer
set search_path = ''
as $$
#variable_conflict use_column
declare
    key tenancy.api_keys;
    member record;
    made tenancy.sessions;
    refused text;
begin
    perform from tenancy.api_keys as k where k.prefix = $1 and k.secret_hash = $2 for share;
    select k.* into key from tenancy.live_api_key($1, $2) as k;
    if not found then
        refused := 'unknown';
    elsif not 'sessions:create' = any (key.permissions) then
        refused := 'not_permitted';
    else
        -- Shared, so that a change of the member either comes first or sees the session that is started here.
        select m.role, m.permissions
        into member
        from tenancy.members as m
        inner join tenancy.users as u on u.id = m.user_id
        where m.tenant_id = key.tenant_id
            and m.user_id = $3
            and m.state = 'active'
            and u.disabled_at is null
        for share;
        -- One answer for who is no member and who is above the key, so that a key of an admin makes no owner's session.
        if not found or tenancy.role_rank(member.role) > tenancy.role_rank(key.role) then
            refused := 'no_subject';
        end if;
    end if;

    if refused is not null then
        return query select refused, null::uuid, null::uuid, null::text, null::text[], null::bigint;
        return;
    end if;

    -- Asked first: an insert, also of nothing, has every replica forget what it remembers of members.
    if not exists (select from tenancy.identities as i where i.issuer = $7 and i.sub = $3::text) then
        insert into tenancy.identities (issuer, sub, user_id)
        values ($7, $3::text, $3)
        on conflict on constraint identities_pkey do nothing;
    end if;

    insert into tenancy.sessions as s (
        tenant_id, user_id, client_id, api_key_id, amr, idle_expires_at, absolute_expires_at
    )
    values (
        key.tenant_id, $3, $4, key.id, $5,
        pg_catalog.now() + pg_catalog.make_interval(secs => least($10, $11)),
        pg_catalog.now() + pg_catalog.make_interval(secs => $11)
    )
    returning s.* into made;

    insert into tenancy.refresh_tokens (token_hash, session_id, seq)
    values ($6, made.id, 1);

    insert into tenancy.issued_tokens (issuer, jti, session_id, expires_at)
    values ($7, $8, made.id, pg_catalog.now() + pg_catalog.make_interval(secs => $9));

    return query
    select
        'started', made.id, made.tenant_id, member.role, member.permissions,
        pg_catalog.date_part('epoch', made.auth_time)::bigint;
end
$$;
comment on function
    tenancy.start_session(text, bytea, uuid, text, text[], bytea, text, text, bigint, bigint, bigint)
is
    'Starts a session of a member for an API key with the permission sessions:create: started, unknown (no such key), '
    'not_permitted, or no_subject (no active member, or one above the key). For the service.';

-- The session's row is what uses of its tokens queue for. Times are those of the clock and not of the transaction: one that
-- waited began before the rotation that it waited for.
create function tenancy.rotate_refresh(
    old_hash bytea,
    new_hash bytea,
    client_id text,
    issuer text,
    jti text,
    token_s bigint,
    idle_s bigint,
    grace_s bigint,
    rotations_max bigint
)
returns table (
    outcome text,
    session_id uuid,
    tenant_id uuid,
    user_id uuid,
    role text,
    permissions text[],
    amr text[],
    auth_time_s bigint
)
language plpgsql
volatile
security definer
set search_path = ''
as $$
#variable_conflict use_column
declare
    presented tenancy.refresh_tokens;
    session tenancy.sessions;
    member record;
    newest integer;
    answer text;
    ending text;
begin
    select r.* into presented from tenancy.refresh_tokens as r where r.token_hash = $1;
    if not found then
        return query
        select 'unknown', null::uuid, null::uuid, null::uuid, null::text, null::text[], null::text[], null::bigint;
        return;
    end if;

    select s.* into session from tenancy.sessions as s where s.id = presented.session_id for update;
    -- Again, under the lock.
    select r.* into presented from tenancy.refresh_tokens as r where r.token_hash = $1;
    select max(r.seq) into newest from tenancy.refresh_tokens as r where r.session_id = session.id;
    select m.role, m.permissions
    into member
    from tenancy.members as m
    inner join tenancy.users as u on u.id = m.user_id
    inner join tenancy.tenants as t on t.id = m.tenant_id
    where m.tenant_id = session.tenant_id
        and m.user_id = session.user_id
        and m.state = 'active'
        and u.disabled_at is null
        and t.state = 'active';

    if presented.token_hash is null or session.id is null or session.client_id <> $3 then
        answer := 'unknown';
    elsif session.revoked_at is not null or presented.revoked_at is not null then
        answer := 'revoked';
    elsif pg_catalog.clock_timestamp() >= session.idle_expires_at
        or pg_catalog.clock_timestamp() >= session.absolute_expires_at
    then
        answer := 'expired';
    elsif member.role is null then
        answer := 'revoked';
        ending := 'no_member';
    elsif presented.rotated_at is not null
        and (
            $8 <= 0
            or presented.seq < newest - 1
            or presented.rotated_at + pg_catalog.make_interval(secs => least($8, 10)) <= pg_catalog.clock_timestamp()
        )
    then
        answer := 'reuse';
        ending := 'refresh_reuse';
    elsif (
        select count(*)
        from tenancy.refresh_tokens as r
        where r.session_id = session.id
            and r.seq > 1
            and r.issued_at > pg_catalog.clock_timestamp() - interval '1 minute'
    ) >= $9
    then
        answer := 'limited';
    else
        answer := 'rotated';
    end if;

    if ending is not null then
        update tenancy.sessions as s
        set
            revoked_at = pg_catalog.clock_timestamp(),
            revoke_reason = ending
        where s.id = session.id;
    end if;

    if answer = 'rotated' then
        update tenancy.refresh_tokens as r
        set rotated_at = pg_catalog.clock_timestamp()
        where r.session_id = session.id
            and r.rotated_at is null;

        insert into tenancy.refresh_tokens (token_hash, session_id, seq)
        values ($2, session.id, newest + 1);

        update tenancy.sessions as s
        set
            last_used_at = pg_catalog.clock_timestamp(),
            idle_expires_at = least(
                s.absolute_expires_at,
                pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => $7)
            )
        where s.id = session.id;

        insert into tenancy.issued_tokens (issuer, jti, session_id, expires_at)
        values ($4, $5, session.id, pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => $6));
    end if;

    return query
    select
        answer, session.id, session.tenant_id, session.user_id, member.role, member.permissions, session.amr,
        pg_catalog.date_part('epoch', session.auth_time)::bigint;
end
$$;
comment on function
    tenancy.rotate_refresh(bytea, bytea, text, text, text, bigint, bigint, bigint, bigint)
is
    'Uses a refresh token: rotated, unknown, revoked, expired, limited, or reuse, which has ended the session. The caller '
    'commits whatever the outcome is. For the service.';

create function tenancy.end_session(issuer text, jti text, expires_s bigint)
returns table (outcome text, session_id uuid)
language plpgsql
volatile
security definer
set search_path = ''
as $$
#variable_conflict use_column
declare
    ended uuid;
begin
    insert into tenancy.revoked_tokens (issuer, jti, expires_at, reason)
    values ($1, $2, pg_catalog.to_timestamp($3) + interval '2 minutes', 'logout')
    on conflict on constraint revoked_tokens_pkey do nothing;

    update tenancy.sessions as s
    set
        revoked_at = pg_catalog.now(),
        revoke_reason = 'logout'
    from tenancy.issued_tokens as i
    where i.issuer = $1
        and i.jti = $2
        and s.id = i.session_id
        and s.revoked_at is null
    returning s.id into ended;

    return query select case when ended is null then 'denied' else 'ended' end, ended;
end
$$;
comment on function tenancy.end_session(text, text, bigint) is
    'Denies a verified access token, and ends the session that it belongs to: ended, or denied where there is none. For the service.';

create function tenancy.revoke_refresh(token_hash bytea, client_id text)
returns table (outcome text, session_id uuid)
language plpgsql
volatile
security definer
set search_path = ''
as $$
#variable_conflict use_column
declare
    ended uuid;
begin
    update tenancy.sessions as s
    set
        revoked_at = pg_catalog.now(),
        revoke_reason = 'revoked'
    from tenancy.refresh_tokens as r
    where r.token_hash = $1
        and s.id = r.session_id
        and s.client_id = $2
        and s.revoked_at is null
    returning s.id into ended;

    return query select case when ended is null then 'unknown' else 'ended' end, ended;
end
$$;
comment on function tenancy.revoke_refresh(bytea, text) is
    'Ends the session of a refresh token of this client: ended or unknown. For the service.';

-- A token that the service issued for an API key is known by tenancy.issued_tokens, which no other issuer's can be in: the service
-- takes no other issuer of its own name. The key's row is then what a membership is for people.
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
language sql
stable
security definer
set search_path = ''
as $$
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
        and k.id::text = $3
$$;

-- A rotated token that is forgotten cannot tell of its reuse, so tokens stay as long as their session, and a session for a while
-- after its end.
create function tenancy.purge_sessions()
returns bigint
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    removed bigint;
    more bigint;
begin
    delete from tenancy.revoked_tokens as r where r.expires_at < pg_catalog.now();
    get diagnostics removed = row_count;
    delete from tenancy.issued_tokens as i where i.expires_at < pg_catalog.now() - interval '2 minutes';
    get diagnostics more = row_count;
    removed := removed + more;
    delete from tenancy.sessions as s
    where least(s.revoked_at, s.idle_expires_at, s.absolute_expires_at) < pg_catalog.now() - interval '30 days';
    get diagnostics more = row_count;
    return removed + more;
end
$$;
comment on function tenancy.purge_sessions() is
    'Forgets what can no longer matter: denials and tokens past their expiry and leeway, sessions 30 days after their end. For '
    'the service, from time to time.';

revoke all
on function
    tenancy.exchange_api_key(text, bytea, text, text, bigint),
    tenancy.start_session(text, bytea, uuid, text, text[], bytea, text, text, bigint, bigint, bigint),
    tenancy.rotate_refresh(bytea, bytea, text, text, text, bigint, bigint, bigint, bigint),
    tenancy.end_session(text, text, bigint),
    tenancy.revoke_refresh(bytea, text),
    tenancy.purge_sessions()
from public;
grant execute
on function
    tenancy.exchange_api_key(text, bytea, text, text, bigint),
    tenancy.start_session(text, bytea, uuid, text, text[], bytea, text, text, bigint, bigint, bigint),
    tenancy.rotate_refresh(bytea, bytea, text, text, text, bigint, bigint, bigint, bigint),
    tenancy.end_session(text, text, bigint),
    tenancy.revoke_refresh(bytea, text),
    tenancy.purge_sessions()
to rowhouse_app;
