-- The two schemas: `tenancy` for the service's own objects, `api` for what is served.
-- Run once by `rowhouse migrate`, as rowhouse_owner. The runner has made `tenancy` before, for its own history table.

create schema if not exists tenancy;
comment on schema tenancy is
    'Rowhouse itself: the tenant registry, what policies may ask about a request, and the declarations of relations.';

create schema if not exists api;
comment on schema api is
    'What is served over HTTP. A table appears when it is declared, row-level security is on, and rights are granted.';

-- Without this, each new function could be called by everybody until somebody thinks of the revoke.
alter default privileges revoke execute on functions from public;

grant usage on schema tenancy to rowhouse_app, rowhouse_admin, rowhouse_auditor;
grant usage on schema api to rowhouse_app;
