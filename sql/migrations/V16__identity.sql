-- Who gives which permission; what ends with a member who is demoted or gone, and with all tokens of a tenant; and from which
-- change of an issuer its keys are remembered.
-- Run once by `rowhouse migrate`, as rowhouse_owner.

-- Permissions. An admin who could give himself any could make a key with any, which only an owner may.

create function tenancy.check_permissions()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
    known text[] := '{}';
    added text[];
begin
    if tg_op = 'UPDATE' then
        known := old.permissions;
    end if;
    -- What is there already may stay, also where whoever changes the role has it not, and be taken away by every admin.
    added := array(
        select p.permission
        from pg_catalog.unnest(new.permissions) as p (permission)
        where p.permission <> all (known)
    );

    -- Without a tenant it is no request: rowhouse_admin, or whoever accepts what was given.
    if tenancy.current_tenant_id() is not null
        and not tenancy.has_role('owner')
        and not tenancy.has_permissions(added)
    then
        raise insufficient_privilege using
            message = 'only an owner gives permissions beyond their own';
    end if;

    -- What a token cannot say: a session or key with it would have tokens that are not good.
    if pg_catalog.array_ndims(new.permissions) > 1
        or exists (
            select
            from pg_catalog.unnest(added) as p (permission)
            where pg_catalog.length(p.permission) not between 1 and 255
                or p.permission ~ '[\u0001-\u001f\u007f-\u009f]'
        )
    then
        raise check_violation using
            message = 'permissions are a list of texts of 1 to 255 characters, none of them a control character';
    end if;

    return new;
end
$$;
comment on function tenancy.check_permissions() is
    'Refuses permissions that no token can say, and in a request those that whoever gives them has not and is no owner.';
revoke all on function tenancy.check_permissions() from public;

create trigger check_permissions
    before insert or update
    on tenancy.members
    for each row
    execute function tenancy.check_permissions();
comment on trigger check_permissions on tenancy.members is 'An admin gives no permission that he has not, also not to himself.';

create trigger check_permissions
    before insert
    on tenancy.invitations
    for each row
    execute function tenancy.check_permissions();
comment on trigger check_permissions on tenancy.invitations is 'An admin gives no permission that he has not.';

create trigger check_permissions
    before insert
    on tenancy.api_keys
    for each row
    execute function tenancy.check_permissions();
comment on trigger check_permissions on tenancy.api_keys is 'An admin gives no permission that he has not.';

comment on policy update_above on tenancy.members is
    'Admins change members; only an owner changes an owner or makes somebody one. check_permissions says who gives what.';

-- Invitations. One made in time would bring an admin back who was removed, by another name.

alter table tenancy.invitations add column inviter_id uuid default tenancy.current_member_id();
comment on column tenancy.invitations.inviter_id is
    'The user who invited them; null where that is none, as with an API key, or is not known.';
grant select (inviter_id) on tenancy.invitations to rowhouse_admin;
create index invitations_inviter_id_idx on tenancy.invitations (inviter_id) where accepted_at is null and revoked_at is null;

create function tenancy.end_invitations_of_member()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
    if tg_op = 'UPDATE'
        and new.state = 'active'
        and tenancy.role_rank(new.role) >= tenancy.role_rank(old.role)
    then
        return null;
    end if;

    update tenancy.invitations as i
    set revoked_at = pg_catalog.now()
    where i.tenant_id = old.tenant_id
        and i.inviter_id = old.user_id
        and i.accepted_at is null
        and i.revoked_at is null;
    return null;
end
$$;
comment on function tenancy.end_invitations_of_member() is
    'Revokes what is pending of a member who is demoted, disabled or removed.';
revoke all on function tenancy.end_invitations_of_member() from public;

create trigger end_invitations_when_changed
    after update
    on tenancy.members
    for each row
    when ((old.role, old.state) is distinct from (new.role, new.state))
    execute function tenancy.end_invitations_of_member();
comment on trigger end_invitations_when_changed on tenancy.members is 'Who may no longer invite has nobody invited.';

create trigger end_invitations_when_removed
    after delete
    on tenancy.members
    for each row
    execute function tenancy.end_invitations_of_member();
comment on trigger end_invitations_when_removed on tenancy.members is 'Who is no member has nobody invited.';

-- Epochs. A session that is older than the epoch would only be refreshed.

create function tenancy.end_sessions_of_epoch()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
    update tenancy.sessions as s
    set
        revoked_at = pg_catalog.now(),
        revoke_reason = 'epoch'
    where s.tenant_id = new.tenant_id
        and s.created_at < new.tokens_valid_after
        and s.revoked_at is null;
    return null;
end
$$;
comment on function tenancy.end_sessions_of_epoch() is
    'Ends the sessions in a tenant that were started before its tokens are good.';
revoke all on function tenancy.end_sessions_of_epoch() from public;

create trigger end_sessions_when_set
    after insert
    on tenancy.epochs
    for each row
    when (new.tokens_valid_after > '-infinity')
    execute function tenancy.end_sessions_of_epoch();
comment on trigger end_sessions_when_set on tenancy.epochs is 'Refresh tokens are tokens, too.';

create trigger end_sessions_when_moved
    after update
    on tenancy.epochs
    for each row
    when (new.tokens_valid_after > old.tokens_valid_after)
    execute function tenancy.end_sessions_of_epoch();
comment on trigger end_sessions_when_moved on tenancy.epochs is 'Refresh tokens are tokens, too.';

-- Issuers. A replica that no token reached while an issuer was disabled must forget its keys all the same.

create function tenancy.issuer_version(wanted text)
returns text
language sql
stable
security definer
set search_path = ''
begin atomic
    select i.xmin::text
    from tenancy.issuers as i
    where i.iss = wanted;
end;
comment on function tenancy.issuer_version(text) is
    'Another text after each change of the issuer: keys that were fetched before one are not used after it. For the service.';
revoke all on function tenancy.issuer_version(text) from public;
grant execute on function tenancy.issuer_version(text) to rowhouse_app;

select tenancy.trust_function(f.function::regprocedure, f.reason)
from (
    values
        (
            'tenancy.end_invitations_of_member()',
            'Revokes the invitations of the member whose row fires it, in that row''s tenant.'
        ),
        (
            'tenancy.end_sessions_of_epoch()',
            'Ends the sessions of the tenant whose epoch fires it; no tenant writes epochs.'
        ),
        ('tenancy.issuer_version(text)', 'Tells that an issuer was changed, and nothing of it.')
) as f (function, reason);
