-- view: role_reach
-- comment: Which roles the request role is, inherits from, may become or may grant itself, and what that would give it.
-- column: role name = The role.
-- column: path text[] = The memberships on the way, from the request role to this one.
-- column: how text = self, inherits, set_role or admin_option.
-- column: superuser boolean = Whether policies are never evaluated for it.
-- column: bypassrls boolean = Whether it has BYPASSRLS.
-- column: replication boolean = Whether it may replicate.
-- column: createrole boolean = Whether it may create roles.
-- column: owns bigint = How many relations it owns.
-- column: verdict text = bound (policies bind it), owner (it owns relations) or free (nothing binds it).

, walk (role_oid, path) as (
    select
        a.role_oid,
        array[a.role_name::pg_catalog.text]
    from app as a
    union all
    select
        m.roleid,
        w.path || r.rolname::pg_catalog.text
    from walk as w
    inner join pg_catalog.pg_auth_members as m on m.member = w.role_oid
    inner join pg_catalog.pg_roles as r on r.oid = m.roleid
    where not r.rolname = any (w.path)
        and pg_catalog.cardinality(w.path) < 16
),
listed as (
    select
        a.role_oid,
        a.role_name,
        'self' as how,
        a.superuser,
        a.bypass_rls,
        a.replication,
        a.create_role
    from app as a
    union all
    select
        r.role_oid,
        r.role_name,
        case
            when r.inherited then 'inherits'
            when r.becomes then 'set_role'
            else 'admin_option'
        end,
        r.superuser,
        r.bypass_rls,
        r.replication,
        r.create_role
    from role_reach as r
)
select
    l.role_name,
    (
        select w.path
        from walk as w
        where w.role_oid = l.role_oid
        order by pg_catalog.cardinality(w.path), w.path
        limit 1
    ),
    l.how,
    l.superuser,
    l.bypass_rls,
    l.replication,
    l.create_role,
    owned.n,
    case
        when l.superuser or l.bypass_rls then 'free'
        when owned.n > 0 then 'owner'
        else 'bound'
    end
from listed as l
cross join lateral (
    select pg_catalog.count(*)
    from relation as r
    where r.owner_oid = l.role_oid
) as owned (n)
order by l.how = 'self' desc, l.role_name
