-- What the request role is and may become: the facts on which the service refuses to start. One row.
--
-- 'MEMBER' asks what SET ROLE can reach, over any number of hops, also where nothing is inherited.

select
    me.rolname::pg_catalog.text as role_name,
    session_user::pg_catalog.text as session_role_name,
    me.rolsuper as superuser,
    me.rolbypassrls as bypass_rls,
    me.rolreplication as replication,
    me.rolcreaterole as create_role,
    coalesce(
        (
            select pg_catalog.array_agg(r.rolname::pg_catalog.text order by r.rolname)
            from pg_catalog.pg_roles as r
            where (r.rolsuper or r.rolbypassrls or r.rolreplication or r.rolcreaterole)
                and r.oid <> me.oid
                and pg_catalog.pg_has_role(me.oid, r.oid, 'MEMBER')
        ),
        '{}'
    ) as reachable_dangerous_roles,
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
