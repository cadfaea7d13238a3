-- Every function that the role which asks may call, one JSON object a row: what `rowhouse prove` calls.
--
-- Left out are trigger functions, aggregates, window functions, procedures and those of an extension. required: the types of
-- the arguments that have no default. row_columns: the columns of the rows that it returns, where they have any. of_service:
-- whether it is the service's own and runs as the owner of its tables: such functions answer before a tenant is known.

select
    pg_catalog.jsonb_build_object(
        'oid', p.oid::pg_catalog.int8,
        'schema', n.nspname,
        'name', p.proname,
        'identity', pg_catalog.format(
            '%I.%I(%s)', n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)
        ),
        'volatile', p.provolatile = 'v',
        'definer', p.prosecdef
            or exists (
                select
                from pg_catalog.unnest(p.proconfig) as c (setting)
                where c.setting not like 'search\_path=%'
            ),
        'of_service', n.nspname = 'tenancy'
            and p.prosecdef
            and p.proowner = n.nspowner
            and pg_catalog.to_regclass('tenancy.schema_history') is not null,
        'variadic', p.provariadic <> 0,
        'required', coalesce(
            (
                select pg_catalog.jsonb_agg(
                    pg_catalog.jsonb_build_object(
                        'name', coalesce(p.proargnames[u.position], ''),
                        'type_name', pg_catalog.format_type(u.type_oid, null)
                    )
                    order by u.position
                )
                from pg_catalog.unnest(p.proargtypes) with ordinality as u (type_oid, position)
                where u.position <= p.pronargs - p.pronargdefaults
            ),
            '[]'
        ),
        'row_columns', coalesce(
            (
                select pg_catalog.jsonb_agg(a.attname order by a.attnum)
                from pg_catalog.pg_attribute as a
                where a.attrelid = r.typrelid
                    and a.attnum > 0
                    and not a.attisdropped
            ),
            (
                select pg_catalog.jsonb_agg(u.name order by u.position)
                from rows from (pg_catalog.unnest(p.proargmodes), pg_catalog.unnest(p.proargnames))
                    with ordinality as u (mode, name, position)
                where u.mode = 't'
            ),
            '[]'
        )
    )::pg_catalog.text as function
from pg_catalog.pg_proc as p
inner join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
inner join pg_catalog.pg_type as r on r.oid = p.prorettype
where p.prokind = 'f'
    and n.nspname not like 'pg\_%'
    and n.nspname <> 'information_schema'
    and p.prorettype not in (
        'pg_catalog.trigger'::pg_catalog.regtype,
        'pg_catalog.event_trigger'::pg_catalog.regtype
    )
    -- What returns `record` without saying of what cannot be called without a column list.
    and not (p.prorettype = 'pg_catalog.record'::pg_catalog.regtype and p.proargmodes is null)
    and pg_catalog.has_schema_privilege(n.oid, 'USAGE')
    and pg_catalog.has_function_privilege(p.oid, 'EXECUTE')
    and not exists (
        select
        from pg_catalog.pg_depend as e
        where e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
            and e.objid = p.oid
            and e.deptype = 'e'
    )
order by n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)
