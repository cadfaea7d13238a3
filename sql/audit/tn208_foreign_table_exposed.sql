-- code: TN208
-- name: foreign_table_exposed
-- level: error
-- object: relation
-- what: The request role reaches a foreign table that is not declared global.
-- why: A foreign table cannot have row-level security: the server behind it and the user mapping decide whose rows it
--   shows.
-- see: As the request role: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009'; select * from the
--   foreign table; no row may come back.
-- fix: Revoke the rights, and wrap it in what compares the tenant; or declare it global.

select
    'error' as level,
    'relation' as object_type,
    r.identity as object_identity,
    r.identity as relation,
    pg_catalog.format('%s is a foreign table, which no policy protects, and %s reaches it.', r.identity, who.names) as message,
    pg_catalog.format('Rights: %s.', who.rights) as detail,
    v.fix as fix,
    null::pg_catalog.text as content
from judged_relation as r
left join who on who.relation_oid = r.relation_oid
left join revocation as v on v.relation_oid = r.relation_oid
where r.relation_kind = 'f'
    and coalesce(r.kind, 'tenant') = 'tenant'
    and not r.of_extension
    and who.names is not null
