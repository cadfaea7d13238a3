-- The tenants that the platform's issuer $1 (text) means by the names in $2 (text[]).
select
    b.name,
    b.tenant_id
from tenancy.issuer_bindings($1, $2) as b
