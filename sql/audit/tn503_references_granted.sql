-- code: TN503
-- name: references_granted
-- level: warning
-- object: relation
-- what: The request role may make foreign keys to a tenant table.
-- why: A foreign key is checked below the policies: a row of an own table that points at a key tells whether any
--   tenant has it, and keeps it from being deleted.
-- see: As the request role: create table with a foreign key to the table, and insert keys of others into it.
-- fix: Revoke REFERENCES.

select
    'warning' as level,
    'relation' as object_type,
    t.identity as object_identity,
    t.identity as relation,
    pg_catalog.format('REFERENCES on %s is granted to what requests run as.', t.identity) as message,
    pg_catalog.format('Roles: %s.', g.references_granted) as detail,
    pg_catalog.format('revoke references on %s from %s;', t.identity, coalesce(e.names, g.references_granted)) as fix,
    null::pg_catalog.text as content
from tenant_table as t
inner join tenant_right as g on g.relation_oid = t.relation_oid
left join grantee as e
    on e.relation_oid = t.relation_oid
    and e.privilege_type = 'REFERENCES'
where g.references_granted is not null
