-- What a policy may ask beside tenant, role and permission (V2): attributes of the user, claims of the token, how and when the
-- user logged in, where the client is, and what time it is there.
-- Run once by `rowhouse migrate`, as rowhouse_owner.
--
-- As in V2 all are STABLE, with SQL-standard bodies; write `(select tenancy.client_in('10.0.0.0/8'))` in a policy, so that
-- it is evaluated once a statement. What is unknown is null or false, never an error and never true: the default is to deny.
-- Those that ask for app.client_ip, app.attributes or app.request_id need the setting named in `transaction_settings` of the
-- configuration; where it is not, they know nothing.

create function tenancy.attributes()
returns jsonb
language sql
stable
parallel safe
return coalesce(nullif(pg_catalog.current_setting('app.attributes', true), '')::jsonb, '{}'::jsonb);
comment on function tenancy.attributes() is
    'The attributes of the user in the current tenant, or an empty object. Needs app.attributes in transaction_settings.';

create function tenancy.attribute(name text)
returns text
language sql
stable
parallel safe
return tenancy.attributes() ->> name;
comment on function tenancy.attribute(text) is
    'One attribute of the user in the current tenant, as text, or null. Needs app.attributes in transaction_settings.';

create function tenancy.claim(variadic path text[])
returns text
language sql
stable
parallel safe
return tenancy.claims() #>> path;
comment on function tenancy.claim(text[]) is
    'A verified claim of the token by its path, as in tenancy.claim(''app_metadata'', ''team''), as text, or null.';

create function tenancy.client_ip()
returns inet
language sql
stable
parallel safe
return nullif(pg_catalog.current_setting('app.client_ip', true), '')::inet;
comment on function tenancy.client_ip() is
    'The address of the client, or null. Needs app.client_ip in transaction_settings.';

create function tenancy.request_id()
returns uuid
language sql
stable
parallel safe
return nullif(pg_catalog.current_setting('app.request_id', true), '')::uuid;
comment on function tenancy.request_id() is
    'The X-Request-Id of the request, or null. Needs app.request_id in transaction_settings.';

create function tenancy.has_any_role(variadic wanted text[])
returns boolean
language sql
stable
parallel safe
return coalesce(tenancy.current_role_name() = any (wanted), false);
comment on function tenancy.has_any_role(text[]) is
    'True when the user''s role is exactly one of these; none is above another. Never null.';

create function tenancy.has_all_permissions(variadic wanted text[])
returns boolean
language sql
stable
parallel safe
return
    case
        -- Of no permission at all, or of null, one who asks did not mean to ask.
        when pg_catalog.cardinality(wanted) = 0 or pg_catalog.array_position(wanted, null) is not null then false
        when pg_catalog.jsonb_typeof(nullif(pg_catalog.current_setting('app.permissions', true), '')::jsonb) = 'array'
            then coalesce(pg_catalog.current_setting('app.permissions', true)::jsonb ?& wanted, false)
        else false
    end;
comment on function tenancy.has_all_permissions(text[]) is
    'True when the token''s permissions hold all of these, and there is one. Never null.';

create function tenancy.authenticated_at()
returns timestamptz
language sql
stable
parallel safe
return
    case
        when pg_catalog.jsonb_typeof(tenancy.claims() -> 'auth_time') = 'number'
            then case
                -- A time of years that timestamps have; what is none is no time.
                when (tenancy.claims() ->> 'auth_time')::numeric between 0 and 253402300799
                    then pg_catalog.to_timestamp((tenancy.claims() ->> 'auth_time')::double precision)
            end
    end;
comment on function tenancy.authenticated_at() is
    'When the user last proved who it is (claim auth_time), or null.';

create function tenancy.authenticated_within(max_age interval)
returns boolean
language sql
stable
parallel safe
return coalesce(
    tenancy.authenticated_at() >= pg_catalog.now() - max_age
    -- The issuer's clock may be a little ahead.
    and tenancy.authenticated_at() <= pg_catalog.now() + '00:01:00'::interval,
    false
);
comment on function tenancy.authenticated_within(interval) is
    'True when the user proved who it is so recently (claim auth_time). Never null.';

