-- The audit log: one row for each decision about a request that matters, and for each administrative act.
-- Run once by `rowhouse migrate`, as rowhouse_owner.
--
-- Append-only. The service writes through one function, administrative tables through a trigger, and nobody has a right to
-- insert, update or truncate. Row-level security is forced, so the owner of the table, as whom those two functions run, is bound
-- by the policies, too: it inserts, and deletes only what is older than thirty days.
--
-- An event belongs to a tenant only where the caller had proven that tenant. What somebody without proof does is in the log of
-- no tenant, so that nobody writes into another tenant's.

create table tenancy.auth_events (
    id uuid not null,
    at timestamptz not null,
    recorded_at timestamptz not null default pg_catalog.clock_timestamp(),
    recorded_by name not null default session_user,
    tenant_id uuid,
    decision text not null,
    code text not null,
    reason text,
    issuer text,
    subject text,
    jti_hash bytea,
    status integer,
    method text,
    route text,
    client_ip inet,
    user_agent text,
    request_id uuid,
    target jsonb,
    constraint auth_events_pkey primary key (id),
    constraint auth_events_decision_known check (decision in ('allow', 'deny')),
    constraint auth_events_code_form check (code ~ '^[a-z][a-z0-9_]{0,127}$'),
    -- The service shortens what comes from clients; this holds for every other writer as well.
    constraint auth_events_texts_bounded check (
        pg_catalog.length(reason) <= 500
        and pg_catalog.length(issuer) <= 1000
        and pg_catalog.length(subject) <= 1000
        and pg_catalog.length(method) <= 20
        and pg_catalog.length(route) <= 300
        and pg_catalog.length(user_agent) <= 300
    ),
    constraint auth_events_jti_is_sha256 check (pg_catalog.octet_length(jti_hash) = 32)
);
comment on table tenancy.auth_events is
    'The audit log: decisions about requests, and administrative acts. Append-only; see docs/audit-log.md.';
comment on column tenancy.auth_events.id is 'The event; made by its writer, so that a repeated write is no second event.';
comment on column tenancy.auth_events.at is 'When it was decided.';
comment on column tenancy.auth_events.recorded_at is 'When it was written here: later than `at`, after Postgres was away.';
comment on column tenancy.auth_events.recorded_by is 'The login that wrote it.';
comment on column tenancy.auth_events.tenant_id is
    'The tenant that the caller had proven; null where none was. No foreign key: the log outlives the tenant.';
comment on column tenancy.auth_events.decision is 'allow or deny.';
comment on column tenancy.auth_events.code is 'What was decided, such as invalid_token, tenant_forbidden, policy or members_update.';
comment on column tenancy.auth_events.reason is
    'Why, for those who run the service: the check that a token failed, the policy that refused a row. No tenant is shown it.';
comment on column tenancy.auth_events.issuer is 'The issuer of the verified token; null where none was verified.';
comment on column tenancy.auth_events.subject is 'The user that the verified token names; null where none was verified.';
comment on column tenancy.auth_events.jti_hash is 'SHA-256 of issuer, a zero byte and jti: finds a known token, and gives none away.';
comment on column tenancy.auth_events.status is 'The status of the answer; null for what is no request.';
comment on column tenancy.auth_events.method is 'The method of the request.';
comment on column tenancy.auth_events.route is 'The pattern of the route, such as /items/{key}: no key, no query string.';
comment on column tenancy.auth_events.client_ip is 'The address of the client.';
comment on column tenancy.auth_events.user_agent is 'What the client calls itself, shortened.';
comment on column tenancy.auth_events.request_id is 'X-Request-Id: finds the line of the service''s log.';
comment on column tenancy.auth_events.target is
    'Of an administrative act: the relation, the key of the row, the names of the columns that changed, and some of their values.';

create index auth_events_tenant_at on tenancy.auth_events (tenant_id, at desc);
create index auth_events_at on tenancy.auth_events (at);

alter table tenancy.auth_events enable row level security;
alter table tenancy.auth_events force row level security;

create policy select_tenant_admin on tenancy.auth_events
    for select
    to rowhouse_app
    using (
        tenant_id = (select tenancy.current_tenant_id())
        and (select tenancy.has_role('admin'))
    );
