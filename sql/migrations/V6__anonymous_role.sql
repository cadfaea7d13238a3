-- What the anonymous role needs to be asked anything at all. What it may read or call is granted table by table and function
-- by function, beside a policy that names it.
-- Run once by `rowhouse migrate`, as rowhouse_owner.

grant usage on schema tenancy, api to rowhouse_anonymous;

-- Its policies ask for the tenant; the rest is empty for a caller without a token.
grant execute
on function
    tenancy.current_tenant_id(),
    tenancy.current_user_id(),
    tenancy.current_role_name(),
    tenancy.has_role(text),
    tenancy.has_permission(text),
    tenancy.claims()
to rowhouse_anonymous;
