-- What `alter role ... set` says of the current role, which Postgres applies at a login and not at SET ROLE: the settings of
-- resources, planning and patience that every role may change. What the answer's form or the tenant hangs on (time zone,
-- search_path, row_security and so on) is not among them.

select distinct on (p.name)
    p.name as name,
    pg_catalog.substr(s.entry, pg_catalog.strpos(s.entry, '=') + 1) as value
from pg_catalog.pg_db_role_setting as d
inner join pg_catalog.pg_roles as r on r.oid = d.setrole
cross join lateral pg_catalog.unnest(d.setconfig) as s (entry)
inner join pg_catalog.pg_settings as p
    on p.name = pg_catalog.split_part(s.entry, '=', 1)
where r.rolname = current_user
    and d.setdatabase in (
        0,
        (
            select b.oid
            from pg_catalog.pg_database as b
            where b.datname = pg_catalog.current_database()
        )
    )
    and p.context = 'user'
    and (
        p.category like 'Resource Usage%'
        or p.category like 'Query Tuning%'
        or p.name in ('statement_timeout', 'lock_timeout')
    )
-- What is set for the role in this database goes before what is set for it everywhere.
order by p.name, d.setdatabase desc
