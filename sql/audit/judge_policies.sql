-- The trees of all policies, for the exact judge.
select
    p.oid as policy_oid,
    p.polrelid as relation_oid,
    p.polqual::pg_catalog.text as using_tree,
    p.polwithcheck::pg_catalog.text as check_tree
from pg_catalog.pg_policy as p
