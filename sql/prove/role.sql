-- Who tries, and whom it may become. One row, run by `rowhouse prove` on a fresh connection of the request role.
--
-- $1: the name of the tenant's setting. reachable: roles whose rights SET ROLE would give, that are superusers, bypass
-- row-level security, or own a relation outside the system schemas: the prover tries to become each.

select
    me.rolname::pg_catalog.text as role_name,
    me.rolsuper as superuser,
    me.rolbypassrls as bypass_rls,
    pg_catalog.current_setting($1, true) as tenant_setting,
    pg_catalog.current_setting('server_version')::pg_catalog.text as server_version,
    coalesce(
        (
            select pg_catalog.array_agg(r.rolname::pg_catalog.text order by r.rolname)
            from pg_catalog.pg_roles as r
            where r.oid <> me.oid
                -- Those of Postgres itself own its schemas.
                and r.rolname not like 'pg\_%'
                and (
                    r.rolsuper
                    or r.rolbypassrls
                    or exists (
                        select
                        from pg_catalog.pg_class as c
                        inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
                        where c.relowner = r.oid
                            and c.relkind in ('r', 'p')
                            and n.nspname not like 'pg\_%'
                            and n.nspname <> 'information_schema'
                    )
                )
        ),
        '{}'
    ) as dangerous_roles
from pg_catalog.pg_roles as me
where me.rolname = current_user
