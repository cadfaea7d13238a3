-- Passwords, for development; and what the endpoints of sessions and invitations lacked.
-- Run once by `rowhouse migrate`, as rowhouse_owner.
--
-- The service hands passwords to nobody: it reads how the one of a name was hashed (tenancy.password_parameters), hashes what it
-- was given in the same way, and hands over the result (tenancy.start_password_session). So the request role can neither read a
-- hash nor start a session without one, and a name that is not known costs the service as much work as one that is.

create table tenancy.passwords (
    username text not null,
    user_id uuid not null,
    hash text not null,
    created_at timestamptz not null default pg_catalog.now(),
    changed_at timestamptz not null default pg_catalog.now(),
    constraint passwords_pkey primary key (username),
    constraint passwords_user_fkey foreign key (user_id) references tenancy.users (id) on delete cascade,
    constraint passwords_username_form check (
        pg_catalog.length(username) between 1 and 255
        and username !~ '[[:cntrl:]]'
    ),
    -- The string format of the Password Hashing Competition. What it costs to verify is bounded by the digits: at most 97 MiB.
    constraint passwords_hash_is_argon2id check (
        hash ~ '^\$argon2id\$v=19\$m=[1-9][0-9]{0,4},t=[1-9],p=[1-9]\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$'
    )
);
create index passwords_user_id_idx on tenancy.passwords (user_id);
comment on table tenancy.passwords is
    'Passwords of users, for development: asked for only where the setting password_grant is on. `rowhouse password` sets them.';
comment on column tenancy.passwords.username is 'What the user signs in with, compared byte for byte.';
comment on column tenancy.passwords.user_id is 'The user; the tenants are those that the user is a member of.';
comment on column tenancy.passwords.hash is 'Argon2id of the password, with its parameters and its salt.';
comment on column tenancy.passwords.created_at is 'When the user got the name.';
comment on column tenancy.passwords.changed_at is 'When the password was last set.';

do $policies$
declare
    wanted record;
begin
    execute 'alter table tenancy.passwords enable row level security';
    execute 'alter table tenancy.passwords force row level security';
    for wanted in
        select c.command, c.clause, r.role, r.why
        from (
            values
                ('select', 'using (true)'),
                ('insert', 'with check (true)'),
                ('update', 'using (true) with check (true)'),
                ('delete', 'using (true)')
        ) as c (command, clause)
        cross join (
            values
                ('admin', 'The administrative role sets passwords.'),
                ('owner', 'What the functions of the token endpoint do.')
        ) as r (role, why)
    loop
        execute pg_catalog.format(
            'create policy %I on tenancy.passwords for %s to %I %s',
            wanted.command || '_' || wanted.role, wanted.command, 'rowhouse_' || wanted.role, wanted.clause
        );
        execute pg_catalog.format(
            'comment on policy %I on tenancy.passwords is %L', wanted.command || '_' || wanted.role, wanted.why
        );
    end loop;
end
$policies$;

-- Not the hash: setting a password needs none.
grant
    select (username, user_id, created_at, changed_at),
    insert (username, user_id, hash),
    update (hash, changed_at),
    delete
on tenancy.passwords
to rowhouse_admin;

select tenancy.declare('tenancy.passwords', 'internal', 'Hashes of passwords, for development; for the token endpoint.');
select tenancy.audit_writes('tenancy.passwords');

create function tenancy.end_sessions_of_password()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
    update tenancy.sessions as s
    set
        revoked_at = pg_catalog.now(),
        revoke_reason = 'password'
    where s.user_id = old.user_id
        and s.revoked_at is null;
    return null;
end
$$;
comment on function tenancy.end_sessions_of_password() is
    'Ends the sessions, in all tenants, of a user whose password is changed or removed, however they were started.';
revoke all on function tenancy.end_sessions_of_password() from public;

create trigger end_sessions_when_changed
    after update
    on tenancy.passwords
    for each row
    when (old.hash is distinct from new.hash)
    execute function tenancy.end_sessions_of_password();
comment on trigger end_sessions_when_changed on tenancy.passwords is 'Whoever knew the old password is signed in no more.';

create trigger end_sessions_when_removed
    after delete
    on tenancy.passwords
    for each row
    execute function tenancy.end_sessions_of_password();
