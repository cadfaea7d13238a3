-- code: TN104
-- name: app_role_owns_relation
-- level: error
-- object: role
-- what: The request role owns a relation, a schema, a function or the database.
-- why: The owner of a table skips its policies where they are not forced; and where they are, it may take FORCE, the
--   policies or the table away, or truncate it.
-- see: As the request role: alter table the relation no force row level security; select * from the relation.
-- fix: Let the role that runs migrations own everything, and grant the request role what requests do.

select
    'error' as level,
    'role' as object_type,
    pg_catalog.quote_ident(a.role_name) as object_identity,
    null::pg_catalog.text as relation,
    pg_catalog.format('The request role %I owns %s.', a.role_name, owned.names) as message,
    case when owned.n > 5 then pg_catalog.format('%s objects in all.', owned.n) end as detail,
    owned.fixes as fix,
    null::pg_catalog.text as content
from app as a
-- Who owns most of what the request role does not reach: migrations run as it.
cross join lateral (
    select
        coalesce(
            (
                select r.owner_name
                from relation as r
                where not pg_catalog.pg_has_role(a.role_oid, r.owner_oid, 'MEMBER')
                group by r.owner_name
                order by
                    pg_catalog.count(*) desc,
                    r.owner_name
                limit 1
            ),
            (
                select o.rolname
                from pg_catalog.pg_database as d
                inner join pg_catalog.pg_roles as o on o.oid = d.datdba
                where d.datname = pg_catalog.current_database()
                    and not pg_catalog.pg_has_role(a.role_oid, d.datdba, 'MEMBER')
            ),
            (
                select o.rolname
                from pg_catalog.pg_roles as o
                where o.rolsuper
                order by o.oid
                limit 1
            )
        ) as role_name
) as migrator
cross join lateral (
    select
        pg_catalog.count(*) as n,
        pg_catalog.string_agg(o.identity, ', ' order by o.at, o.identity) filter (where o.position <= 5) as names,
        pg_catalog.string_agg(o.change, E'\n' order by o.at, o.identity) as fixes
    from (
        select
            o.*,
            pg_catalog.row_number() over (order by o.at, o.identity) as position
        from (
            select
                1 as at,
                r.identity,
                pg_catalog.format(
                    'alter %s %s owner to %I;',
                    case r.relation_kind
                        when 'v' then 'view'
                        when 'm' then 'materialized view'
                        when 'f' then 'foreign table'
                        else 'table'
                    end,
                    r.identity,
                    migrator.role_name
                ) as change
            from relation as r
            where r.owner_oid = a.role_oid
            union all
            select
                1,
                pg_catalog.format('%I.%I', n.namespace_name, c.relname),
                pg_catalog.format('alter sequence %I.%I owner to %I;', n.namespace_name, c.relname, migrator.role_name)
            from pg_catalog.pg_class as c
            inner join namespace as n on n.namespace_oid = c.relnamespace
            where c.relkind = 'S'
                and c.relowner = a.role_oid
                -- That of a column follows its table.
                and not exists (
                    select
                    from pg_catalog.pg_depend as d
                    where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                        and d.objid = c.oid
                        and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
                        and d.deptype in ('a', 'i')
                )
            union all
            select
                2,
                'schema ' || n.identity,
                pg_catalog.format('alter schema %s owner to %I;', n.identity, migrator.role_name)
            from namespace as n
            where n.owner_oid = a.role_oid
            union all
            select
                3,
                f.identity,
                pg_catalog.format('alter routine %s owner to %I;', f.identity, migrator.role_name)
            from routine as f
            where f.owner_oid = a.role_oid
            union all
            select
                4,
                pg_catalog.format('database %I', d.datname),
                pg_catalog.format('alter database %I owner to %I;', d.datname, migrator.role_name)
            from pg_catalog.pg_database as d
            where d.datname = pg_catalog.current_database()
                and d.datdba = a.role_oid
        ) as o
    ) as o
) as owned
where owned.n > 0 and not a.superuser