comment on policy select_tenant_admin on tenancy.auth_events is
    'Admins and owners of a tenant read its log, and no other.';

create policy select_auditor on tenancy.auth_events
    for select
    to rowhouse_auditor
    using (true);
comment on policy select_auditor on tenancy.auth_events is 'The auditor reads the whole log.';

create policy insert_owner on tenancy.auth_events
    for insert
    to rowhouse_owner
    with check (true);
comment on policy insert_owner on tenancy.auth_events is
    'tenancy.record_events() and tenancy.record_act() write, as the owner.';

-- A delete with a condition reads what it deletes.
create policy select_owner on tenancy.auth_events
    for select
    to rowhouse_owner
    using (recorded_at < pg_catalog.now() - interval '30 days');
comment on policy select_owner on tenancy.auth_events is 'tenancy.purge_auth_events() finds what is old.';

create policy delete_owner on tenancy.auth_events
    for delete
    to rowhouse_owner
    using (recorded_at < pg_catalog.now() - interval '30 days');
comment on policy delete_owner on tenancy.auth_events is
    'tenancy.purge_auth_events() deletes what is old: nothing younger than thirty days.';

revoke all on tenancy.auth_events from public;
grant select on tenancy.auth_events to rowhouse_auditor;
-- Not reason, which names policies and checks, nor the hash.
grant select (
    id, at, tenant_id, decision, code, issuer, subject, status, method, route, client_ip, user_agent, request_id, target
) on tenancy.auth_events to rowhouse_app;

-- Rights bind everybody but a superuser, who needs none. This tells him that he is about to falsify a log.
create function tenancy.refuse_change()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    raise insufficient_privilege using
        message = pg_catalog.format('%I.%I is append-only', tg_table_schema, tg_table_name),
        hint = 'tenancy.purge_auth_events() removes old events.';
end
$$;
comment on function tenancy.refuse_change() is 'Refuses every update and truncate of an append-only table.';
revoke all on function tenancy.refuse_change() from public;

create trigger refuse_change
    before update or truncate
    on tenancy.auth_events
    for each statement
    execute function tenancy.refuse_change();
comment on trigger refuse_change on tenancy.auth_events is 'The log is append-only.';

-- The owner, too, has no more than its functions need.
revoke all on tenancy.auth_events from rowhouse_owner;
grant select, insert, delete on tenancy.auth_events to rowhouse_owner;

select tenancy.declare('tenancy.auth_events', 'tenant', 'A tenant''s part of the audit log; the rest is the operator''s.');

-- Written by the service, on a connection that never has a tenant. A function, and not a right to insert, since one batch holds
-- events of many tenants; in a request's transaction it refuses, so no function that a request may call can write into the
-- log of another tenant with it.
create function tenancy.record_events(events jsonb)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
    if coalesce(pg_catalog.current_setting('app.current_tenant_id', true), '') <> '' then
        raise insufficient_privilege using message = 'events are not recorded in the transaction of a tenant';
    end if;
    -- No conflict target: naming one would have the new rows meet the policies for SELECT.
    insert into tenancy.auth_events (
        id, at, tenant_id, decision, code, reason, issuer, subject, jti_hash, status, method, route, client_ip, user_agent,
        request_id
    )
    select
        e.id,
        pg_catalog.to_timestamp(e.at_us / 1000000.0),
        e.tenant_id,
        e.decision,
        e.code,
        e.reason,
        e.issuer,
        e.subject,
        pg_catalog.decode(e.jti_hash, 'hex'),
        e.status,
        e.method,
        e.route,
        e.client_ip,
        e.user_agent,
        e.request_id
    from pg_catalog.jsonb_to_recordset(events) as e (
        id pg_catalog.uuid,
        at_us pg_catalog.int8,
        tenant_id pg_catalog.uuid,
        decision pg_catalog.text,
        code pg_catalog.text,
        reason pg_catalog.text,
        issuer pg_catalog.text,
        subject pg_catalog.text,
        jti_hash pg_catalog.text,
        status pg_catalog.int4,
        method pg_catalog.text,
        route pg_catalog.text,
        client_ip pg_catalog.inet,
        user_agent pg_catalog.text,
        request_id pg_catalog.uuid
    )
    on conflict do nothing;