comment on trigger end_sessions_when_removed on tenancy.passwords is 'Whoever knew the password is signed in no more.';

create function tenancy.password_parameters(username text)
returns text
language sql
stable
security definer
set search_path = ''
as $$
    select pg_catalog.regexp_replace(p.hash, '\$[^$]*$', '')
    from tenancy.passwords as p
    where p.username = $1
$$;
comment on function tenancy.password_parameters(text) is
    'How the password of this name was hashed: algorithm, parameters and salt, without the hash; null where there is none. For '
    'the service.';

create function tenancy.start_password_session(
    username text,
    password_hash text,
    tenant uuid,
    client_id text,
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
    known uuid;
    tenants integer;
    member record;
    made tenancy.sessions;
    refused text;
begin
    -- Shared, so that a change of the password either comes first or sees the session that is started here.
    select p.user_id into known from tenancy.passwords as p where p.username = $1 and p.hash = $2 for share;
    if not found then
        refused := 'unknown';
    else
        select count(*)
        into tenants
        from tenancy.members as m
        inner join tenancy.users as u on u.id = m.user_id
        inner join tenancy.tenants as t on t.id = m.tenant_id
        where m.user_id = known
            and m.state = 'active'
            and u.disabled_at is null
            and t.state = 'active'
            and ($3 is null or m.tenant_id = $3);
        if tenants = 0 then
            refused := 'no_member';
        elsif tenants > 1 then
            refused := 'tenant_required';
        end if;
    end if;

    if refused is null then
        -- Again, shared: a change of the member either comes first or sees the session.
        select m.tenant_id, m.role, m.permissions
        into member
        from tenancy.members as m
        inner join tenancy.users as u on u.id = m.user_id
        where m.user_id = known
            and m.state = 'active'
            and u.disabled_at is null
            and ($3 is null or m.tenant_id = $3)
            and exists (
                select
                from tenancy.tenants as t
                where t.id = m.tenant_id
                    and t.state = 'active'
            )
        for share;
        if not found then
            refused := 'no_member';
        end if;
    end if;

    if refused is not null then
        return query
        select refused, null::uuid, null::uuid, null::uuid, null::text, null::text[], null::text[], null::bigint;
        return;
    end if;

    -- Asked first: an insert, also of nothing, has every replica forget what it remembers of members.
    if not exists (select from tenancy.identities as i where i.issuer = $6 and i.sub = known::text) then
        insert into tenancy.identities (issuer, sub, user_id)
        values ($6, known::text, known)
        on conflict on constraint identities_pkey do nothing;
    end if;

    insert into tenancy.sessions as s (tenant_id, user_id, client_id, amr, idle_expires_at, absolute_expires_at)
    values (
        member.tenant_id, known, $4, '{pwd}',
        pg_catalog.now() + pg_catalog.make_interval(secs => least($9, $10)),
        pg_catalog.now() + pg_catalog.make_interval(secs => $10)
    )
    returning s.* into made;

    insert into tenancy.refresh_tokens (token_hash, session_id, seq)
    values ($5, made.id, 1);

    insert into tenancy.issued_tokens (issuer, jti, session_id, expires_at)
    values ($6, $7, made.id, pg_catalog.now() + pg_catalog.make_interval(secs => $8));

    return query
    select
        'started', made.id, made.tenant_id, known, member.role, member.permissions, made.amr,
        pg_catalog.date_part('epoch', made.auth_time)::bigint;
end
$$;
comment on function
    tenancy.start_password_session(text, text, uuid, text, bytea, text, text, bigint, bigint, bigint)
is
    'Starts a session of a user by the hash of the password, in a tenant that may be null where the user has but one: started, '
    'unknown (no such name, or another password), no_member, or tenant_required. For the service.';

revoke all
on function
    tenancy.password_parameters(text),
    tenancy.start_password_session(text, text, uuid, text, bytea, text, text, bigint, bigint, bigint)
from public;
grant execute
on function
    tenancy.password_parameters(text),
    tenancy.start_password_session(text, text, uuid, text, bytea, text, text, bigint, bigint, bigint)
to rowhouse_app;

-- A key may do no more than who makes it: not in its role, and not in its permissions.

create function tenancy.has_permissions(wanted text[])
returns boolean
language sql
stable
parallel safe
return
    case
        when pg_catalog.cardinality(wanted) = 0 then true
        -- `?&` passes over a null.
        when pg_catalog.array_position(wanted, null) is not null then false
        when pg_catalog.jsonb_typeof(nullif(pg_catalog.current_setting('app.permissions', true), '')::jsonb) = 'array'
            then coalesce(pg_catalog.current_setting('app.permissions', true)::jsonb ?& wanted, false)
        else false
    end;
comment on function tenancy.has_permissions(text[]) is
    'True when the token''s permissions hold all of the wanted ones, and when none is wanted. Never null.';
revoke all on function tenancy.has_permissions(text[]) from public;
grant execute on function tenancy.has_permissions(text[]) to rowhouse_app, rowhouse_admin, rowhouse_auditor;

alter policy insert_above on tenancy.api_keys
    with check (
        tenant_id = (select tenancy.current_tenant_id())
        and (select tenancy.has_role('admin'))
        and tenancy.has_role(role)
        and (
            (select tenancy.has_role('owner'))
            or tenancy.has_permissions(permissions)
        )
        and revoked_at is null
    );
comment on policy insert_above on tenancy.api_keys is
    'Admins make keys, with no role above their own and no permission that they have not; an owner gives any.';
comment on function tenancy_api.create_api_key(text, text, text[], timestamptz) is
    'Makes an API key, with no role above one''s own and, unless one is an owner, no permission that one has not. The answer has '
    'its secret, which is shown this once.';
comment on column tenancy.api_keys.permissions is
    'What it may do beside that, which an owner or somebody who may do it himself has given. `sessions:create`: start sessions '
    'of the tenant''s members.';

-- A key is no user, so it becomes no member: it had been refused by a foreign key.

create or replace function tenancy.accept_invitation(
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
    -- First, so that a key learns nothing of the invitation.
    if exists (
        select
        from tenancy.issued_tokens as o
        where o.issuer = $2
            and o.jti = $4
            and o.api_key_id is not null
    ) then
        return query select 'not_a_user', null::uuid, null::uuid, null::text;
        return;
    end if;

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
    'Makes a verified identity a member, by the token of an invitation: accepted, member (is one already), dead_token, not_a_user '
    '(the token of an API key) or unknown. For the service.';

-- Whose session it was, for the audit log.

drop function tenancy.revoke_refresh(bytea, text);

create function tenancy.revoke_refresh(token_hash bytea, client_id text)
returns table (outcome text, session_id uuid, tenant_id uuid, user_id uuid)
language plpgsql
volatile
security definer
set search_path = ''
as $$
#variable_conflict use_column
declare
    ended record;
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
    returning s.id, s.tenant_id, s.user_id into ended;

    return query
    select case when ended.id is null then 'unknown' else 'ended' end, ended.id, ended.tenant_id, ended.user_id;
end
$$;
comment on function tenancy.revoke_refresh(bytea, text) is
    'Ends the session of a refresh token of this client, and says whose it was: ended or unknown. For the service.';
revoke all on function tenancy.revoke_refresh(bytea, text) from public;
grant execute on function tenancy.revoke_refresh(bytea, text) to rowhouse_app;

-- Removing a tenant looks for its invitations, and so does each policy.
create index invitations_tenant_id_idx on tenancy.invitations (tenant_id);

-- Views that are served say what they are, as the others do.
select tenancy.declare('tenancy_api.auth_events', 'tenant', 'tenancy.auth_events, as its policies show it, without reasons and hashes.');
select tenancy.declare('tenancy_api.issuers', 'tenant', 'tenancy.issuers, as its policies show it.');

select tenancy.trust_function(p.oid, t.reason)
from (
    values
        ('accept_invitation', 'Writes for the tenant of one invitation alone, to whoever has the token of it.'),
        ('revoke_refresh', 'Ends the session of the refresh token that was given.'),
        ('end_sessions_of_password', 'Ends the sessions of the user whose password fires it; no tenant writes passwords.'),
        ('password_parameters', 'Tells how a password was hashed, to whoever names the user: salt and cost, not the hash.'),
        ('start_password_session', 'Starts a session of the user whose password was given as hashed, where they are a member.')
) as t (name, reason)
inner join pg_catalog.pg_proc as p
    on p.proname = t.name
    and p.pronamespace = 'tenancy'::pg_catalog.regnamespace;
