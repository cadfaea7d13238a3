-- code: TN109
-- name: app_role_mismatch
-- level: error
-- object: role
-- what: The role that is audited is not the one that requests run as: it does not exist, or a setting makes its login
--   another role.
-- why: The policies of one role say nothing about another.
-- see: As the request role: select session_user, current_user; both must be the audited role.
-- fix: Name the role of the connection string; reset the setting.

select
    'error' as level,
    'role' as object_type,
    pg_catalog.quote_ident(c.contract ->> 'role') as object_identity,
    null::pg_catalog.text as relation,
    case
        when a.role_oid is null
            then pg_catalog.format('There is no role %I, so nothing could be audited for it.', c.contract ->> 'role')
        else
            pg_catalog.format(
                'A login as %I becomes another role at once: %s.',
                a.role_name,
                changed.setting
            )
    end as message,
    null::pg_catalog.text as detail,
    case
        when a.role_oid is not null then changed.fix
    end as fix,
    null::pg_catalog.text as content
from contract as c
left join app as a on true
left join lateral (
    select
        pg_catalog.string_agg(s.setting, ', ' order by s.setting) as setting,
        pg_catalog.string_agg(
            pg_catalog.format(
                'alter %s%s reset role;',
                case
                    when d.setrole = 0 then ''
                    else pg_catalog.format('role %I', a.role_name) || case when d.setdatabase = 0 then '' else ' in ' end
                end,
                case
                    when d.setdatabase = 0 then ''
                    else pg_catalog.format('database %I', pg_catalog.current_database())
                end
            ),
            E'\n'
        ) as fix
    from pg_catalog.pg_db_role_setting as d
    cross join lateral pg_catalog.unnest(d.setconfig) as s (setting)
    where d.setrole in (0, a.role_oid)
        and d.setdatabase in (
            0,
            (
                select b.oid
                from pg_catalog.pg_database as b
                where b.datname = pg_catalog.current_database()
            )
        )
        and s.setting ~* '^role='
        and s.setting <> 'role=' || a.role_name
        and s.setting !~* '^role=none$'
) as changed on true
where a.role_oid is null
    or changed.setting is not null