end
$$;
comment on function tenancy.record_events(jsonb) is
    'Writes a batch of events, a JSON array of objects with the names of the columns (`at` as `at_us`, microseconds since '
    '1970; `jti_hash` in hexadecimal). An event that is there already is not written again. For the service.';
revoke all on function tenancy.record_events(jsonb) from public;
grant execute on function tenancy.record_events(jsonb) to rowhouse_app;

create function tenancy.purge_auth_events(older_than interval, rows_max bigint default 100000)
returns bigint
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    deleted pg_catalog.int8;
begin
    if older_than is null or older_than < interval '30 days' then
        raise invalid_parameter_value using message = 'events of the last 30 days are kept';
    end if;
    delete from tenancy.auth_events as e
    where e.id in (
        select old.id
        from tenancy.auth_events as old
        where old.recorded_at < pg_catalog.now() - older_than
            and old.at < pg_catalog.now() - older_than
        order by old.at
        limit rows_max
    );
    get diagnostics deleted = row_count;
    return deleted;
end
$$;
comment on function tenancy.purge_auth_events(interval, bigint) is
    'Deletes events older than an age of at least 30 days, at most so many of them, the oldest first, and says how many. For a '
    'job of rowhouse_admin''s.';
revoke all on function tenancy.purge_auth_events(interval, bigint) from public;
grant execute on function tenancy.purge_auth_events(interval, bigint) to rowhouse_admin;

-- Administrative acts are recorded by the tables themselves: whoever writes, by HTTP or in psql, and only if it commits.
create function tenancy.record_act()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
    old_row pg_catalog.jsonb := case when tg_op <> 'INSERT' then pg_catalog.to_jsonb(old) end;
    new_row pg_catalog.jsonb := case when tg_op <> 'DELETE' then pg_catalog.to_jsonb(new) end;
    -- The first argument names the column of the tenant, the others those whose values are recorded.
    tenant_column pg_catalog.text := tg_argv[0];
    shown pg_catalog.text[] := tg_argv[1]::pg_catalog.text[];
    changed pg_catalog.text[];
    target pg_catalog.jsonb;
begin
    if tg_op = 'UPDATE' then
        select pg_catalog.array_agg(c.name order by c.name)
        into changed
        from pg_catalog.jsonb_object_keys(new_row) as c (name)
        where new_row -> c.name is distinct from old_row -> c.name;
        if changed is null then
            return null;
        end if;
    end if;

    target := pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
        'relation', pg_catalog.format('%I.%I', tg_table_schema, tg_table_name),
        'key', (
            select pg_catalog.jsonb_object_agg(a.attname, coalesce(new_row, old_row) -> a.attname::pg_catalog.text)
            from pg_catalog.pg_index as i
            inner join pg_catalog.pg_attribute as a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
            where i.indrelid = tg_relid
                and i.indisprimary
        ),
        'changed', changed,
        'old', (
            select pg_catalog.jsonb_object_agg(s.name, old_row -> s.name)
            from pg_catalog.unnest(shown) as s (name)
            where old_row ? s.name
                and (changed is null or s.name = any (changed))
        ),
        'new', (
            select pg_catalog.jsonb_object_agg(s.name, new_row -> s.name)
            from pg_catalog.unnest(shown) as s (name)
            where new_row ? s.name
                and (changed is null or s.name = any (changed))
        )
    ));

    insert into tenancy.auth_events (
        id, at, tenant_id, decision, code, issuer, subject, client_ip, request_id, target
    )
    values (
        pg_catalog.gen_random_uuid(),
        pg_catalog.clock_timestamp(),
        (coalesce(new_row, old_row) ->> tenant_column)::pg_catalog.uuid,
        'allow',
        pg_catalog.format('%s_%s', tg_table_name, pg_catalog.lower(tg_op)),
        pg_catalog.left(tenancy.claims() ->> 'iss', 1000),
        pg_catalog.left(tenancy.current_user_id(), 1000),
        nullif(pg_catalog.current_setting('app.client_ip', true), '')::pg_catalog.inet,
        nullif(pg_catalog.current_setting('app.request_id', true), '')::pg_catalog.uuid,
        target
    );
    return null;
end
$$;
comment on function tenancy.record_act() is
    'Records a write to an administrative table as an event of its tenant: who, which row, which columns. See '
    'tenancy.audit_writes().';
