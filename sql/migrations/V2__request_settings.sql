-- What a policy may ask about the request it runs in: tenant, user, role, permissions, claims.
-- Run once by `rowhouse migrate`, as rowhouse_owner.
--
-- The service opens each transaction with SET LOCAL of these settings, from a verified token. A setting that was
-- never set reads as NULL, and one that some earlier transaction had set reads as the empty string: both mean nobody
-- here, give no rows, and raise nothing.
--
-- All are STABLE. As IMMUTABLE they would be folded into a prepared statement, and the next tenant on that
-- connection would get the first one's rows. All have a SQL-standard body (`return ...`): its names were bound when it
-- was created, so no search_path can put another function in their place, and, unlike a function with a SET
-- clause, it can be inlined (called for each of a million rows: 0.3 s, against 3.1 s).
-- In a policy write `(select tenancy.current_tenant_id())`: evaluated once a statement, not once a row.

create function tenancy.current_tenant_id()
returns uuid
language sql
stable
parallel safe
return nullif(pg_catalog.current_setting('app.current_tenant_id', true), '')::uuid;
comment on function tenancy.current_tenant_id() is
    'The tenant this request was proven to act for, or null. Compared with null, no row is anybody''s.';

-- Text, not uuid: the subject of an outside issuer's token is whatever that issuer likes.
create function tenancy.current_user_id()
returns text
language sql
stable
parallel safe
return nullif(pg_catalog.current_setting('app.current_user_id', true), '');
comment on function tenancy.current_user_id() is
    'The subject (`sub`) of the request''s token, or null.';

-- In SET LOCAL the name must be quoted, app."current_role": the second word is reserved.
create function tenancy.current_role_name()
returns text
language sql
stable
parallel safe
return nullif(pg_catalog.current_setting('app.current_role', true), '');
comment on function tenancy.current_role_name() is
    'The role of the user in the current tenant, as the token or the membership says, or null.';

create function tenancy.has_role(wanted text)
returns boolean
language sql
stable
parallel safe
return
    -- An unknown role of the user ranks below all, an unknown wanted role above all: a slip of the pen denies.
    case pg_catalog.current_setting('app.current_role', true)
        when 'owner' then 3
        when 'admin' then 2
        when 'member' then 1
        else 0
    end
    >=
    case wanted
        when 'owner' then 3
        when 'admin' then 2
        when 'member' then 1
        else 4
    end;
comment on function tenancy.has_role(text) is
    'True when the user''s role is the wanted one or above it: owner, then admin, then member. Never null.';

create function tenancy.has_permission(wanted text)
returns boolean
language sql
stable
parallel safe
return
    case
        -- `?` would also find the keys of an object and a bare string; only a list counts as permissions.
        when pg_catalog.jsonb_typeof(nullif(pg_catalog.current_setting('app.permissions', true), '')::jsonb) = 'array'
            then coalesce(pg_catalog.current_setting('app.permissions', true)::jsonb ? wanted, false)
        else false
    end;
comment on function tenancy.has_permission(text) is
    'True when the token''s permissions (setting app.permissions, a JSON array of strings) hold the wanted one. '
    'Never null.';

-- The setting has PostgREST's name, so that policies written for it work here.
create function tenancy.claims()
returns jsonb
language sql
stable
parallel safe
return coalesce(nullif(pg_catalog.current_setting('request.jwt.claims', true), '')::jsonb, '{}'::jsonb);
comment on function tenancy.claims() is
    'The verified claims of the request''s token, or an empty object. A claim that is absent reads as null.';

revoke all
on function
    tenancy.current_tenant_id(),
    tenancy.current_user_id(),
    tenancy.current_role_name(),
    tenancy.has_role(text),
    tenancy.has_permission(text),
    tenancy.claims()
from public;

-- They tell a connection only its own settings. The auditor gets them to try a policy by hand.
grant execute
on function
    tenancy.current_tenant_id(),
    tenancy.current_user_id(),
    tenancy.current_role_name(),
    tenancy.has_role(text),
    tenancy.has_permission(text),
    tenancy.claims()
to rowhouse_app, rowhouse_admin, rowhouse_auditor;