create function tenancy.used_mfa()
returns boolean
language sql
stable
parallel safe
return
    case
        when pg_catalog.jsonb_typeof(tenancy.claims() -> 'amr') = 'array'
            then
                (tenancy.claims() -> 'amr') ? 'mfa'
                -- Two kinds of factor of three (RFC 8176 2): what one knows, has, and is.
                or (
                    ((tenancy.claims() -> 'amr') ?| '{pwd,pin,kba}')::integer
                    + ((tenancy.claims() -> 'amr') ?| '{otp,hwk,swk,sc,sms,tel}')::integer
                    + ((tenancy.claims() -> 'amr') ?| '{face,fpt,iris,retina,vbm}')::integer
                ) >= 2
        else false
    end;
comment on function tenancy.used_mfa() is
    'True when the user logged in with factors of two kinds, or the issuer says so (claim amr, RFC 8176). Never null.';

create function tenancy.client_in(variadic networks cidr[])
returns boolean
language sql
stable
parallel safe
return coalesce(tenancy.client_ip() <<= any (networks), false);
comment on function tenancy.client_in(cidr[]) is
    'True when the client''s address is in one of these networks. Never null. Needs app.client_ip in transaction_settings.';

create function tenancy.local_time_between(from_time time, to_time time, zone text)
returns boolean
language sql
stable
parallel safe
return coalesce(
    case
        when from_time <= to_time
            then (pg_catalog.now() at time zone zone)::time >= from_time
                and (pg_catalog.now() at time zone zone)::time < to_time
        -- Over midnight.
        else (pg_catalog.now() at time zone zone)::time >= from_time
            or (pg_catalog.now() at time zone zone)::time < to_time
    end,
    false
);
comment on function tenancy.local_time_between(time, time, text) is
    'True from the first time of day, inclusive, to the second, exclusive, in a time zone; over midnight where the first is '
    'later. Never null.';

-- A policy that says no hides rows, and the client cannot know that a new login would show them. This says it.
create function tenancy.require_recent_authentication(max_age interval)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
    if not tenancy.authenticated_within(max_age) then
        raise sqlstate 'TEN70' using
            message = 'A more recent authentication is required',
            -- Whole seconds, for the challenge.
            detail = pg_catalog.ceil(pg_catalog.date_part('epoch', max_age))::pg_catalog.int8::pg_catalog.text;
    end if;
    return true;
end
$$;
comment on function tenancy.require_recent_authentication(interval) is
    'True when the user proved who it is so recently; else the request is answered 401 insufficient_user_authentication with '
    'max_age (RFC 9470), so that the client lets the user log in again. For functions and pre_request.';

revoke all
on function
    tenancy.attributes(),
    tenancy.attribute(text),
    tenancy.claim(text[]),
    tenancy.client_ip(),
    tenancy.request_id(),
    tenancy.has_any_role(text[]),
    tenancy.has_all_permissions(text[]),
    tenancy.authenticated_at(),
    tenancy.authenticated_within(interval),
    tenancy.used_mfa(),
    tenancy.client_in(cidr[]),
    tenancy.local_time_between(time, time, text),
    tenancy.require_recent_authentication(interval)
from public;

-- They tell a connection only its own settings.
grant execute
on function
    tenancy.attributes(),
    tenancy.attribute(text),
    tenancy.claim(text[]),
    tenancy.client_ip(),
    tenancy.request_id(),
    tenancy.has_any_role(text[]),
    tenancy.has_all_permissions(text[]),
    tenancy.authenticated_at(),
    tenancy.authenticated_within(interval),
    tenancy.used_mfa(),
    tenancy.client_in(cidr[]),
    tenancy.local_time_between(time, time, text),
    tenancy.require_recent_authentication(interval)
to rowhouse_app, rowhouse_admin, rowhouse_auditor, rowhouse_anonymous;
