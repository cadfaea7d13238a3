-- code: TN406
-- name: secdef_trigger
-- level: warning
-- object: trigger
-- what: A write of the request role fires a SECURITY DEFINER function that runs as somebody whom no policy binds.
-- why: Firing a trigger needs no right to its function. What it reads of other tenants it can write into the row,
--   or into tables that the request role reads.
-- see: As the request role: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009'; write a row, and
--   look at what it and other tables hold afterwards.
-- fix: Make the function SECURITY INVOKER; or give it to an owner whom forced policies bind; or read it and
--   declare it trusted.

select
    case
        when back.given then 'error'
        when d.names is null and d.scoped_names is not null then 'advice'
        else 'warning'
    end as level,
    'trigger' as object_type,
    pg_catalog.format('%s/%I', r.identity, g.tgname) as object_identity,
    r.identity as relation,
    pg_catalog.format('A write to %s runs %s as %I, whom no policy keeps from other tenants'' rows.', r.identity, f.identity, f.owner_name)
        as message,
    pg_catalog.format(
        '%s%s.',
        coalesce(d.seen_why, d.door_why),
        case
            when back.given then ', and it writes what it likes into what requests read'
            when d.names is null and d.scoped_names is not null then '; it compares the tenant wherever it names ' || d.scoped_names
            when d.names is null then '; its text names no tenant table'
        end
    ) as detail,
    pg_catalog.format('alter function %s security invoker;', f.identity) as fix,
    f.definition as content
from pg_catalog.pg_trigger as g
inner join relation as r on r.relation_oid = g.tgrelid
inner join written_relation as w on w.relation_oid = g.tgrelid
inner join callable as f on f.function_oid = g.tgfoid
inner join definer as d on d.function_oid = f.function_oid
cross join lateral (
    select
        d.opaque
        or d.names is not null
        and (
            -- The row of a BEFORE trigger for each row is what it makes of it.
            g.tgtype & 3 = 3 and f.text ~ '\mnew\s*(\.\s*"?\w+"?\s*)?:?=|\m(into|for)\s[^;]*\mnew\M|\mreturn\s+(?!(new|old|null)\s*;)'
            -- What it says carries what it has read.
            or f.text ~ '\mraise\s[^;]*(''\s*,|\musing\M[^;]*\()|\mset_config\M|\mnotify\M|\mpg_notify\M'
            or exists (
                select
                from door_code as h
                where h.function_oid = f.function_oid
                    and h.code_oid <> f.function_oid
                    and not exists (
                        select
                        from tenant_function as t
                        where t.function_oid = h.code_oid
                    )
            )
            or exists (
                select
                from relation as x
                cross join acting_role as a
                where f.text ~ '\m(insert\s+into|update|delete\s+from|merge\s+into)\M'
                    and pg_catalog.strpos(f.text, pg_catalog.lower(x.relation_name)) > 0
                    and pg_catalog.has_any_column_privilege(a.role_oid, x.relation_oid, 'SELECT')
            )
        ) as given
) as back
where not g.tgisinternal
    and g.tgenabled <> 'D'
    -- INSTEAD OF triggers are TN403's.
    and g.tgtype & 64 = 0
