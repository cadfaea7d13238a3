-- code: TN506
-- name: public_grant
-- level: warning
-- object: relation
-- what: A tenant table is granted to PUBLIC.
-- why: Every role there is and will be has the right, also those for which no policy was written, and what revokes
--   from the request role takes nothing away.
-- see: In psql: \dp
-- fix: Revoke from PUBLIC, and grant to the roles that need it.

select
    'warning' as level,
    'relation' as object_type,
    t.identity as object_identity,
    t.identity as relation,
    pg_catalog.format('%s is granted to PUBLIC.', t.identity) as message,
    'Rights: ' || g.rights || '.' as detail,
    pg_catalog.format('revoke all on %s from public;', t.identity) as fix,
    null::pg_catalog.text as content
from tenant_table as t
cross join lateral (
    select pg_catalog.string_agg(distinct x.privilege_type, ', ') as rights
    from (
        select c.relacl as acl
        from pg_catalog.pg_class as c
        where c.oid = t.relation_oid
        union all
        select a.attacl
        from pg_catalog.pg_attribute as a
        where a.attrelid = t.relation_oid
            and not a.attisdropped
    ) as lists
    cross join lateral pg_catalog.aclexplode(lists.acl) as x
    where x.grantee = 0
) as g
where g.rights is not null
