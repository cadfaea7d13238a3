-- The enabled issuers of the database that may speak for a tenant; of null, the platform's.
select i.iss
from tenancy.issuers_of($1::pg_catalog.text::pg_catalog.uuid) as i
