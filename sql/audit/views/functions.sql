-- What stands on the views: the verdict in a line, the decision explained, an assertion for migrations, and a script to try.

create view tenancy.verdict with (security_invoker = true) as
select
    pg_catalog.format(
        '%s tenant tables, %s enforced, %s closed, %s unproven, %s open%s; %s unclassified; %s errors, %s warnings, %s advice, %s waived%s',
        t.tenant_n,
        t.enforced_n,
        t.closed_n,
        t.unproven_n,
        t.open_n,
        coalesce(' (' || t.open_names || ')', ''),
        t.unclassified_n,
        f.error_n,
        f.warning_n,
        f.advice_n,
        f.waived_n,
        coalesce(', the next until ' || f.next_until, '')
    ) as verdict,
    f.error_n = 0 as sound
from (
    select
        pg_catalog.count(*) filter (where t.kind = 'tenant') as tenant_n,
        pg_catalog.count(*) filter (where t.kind = 'tenant' and t.verdict = 'ENFORCED') as enforced_n,
        pg_catalog.count(*) filter (where t.kind = 'tenant' and t.verdict = 'CLOSED') as closed_n,
        pg_catalog.count(*) filter (where t.kind = 'tenant' and t.verdict = 'UNPROVEN') as unproven_n,
        pg_catalog.count(*) filter (where t.kind = 'tenant' and t.verdict = 'OPEN') as open_n,
        pg_catalog.string_agg(t.relation, ', ' order by t.relation) filter (where t.kind = 'tenant' and t.verdict = 'OPEN')
            as open_names,
        pg_catalog.count(*) filter (where t.verdict = 'UNCLASSIFIED') as unclassified_n
    from tenancy.table_audit as t
) as t
cross join (
    select
        pg_catalog.count(*) filter (where f.level = 'error' and not f.waived) as error_n,
        pg_catalog.count(*) filter (where f.level = 'warning' and not f.waived) as warning_n,
        pg_catalog.count(*) filter (where f.level = 'advice' and not f.waived) as advice_n,
        pg_catalog.count(*) filter (where f.waived) as waived_n,
        pg_catalog.min(f.waiver_until) filter (where f.waived) as next_until
    from tenancy.findings as f
) as f;
comment on view tenancy.verdict is 'The audit in one line.';
comment on column tenancy.verdict.verdict is 'Tables by their verdicts, findings by their levels.';
comment on column tenancy.verdict.sound is 'Whether there is no error that is not waived.';

create function tenancy.explain(relation text, command text default 'SELECT')
returns setof text
language sql
stable
set search_path = ''
as $$
    with asked as (
        select t.*
        from tenancy.table_audit as t
        where t.relation = $1
    ),
    line (at, number, text) as (
        select
            1,
            0::pg_catalog.int8,
            pg_catalog.format('%s is %s (%s), owned by %s.', a.relation, coalesce(a.kind, 'undeclared'), coalesce(a.declared, 'nobody said so'), a.owner)
        from asked as a
        union all
        select
            2,
            0,
            case
                when not a.rls then 'Row-level security is not enabled: no policy counts.'
                when not a.active_for_app then 'Row-level security is enabled, and does not bind the request role.'
                when a.forced then 'Row-level security is enabled and forced.'
                else 'Row-level security is enabled, and not forced: the owner is not bound.'
            end
        from asked as a
        union all
        select
            3,
            pg_catalog.row_number() over (order by p.permissive desc, p.policy, p.part desc),
            pg_catalog.format(
                '%s policy %I %s (%s, %s): %s -> %s%s',
                case when p.permissive then 'permissive' else 'restrictive' end,
                p.policy,
                p.applies_why,
                p.command,
                p.expression_from,
                coalesce(p.expression, 'no expression'),
                case
                    when not p.applies_to_app then 'does not bind'
                    when p.expression is null then 'says nothing'
                    else coalesce('scoped: ' || p.scoped, 'not judged')
                end,
                coalesce(' (' || p.code || ')', '')
            )
        from tenancy.policy_audit as p
        where p.relation = $1
            and p.command in ('ALL', pg_catalog.upper(pg_catalog.split_part($2, '-', 1)))
        union all
        select
            4,
            pg_catalog.row_number() over (order by m.as_role, m.command desc),
            pg_catalog.format(
                '%s as %s: %s; rows where %s -> %s',
                m.command,
                m.as_role,
                case when m.granted then 'granted' else 'not granted' end,
                m.predicate,
                m.verdict
            )
        from tenancy.matrix as m
        where m.relation = $1
            and pg_catalog.split_part(m.command, '-', 1) = pg_catalog.upper(pg_catalog.split_part($2, '-', 1))
        union all
        select
            5,
            pg_catalog.row_number() over (order by f.code, f.object_identity),
            pg_catalog.format('%s %s: %s', f.level, f.code, f.message)
        from tenancy.findings as f
        where f.relation = $1
        union all
        select
            0,
            0,
            pg_catalog.format('There is no relation %s here; write it as schema.table, quoted where it must be.', $1)
        where not exists (
            select
            from asked
        )
    )
    select l.text
    from line as l
    order by l.at, l.number
