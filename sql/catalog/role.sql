-- Who asks, on what server, and whether the connection is as clean as a fresh one must be. One row.

select
    me.rolname::pg_catalog.text as role_name,
    session_user::pg_catalog.text as session_role_name,
    pg_catalog.current_setting('TimeZone') as time_zone,
    pg_catalog.current_setting('app.current_tenant_id', true) as tenant_setting,
    pg_catalog.current_setting('server_version_num')::pg_catalog.int4 as server_version,
    exists (
        select
        from pg_catalog.pg_extension as e
        where e.extname = 'citus'
    ) as citus,
    (
        select n.nspname::pg_catalog.text
        from pg_catalog.pg_extension as e
        inner join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
        where e.extname = 'postgis'
            and pg_catalog.split_part(e.extversion, '.', 1)::pg_catalog.int4 >= 3
            and pg_catalog.has_schema_privilege(n.oid, 'USAGE')
    ) as postgis_schema,
    coalesce(pg_catalog.current_setting('pg_stat_statements.track_utility', true), 'off') = 'on' as utility_tracked
from pg_catalog.pg_roles as me
where me.rolname = current_user
