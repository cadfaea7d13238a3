-- The state of one tenant, asked as that tenant: the policy on tenancy.tenants shows it no other row.
select t.state
from tenancy.tenants as t
where t.id = $1
