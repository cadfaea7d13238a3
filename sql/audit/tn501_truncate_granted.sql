-- code: TN501
-- name: truncate_granted
-- level: error
-- object: relation
-- what: The request role may truncate a tenant table.
-- why: No policy governs TRUNCATE: it empties the table of every tenant's rows. GRANT ALL grants it.
-- see: As the request role, in a transaction to roll back: set app.current_tenant_id =
--   '99999999-0000-4000-8000-000000000009'; truncate the table; it must fail.
-- fix: Revoke TRUNCATE.

select
    'error' as level,
    'relation' as object_type,
    t.identity as object_identity,
    t.identity as relation,
    pg_catalog.format('TRUNCATE on %s is granted to what requests run as.', t.identity) as message,
    pg_catalog.format('Roles: %s.', g.truncate_granted) as detail,
    pg_catalog.format('revoke truncate on %s from %s;', t.identity, coalesce(e.names, g.truncate_granted)) as fix,
    null::pg_catalog.text as content
from tenant_table as t
inner join tenant_right as g on g.relation_oid = t.relation_oid
left join grantee as e
    on e.relation_oid = t.relation_oid
    and e.privilege_type = 'TRUNCATE'
where g.truncate_granted is not null