$$;
comment on function tenancy.explain(text, text) is
    'How a command on a relation is decided, step by step: tenancy.explain(''api.items'', ''UPDATE'').';

create function tenancy.assert()
returns void
language plpgsql
stable
set search_path = ''
as $$
declare
    found_n pg_catalog.int8;
    found_text pg_catalog.text;
begin
    select
        pg_catalog.count(*),
        pg_catalog.string_agg(pg_catalog.format('%s %s: %s', f.code, f.object_identity, f.message), E'\n')
    into found_n, found_text
    from tenancy.findings as f
    where f.level = 'error'
        and not f.waived;

    -- Nothing found and nothing to look for are not the same.
    if not exists (
        select
        from tenancy.role_reach
    ) then
        raise exception 'the audit could not be made: there is no contract to read, or its role does not exist';
    end if;
    if found_n > 0 then
        raise exception 'the audit has % error(s)', found_n using detail = found_text;
    end if;
end
$$;
comment on function tenancy.assert() is
    'Raises where the audit has an error that is not waived: for the end of a migration.';

create function tenancy.probe_script(tenant text, other_tenant text)
returns setof text
language sql
stable
set search_path = ''
as $$
    with wanted as (
        select
            t.relation,
            t.tenant_column,
            pg_catalog.row_number() over (order by t.relation) as at
        from tenancy.table_audit as t
        where t.kind = 'tenant'
            and t.verdict <> 'CLOSED'
            and t.tenant_column is not null
            and t.grants ~ 'r'
    ),
    named as (
        select c.contract ->> 'setting' as setting
        from (select tenancy.contract()) as c (contract)
    ),
    line (at, step, text) as (
        select 0::pg_catalog.int8, 0, '-- Run this as the request role. It changes nothing.'
        union all
        select 0, 1, '\set ON_ERROR_STOP off'
        union all
        select 0, 2, 'begin transaction read only;'
        union all
        select w.at, s.step, s.text
        from wanted as w
        cross join named as n
        cross join lateral (
            values
                (1, pg_catalog.format('\echo %s: 0 foreign rows and some own for each tenant; 0 rows for nobody', w.relation)),
                (2, pg_catalog.format('set local %s = %L;', n.setting, $1)),
                (
                    3,
                    pg_catalog.format(
                        'select count(*) filter (where %1$I::text is distinct from %2$L) as foreign_rows, '
                        'count(*) filter (where %1$I::text = %2$L) as own_rows from %3$s;',
                        w.tenant_column, $1, w.relation
                    )
                ),
                (4, pg_catalog.format('set local %s = %L;', n.setting, $2)),
                (
                    5,
                    pg_catalog.format(
                        'select count(*) filter (where %1$I::text is distinct from %2$L) as foreign_rows, '
                        'count(*) filter (where %1$I::text = %2$L) as own_rows from %3$s;',
                        w.tenant_column, $2, w.relation
                    )
                ),
                (6, pg_catalog.format('set local %s = '''';', n.setting)),
                (7, pg_catalog.format('select count(*) as rows_for_nobody from %s;', w.relation))
        ) as s (step, text)
        union all
        select 9223372036854775807, 1, 'rollback;'
    )
    select l.text
    from line as l
    order by l.at, l.step
$$;
comment on function tenancy.probe_script(text, text) is
    'A psql script that reads each tenant relation as two tenants and as nobody; both tenants should have rows.';

revoke all
on function tenancy.explain(text, text), tenancy.assert(), tenancy.probe_script(text, text), tenancy.checks()
from public;
grant execute
on function tenancy.explain(text, text), tenancy.assert(), tenancy.probe_script(text, text), tenancy.checks()
to rowhouse_auditor;
grant select on tenancy.verdict to rowhouse_auditor;
