-- code: TN502
-- name: trigger_granted
-- level: warning
-- object: relation
-- what: The request role may attach triggers to a tenant table.
-- why: A trigger runs for the writes of every tenant, and sees each row. Its function can be made in any schema
--   where the role makes objects, also in pg_temp while the session lasts.
-- see: As the request role: create trigger on the table, with a function of pg_temp; it must fail.
-- fix: Revoke TRIGGER.

select
    case when p.allowed or exists (select from creatable_schema) then 'error' else 'warning' end as level,
    'relation' as object_type,
    t.identity as object_identity,
    t.identity as relation,
    pg_catalog.format('TRIGGER on %s is granted to what requests run as.', t.identity) as message,
    pg_catalog.format('Roles: %s.', g.trigger_granted) as detail,
    pg_catalog.format('revoke trigger on %s from %s;', t.identity, coalesce(e.names, g.trigger_granted)) as fix,
    null::pg_catalog.text as content
from tenant_table as t
inner join tenant_right as g on g.relation_oid = t.relation_oid
left join grantee as e
    on e.relation_oid = t.relation_oid
    and e.privilege_type = 'TRIGGER'
cross join temporary as p
where g.trigger_granted is not null