revoke all on function tenancy.record_act() from public;

create function tenancy.audit_writes(
    relation regclass,
    tenant_column name default 'tenant_id',
    shown_columns name[] default '{}'
)
returns void
language plpgsql
set search_path = ''
as $$
begin
    execute pg_catalog.format(
        'create or replace trigger record_act after insert or update or delete on %s for each row '
        'execute function tenancy.record_act(%L, %L)',
        relation,
        tenant_column,
        shown_columns
    );
    execute pg_catalog.format(
        'comment on trigger record_act on %s is %L', relation, 'Writes to this table are events of the audit log.'
    );
end
$$;
comment on function tenancy.audit_writes(regclass, name, name[]) is
    'Has every write to a relation recorded as an event: of the tenant that a column names, with the values of the shown '
    'columns. For tables of few writes; never show a column with a secret or its hash.';
revoke all on function tenancy.audit_writes(regclass, name, name[]) from public;

-- What an earlier migration has made of these. A column that a table has not is not shown; without the tenant's, the event is
-- of no tenant.
select tenancy.audit_writes(r.relation, r.tenant_column, r.shown_columns)
from (
    values
        (pg_catalog.to_regclass('tenancy.tenants'), 'id'::name, '{slug,state}'::name[]),
        (pg_catalog.to_regclass('tenancy.tenant_domains'), 'tenant_id', '{verified_at}'),
        (pg_catalog.to_regclass('tenancy.issuers'), 'tenant_id', '{kind,key_source,jwks_uri,enabled,verified_at}'),
        (pg_catalog.to_regclass('tenancy.issuer_tenants'), 'tenant_id', '{external_id}'),
        (pg_catalog.to_regclass('tenancy.users'), 'tenant_id', '{disabled_at,tokens_valid_after}'),
        (pg_catalog.to_regclass('tenancy.identities'), 'tenant_id', '{user_id}'),
        (pg_catalog.to_regclass('tenancy.epochs'), 'tenant_id', '{tokens_valid_after}'),
        (pg_catalog.to_regclass('tenancy.members'), 'tenant_id', '{role,permissions,state}'),
        (pg_catalog.to_regclass('tenancy.invitations'), 'tenant_id', '{role,permissions,accepted_at,revoked_at}'),
        (pg_catalog.to_regclass('tenancy.api_keys'), 'tenant_id', '{prefix,role,permissions,revoked_at}')
) as r (relation, tenant_column, shown_columns)
where r.relation is not null;

create view tenancy_api.auth_events
with (security_invoker)
as
select
    e.id,
    e.at,
    e.tenant_id,
    e.decision,
    e.code,
    e.issuer,
    e.subject,
    e.status,
    e.method,
    e.route,
    e.client_ip,
    e.user_agent,
    e.request_id,
    e.target
from tenancy.auth_events as e;
comment on view tenancy_api.auth_events is
    'The audit log of the tenant, for its admins and owners: decisions about requests, and administrative acts.';
comment on column tenancy_api.auth_events.id is 'The event.';
comment on column tenancy_api.auth_events.at is 'When it was decided.';
comment on column tenancy_api.auth_events.tenant_id is 'The tenant.';
comment on column tenancy_api.auth_events.decision is 'allow or deny.';
comment on column tenancy_api.auth_events.code is 'What was decided, such as policy, tenant_suspended or members_update.';
comment on column tenancy_api.auth_events.issuer is 'The issuer of the token.';
comment on column tenancy_api.auth_events.subject is 'The user that the token names.';
comment on column tenancy_api.auth_events.status is 'The status of the answer; null for what is no request.';
comment on column tenancy_api.auth_events.method is 'The method of the request.';
comment on column tenancy_api.auth_events.route is 'The pattern of the route, such as /items/{key}.';
comment on column tenancy_api.auth_events.client_ip is 'The address of the client.';
comment on column tenancy_api.auth_events.user_agent is 'What the client calls itself, shortened.';
comment on column tenancy_api.auth_events.request_id is 'X-Request-Id of the request.';
comment on column tenancy_api.auth_events.target is
    'Of an administrative act: the relation, the key of the row, the columns that changed, and some of their values.';

revoke all on tenancy_api.auth_events from public, rowhouse_app;
grant select on tenancy_api.auth_events to rowhouse_app;
