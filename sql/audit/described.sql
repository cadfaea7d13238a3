-- What a report shows beside the findings: each relation that the request role may touch, or that was declared, with the
-- rights and the policies that stand there today. One JSON object a row.
--
-- Stands alone, without the prelude: it shows and does not judge. $1: the contract, as text.

select
    pg_catalog.jsonb_build_object(
        'relation', pg_catalog.format('%I.%I', n.nspname, c.relname),
        'schema', n.nspname,
        'name', c.relname,
        'kind', c.relkind,
        'declared', d.kind,
        'tenant_column', d.tenant_column,
        'owner', pg_catalog.pg_get_userbyid(c.relowner),
        'rls_enabled', c.relrowsecurity,
        'rls_forced', c.relforcerowsecurity,
        'comment', pg_catalog.obj_description(c.oid, 'pg_class'),
        'select', pg_catalog.has_any_column_privilege(r.oid, c.oid, 'SELECT'),
        'insert', pg_catalog.has_any_column_privilege(r.oid, c.oid, 'INSERT'),
        'update', pg_catalog.has_any_column_privilege(r.oid, c.oid, 'UPDATE'),
        'delete', pg_catalog.has_table_privilege(r.oid, c.oid, 'DELETE'),
        'truncate', pg_catalog.has_table_privilege(r.oid, c.oid, 'TRUNCATE'),
        'policies', coalesce(
            (
                select pg_catalog.jsonb_agg(
                    pg_catalog.jsonb_build_object(
                        'name', p.polname,
                        'command', case p.polcmd
                            when 'r' then 'SELECT'
                            when 'a' then 'INSERT'
                            when 'w' then 'UPDATE'
                            when 'd' then 'DELETE'
                            else 'ALL'
                        end,
                        'permissive', p.polpermissive,
                        'roles', coalesce(
                            (
                                select pg_catalog.jsonb_agg(
                                    case when x.role_oid = 0 then 'public' else pg_catalog.pg_get_userbyid(x.role_oid) end
                                    order by x.position
                                )
                                from pg_catalog.unnest(p.polroles) with ordinality as x (role_oid, position)
                            ),
                            '[]'
                        ),
                        'applies', 0 = any (p.polroles) or exists (
                            select
                            from pg_catalog.unnest(p.polroles) as x (role_oid)
                            where x.role_oid <> 0
                                and pg_catalog.pg_has_role(r.oid, x.role_oid, 'USAGE')
                        ),
                        'using', pg_catalog.pg_get_expr(p.polqual, p.polrelid),
                        'check', pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid),
                        'comment', pg_catalog.obj_description(p.oid, 'pg_policy')
                    )
                    order by p.polname
                )
                from pg_catalog.pg_policy as p
                where p.polrelid = c.oid
            ),
            '[]'
        )
    )::pg_catalog.text as relation
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
inner join pg_catalog.pg_roles as r on r.rolname = $1::pg_catalog.text::pg_catalog.jsonb ->> 'role'
left join lateral (
    select
        j.kind,
        j.tenant_column
    from pg_catalog.jsonb_to_recordset($1::pg_catalog.text::pg_catalog.jsonb -> 'relations')
        as j (relation pg_catalog.text, kind pg_catalog.text, tenant_column pg_catalog.text)
    where j.relation = pg_catalog.format('%I.%I', n.nspname, c.relname)
    limit 1
) as d on true
where c.relkind in ('r', 'p', 'v', 'm', 'f')
    and n.nspname not like 'pg\_%'
    and n.nspname <> 'information_schema'
    and (
        d.kind is not null
        or (
            pg_catalog.has_schema_privilege(r.oid, n.oid, 'USAGE')
            and (
                pg_catalog.has_any_column_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE')
                or pg_catalog.has_table_privilege(r.oid, c.oid, 'DELETE, TRUNCATE')
            )
        )
    )
order by n.nspname, c.relname
