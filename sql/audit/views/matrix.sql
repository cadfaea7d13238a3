-- view: matrix
-- comment: Each tenant relation and command: may the request role, which policies decide, and are only its own rows there.
-- column: relation text = The relation.
-- column: command text = SELECT, INSERT, UPDATE-old (rows to change), UPDATE-new (what they become), DELETE or TRUNCATE.
-- column: granted boolean = Whether the request role has the right.
-- column: predicate text = The policies that decide, in words: (p1 OR p2) AND r1.
-- column: verdict text = scoped, open, unproven, closed, or - where the right is not granted.
-- column: as_role name = The role that was asked for: the request role, or one that it may act as.

select
    r.identity,
    m.command,
    m.granted,
    m.predicate,
    case
        when not m.granted then '-'
        else m.verdict
    end,
    m.role_name
from relation as r
inner join (
    select
        s.relation_oid,
        s.role_name,
        s.role_kind,
        s.command,
        s.at,
        s.granted,
        case
            when s.permissive_n = 0 then 'false'
            else pg_catalog.concat_ws(
                ' AND ',
                '(' || pg_catalog.array_to_string(s.permissive_names, ' OR ') || ')',
                pg_catalog.array_to_string(s.restrictive_names, ' AND ')
            )
        end as predicate,
        case s.scoped
            when 'yes' then 'scoped'
            when 'no' then 'open'
            else s.scoped
        end as verdict
    from command_scope as s
    union all
    select
        x.relation_oid,
        x.role_name,
        x.role_kind,
        'TRUNCATE',
        6,
        x.may_truncate,
        'none: no policy governs it',
        'open'
    from access as x
) as m on m.relation_oid = r.relation_oid
where r.kind = 'tenant'
    and r.relation_kind in ('r', 'p')
    and m.role_kind <> 'door'
order by r.identity, m.role_kind = 'self' desc, m.role_name, m.at
