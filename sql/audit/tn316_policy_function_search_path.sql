-- code: TN316
-- name: policy_function_search_path
-- level: error
-- object: policy
-- what: A policy calls a function that names a table without its schema and fixes no search_path.
-- why: pg_temp is searched first: a temporary table of the same name stands in for the real one, also where the
--   function runs as its caller.
-- see: As the request role: create a temporary table of the name that the function reads, then select * from the
--   relation.
-- fix: Qualify the names, and set search_path = '' on the function, or give it a SQL-standard body.

select
    'error' as level,
    'policy' as object_type,
    b.identity as object_identity,
    r.identity as relation,
    pg_catalog.format('Policy %s calls a function that a temporary table can deceive.', b.identity) as message,
    pg_catalog.format('For %s of %I: %s', pg_catalog.array_to_string(b.commands, ', '), b.role_name, b.source) as detail,
    pg_catalog.format(
        'alter policy %I on %s%s%s;',
        p.policy_name,
        r.identity,
        case when p.command <> 'a' then pg_catalog.format(' using (%s)', r.sound_expression) end,
        case
            when p.command = 'a' or p.check_text is not null then pg_catalog.format(' with check (%s)', r.sound_expression)
        end
    ) as fix,
    pg_catalog.concat_ws(E'\n', p.command, p.permissive, p.roles, p.using_text, p.check_text) as content
from blamed_policy as b
inner join policy as p on p.policy_oid = b.policy_oid
inner join judged_relation as r on r.relation_oid = b.relation_oid
where b.code = 'TN316'
