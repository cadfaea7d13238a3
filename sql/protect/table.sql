-- What `rowhouse protect` must know of a table, as one JSON object; no row where there is no such table.
--
-- $1: the table, as to_regclass reads it; $2: the request role; $3: the name of the tenant column.

select
    pg_catalog.jsonb_build_object(
        'schema', n.nspname,
        'name', c.relname,
        'relation', pg_catalog.format('%I.%I', n.nspname, c.relname),
        'kind', c.relkind,
        'is_partition', c.relispartition,
        'has_children', c.relhassubclass,
        'rls_enabled', c.relrowsecurity,
        'rls_forced', c.relforcerowsecurity,
        'owner', pg_catalog.pg_get_userbyid(c.relowner),
        'role_owns', pg_catalog.pg_has_role(r.oid, c.relowner, 'MEMBER'),
        'registry', pg_catalog.to_regclass('tenancy.tenants') is not null,
        'helper', pg_catalog.to_regprocedure('tenancy.current_tenant_id()') is not null,
        'declares', pg_catalog.to_regprocedure('tenancy.declare(regclass,text,text,name)') is not null,
        'rows_expected', c.reltuples,
        'tenant_column', (
            select pg_catalog.jsonb_build_object(
                'type_name', pg_catalog.format_type(a.atttypid, a.atttypmod),
                'not_null', a.attnotnull,
                'has_default', a.atthasdef,
                'refers', exists (
                    select
                    from pg_catalog.pg_constraint as f
                    where f.conrelid = c.oid
                        and f.contype = 'f'
                        and f.conkey = array[a.attnum]
                        and f.confrelid = pg_catalog.to_regclass('tenancy.tenants')
                )
            )
            from pg_catalog.pg_attribute as a
            where a.attrelid = c.oid
                and a.attname = $3
                and a.attnum > 0
                and not a.attisdropped
        ),
        'privileges', (
            select coalesce(pg_catalog.jsonb_agg(p.privilege order by p.position), '[]')
            from pg_catalog.unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE']) with ordinality as p (privilege, position)
            where pg_catalog.has_table_privilege(r.oid, c.oid, p.privilege)
        ),
        'column_privileges', (
            select coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(p.privilege, a.attname) order by p.position, a.attnum), '[]')
            from pg_catalog.unnest(array['SELECT', 'INSERT', 'UPDATE']) with ordinality as p (privilege, position)
            inner join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            where not pg_catalog.has_table_privilege(r.oid, c.oid, p.privilege)
                and pg_catalog.has_column_privilege(r.oid, c.oid, a.attnum, p.privilege)
        ),
        'policies', (
            select coalesce(pg_catalog.jsonb_agg(p.polname order by p.polname), '[]')
            from pg_catalog.pg_policy as p
            where p.polrelid = c.oid
        ),
        -- Unique keys. plain: of columns alone, for all rows, so that it can be written again with the tenant before them.
        'keys', (
            select coalesce(
                pg_catalog.jsonb_agg(
                    pg_catalog.jsonb_build_object(
                        'index', ic.relname,
                        'constraint', k.conname,
                        'primary', i.indisprimary,
                        'plain', i.indexprs is null and i.indpred is null and i.indnkeyatts = i.indnatts
                            and not i.indnullsnotdistinct and i.indimmediate,
                        'referenced', exists (
                            select
                            from pg_catalog.pg_constraint as f
                            where f.contype = 'f'
                                and f.conindid = i.indexrelid
                        ),
                        'columns', (
                            select coalesce(pg_catalog.jsonb_agg(a.attname order by u.position), '[]')
                            from pg_catalog.unnest(i.indkey::pg_catalog.int2[]) with ordinality as u (attnum, position)
                            inner join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum = u.attnum
                        )
                    )
                    order by not i.indisprimary, ic.relname
                ),
                '[]'
            )
            from pg_catalog.pg_index as i
            inner join pg_catalog.pg_class as ic on ic.oid = i.indexrelid
            left join pg_catalog.pg_constraint as k on k.conindid = i.indexrelid and k.contype in ('p', 'u')
            where i.indrelid = c.oid
                and i.indisunique
                and i.indisvalid
        ),
        'foreign_keys', (
            select coalesce(
                pg_catalog.jsonb_agg(
                    pg_catalog.jsonb_build_object(
                        'name', f.conname,
                        'schema', tn.nspname,
                        'table', t.relname,
                        'on_update', f.confupdtype,
                        'on_delete', f.confdeltype,
                        'matches_simple', f.confmatchtype = 's',
                        'deferrable', f.condeferrable,
                        'deferred', f.condeferred,
                        'target_has_tenant', exists (
                            select
                            from pg_catalog.pg_attribute as a
                            where a.attrelid = t.oid
                                and a.attname = $3
                                and a.attnotnull
                                and not a.attisdropped
                        ),
                        'target_key', exists (
                            select
                            from pg_catalog.pg_index as i
                            inner join pg_catalog.pg_attribute as a on a.attrelid = t.oid and a.attname = $3
                            where i.indrelid = t.oid
                                and i.indisunique
                                and i.indpred is null
                                and i.indexprs is null
                                and i.indnkeyatts = pg_catalog.cardinality(f.confkey) + 1
                                and (i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1] @> (f.confkey || a.attnum)
                        ),
                        'columns', (
                            select pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(a.attname, b.attname) order by u.position)
                            from rows from (pg_catalog.unnest(f.conkey), pg_catalog.unnest(f.confkey))
                                with ordinality as u (ours, theirs, position)
                            inner join pg_catalog.pg_attribute as a on a.attrelid = f.conrelid and a.attnum = u.ours
                            inner join pg_catalog.pg_attribute as b on b.attrelid = f.confrelid and b.attnum = u.theirs
                        )
                    )
                    order by f.conname
                ),
                '[]'
            )
            from pg_catalog.pg_constraint as f
            inner join pg_catalog.pg_class as t on t.oid = f.confrelid
            inner join pg_catalog.pg_namespace as tn on tn.oid = t.relnamespace
            where f.conrelid = c.oid
                and f.contype = 'f'
                and f.conparentid = 0
        ),
        'referenced_by', (
            select coalesce(pg_catalog.jsonb_agg(distinct pg_catalog.format('%I.%I', xn.nspname, x.relname)), '[]')
            from pg_catalog.pg_constraint as f
            inner join pg_catalog.pg_class as x on x.oid = f.conrelid
            inner join pg_catalog.pg_namespace as xn on xn.oid = x.relnamespace
            where f.confrelid = c.oid
                and f.contype = 'f'
                and f.conrelid <> c.oid
        )
    )::pg_catalog.text as description
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
inner join pg_catalog.pg_roles as r on r.rolname = $2
where c.oid = pg_catalog.to_regclass($1)
