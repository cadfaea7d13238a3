-- code: TN405
-- name: secdef_search_path
-- level: error
-- object: function
-- what: A SECURITY DEFINER function can be made to use objects of its caller.
-- why: A name without a schema is looked up on the caller's path, if the function fixes none, and for tables in
--   pg_temp first, unless the path names pg_temp last. What the caller has put there runs, or is written to, as the
--   function's owner.
-- see: As the request role: create temp table of a name that the function uses, with a trigger; call the function.
-- fix: Fix the path: set search_path = '' and qualify every name, or pg_catalog, pg_temp.

select
    case when f.of_extension then 'advice' else path.level end as level,
    'function' as object_type,
    f.identity as object_identity,
    null::pg_catalog.text as relation,
    pg_catalog.format('%s runs as %I, and %s.', f.identity, f.owner_name, path.what) as message,
    path.path as detail,
    pg_catalog.format('alter routine %s set search_path = pg_catalog, pg_temp;', f.identity) as fix,
    f.definition as content
from callable as f
cross join temporary as t
cross join lateral (
    select pg_catalog.substr(s.setting, pg_catalog.length('search_path=') + 1) as value
    from (select) as one
    left join pg_catalog.unnest(f.config) as s (setting) on s.setting ~ '^search_path='
) as fixed
cross join lateral (
    select
        pg_catalog.array_agg(
            pg_catalog.btrim(e.name, '" ')
            order by e.place
        ) filter (where pg_catalog.btrim(e.name, '" ') <> '') as names
    from pg_catalog.regexp_split_to_table(fixed.value, ',') with ordinality as e (name, place)
) as entry
cross join lateral (
    select
        'error' as level,
        'fixes no search_path' as what,
        null::pg_catalog.text as path
    where fixed.value is null
    union all
    select
        'error',
        pg_catalog.format('its search_path holds %s, in which requests make objects', s.identity),
        fixed.value
    from creatable_schema as s
    where s.namespace_name::pg_catalog.text = any (entry.names)
    union all
    -- Functions and operators are never looked up in pg_temp unless it is named; relations and types are, and first.
    select
        case when entry.names = array['pg_catalog'] then 'advice' else 'error' end,
        'its search_path does not end with pg_temp, which is then searched first',
        fixed.value
    where entry.names[pg_catalog.cardinality(entry.names)] <> 'pg_temp'
        and t.allowed
    limit 1
) as path
where f.security_definer
    -- Its names were bound when it was made.
    and not f.body_is_bound
    and f.language_name not in ('c', 'internal')
