-- code: TN701
-- name: default_tenant_setting
-- level: error
-- object: role
-- what: The setting of the tenant has a default.
-- why: A request that sets no tenant is then not nobody: it is the default's tenant, and sees its rows.
-- see: As the request role, on a fresh connection: show the setting; it must be unknown or empty.
-- fix: Reset the setting.

select
    'error' as level,
    d.object_type as object_type,
    d.object_identity as object_identity,
    null::pg_catalog.text as relation,
    pg_catalog.format('Connections of requests begin with %s set, to a tenant that no token named.', a.setting) as message,
    null::pg_catalog.text as detail,
    case d.object_type
        when 'server' then pg_catalog.format('alter system reset %s;', a.setting)
        else pg_catalog.format('alter %s %s%s reset %s;', d.object_type, d.object_identity, d.place, a.setting)
    end as fix,
    d.value as content
from session_default as d
cross join app as a
where d.name = pg_catalog.lower(a.setting)
    and d.value <> ''
