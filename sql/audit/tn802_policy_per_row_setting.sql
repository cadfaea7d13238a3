-- code: TN802
-- name: policy_per_row_setting
-- level: advice
-- object: policy
-- what: A policy reads the setting of the tenant for each row.
-- why: Where no index serves, the setting is read and cast again for every row that is looked at. In a sub-select
--   it is read once a statement. With very few tenants the bare call can be faster, because the planner knows the
--   value.
-- see: explain (analyze) select count(*) from the table, as the request role, with both.
-- fix: Write (select ...) around the call.

select
    'advice' as level,
    'policy' as object_type,
    p.identity as object_identity,
    p.relation as relation,
    pg_catalog.format('%s reads the setting of the tenant for each row.', p.identity) as message,
    'Expression: ' || j.source as detail,
    pg_catalog.format('-- alter policy %I on %s, with: %s', p.policy_name, p.relation, r.sound_expression) as fix,
    pg_catalog.concat_ws(E'\n', p.using_text, p.check_text) as content
from (
    select distinct on (j.policy_oid)
        j.policy_oid,
        j.relation_oid,
        j.source
    from judgement as j
    where j.cost = 'per row'
        -- What a new row is checked against is asked once for each row that is written.
        and j.part = 'using'
        and j.role_kind <> 'door'
    order by j.policy_oid
) as j
inner join policy as p on p.policy_oid = j.policy_oid
inner join judged_relation as r on r.relation_oid = j.relation_oid
