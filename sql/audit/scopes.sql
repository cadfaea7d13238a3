-- What the policies come to for the request role: a row for each command on each tenant table. Behind the prelude; the page of
-- HTML shows it.
select
    r.identity as relation,
    s.command::pg_catalog.text as command,
    s.granted,
    s.scoped::pg_catalog.text as scoped,
    coalesce(s.permissive_names, '{}') as permissive,
    coalesce(s.restrictive_names, '{}') as restrictive
from command_scope as s
inner join relation as r on r.relation_oid = s.relation_oid
where s.role_kind = 'self'
order by r.identity, s.at
