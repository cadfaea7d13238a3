-- The contract that the database is audited against: the request role and its setting, functions that somebody vouches for,
-- and findings that somebody accepts. What relations are stands in tenancy.relation.
-- Run once by `rowhouse migrate`, as rowhouse_owner.

create table tenancy.setting (
    app_role name not null default 'rowhouse_app',
    setting_name text not null default 'app.current_tenant_id',
    setting_type text not null default 'uuid',
    tenant_column name not null default 'tenant_id',
    strict boolean not null default false,
    the_only boolean not null default true,
    constraint setting_pkey primary key (the_only),
    constraint setting_is_one check (the_only),
    -- As Postgres wants the name of a setting that it does not know itself.
    constraint setting_name_is_custom check (setting_name ~ '^[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)+$'),
    constraint setting_type_known check (setting_type in ('uuid', 'text', 'integer', 'bigint'))
);
comment on table tenancy.setting is 'What the audit judges by: one row.';
comment on column tenancy.setting.app_role is 'The role that requests run as.';
comment on column tenancy.setting.setting_name is 'The setting that names the tenant of a request.';
comment on column tenancy.setting.setting_type is 'The type of the tenant: uuid, text, integer or bigint.';
comment on column tenancy.setting.tenant_column is
    'The column by which a relation that nobody declared is taken for a tenant relation.';
comment on column tenancy.setting.strict is 'Whether a policy that is merely not proven is an error.';
comment on column tenancy.setting.the_only is 'Always true: there is one row.';

create table tenancy.trusted_function (
    function regprocedure not null,
    definition_md5 text not null,
    reason text not null,
    declared_at timestamptz not null default pg_catalog.now(),
    declared_by name not null default session_user,
    constraint trusted_function_pkey primary key (function),
    constraint trusted_function_reason_given check (pg_catalog.length(pg_catalog.btrim(reason)) > 0)
);
comment on table tenancy.trusted_function is
    'Functions that somebody vouches for, as they were then: that one returns the tenant of the request, or keeps tenants '
    'apart though it runs as its owner.';
comment on column tenancy.trusted_function.function is 'The function, with the types of its arguments.';
comment on column tenancy.trusted_function.definition_md5 is
    'Of pg_get_functiondef under an empty search_path; when the function changes, nobody vouches for it any more.';
comment on column tenancy.trusted_function.reason is 'Why it can be trusted, in words, for the next reader.';
comment on column tenancy.trusted_function.declared_at is 'When it was last declared.';
comment on column tenancy.trusted_function.declared_by is 'The login that declared it.';

create table tenancy.waiver (
    code text not null,
    object_identity text not null,
    content_md5 text,
    reason_kind text not null,
    reason text not null,
    waived_by name not null default session_user,
    waived_at timestamptz not null default pg_catalog.now(),
    until date,
    constraint waiver_pkey primary key (code, object_identity),
    constraint waiver_code_form check (code ~ '^TN[0-9]{3}$'),
    constraint waiver_reason_kind_known check (reason_kind in ('false_positive', 'accepted_risk', 'wont_fix')),
    constraint waiver_reason_given check (pg_catalog.length(pg_catalog.btrim(reason)) > 0)
);
comment on table tenancy.waiver is
    'Findings of the audit that somebody accepts: one object each, with a reason, and for as long as what was looked at does '
    'not change.';
comment on column tenancy.waiver.code is 'The code of the finding, as TN603.';
comment on column tenancy.waiver.object_identity is 'The object, as tenancy.findings names it.';
comment on column tenancy.waiver.content_md5 is
    'Of the text that was looked at; null where a finding is about something that is not there.';
comment on column tenancy.waiver.reason_kind is 'false_positive, accepted_risk or wont_fix.';
comment on column tenancy.waiver.reason is 'Why, in words, for the next reader.';
comment on column tenancy.waiver.waived_by is 'The login that waived it.';
comment on column tenancy.waiver.waived_at is 'When it was waived.';
comment on column tenancy.waiver.until is 'The last day on which the waiver holds, or null.';

-- As tenancy.relation is, and for the same reasons; the request role has no business here.
alter table tenancy.setting enable row level security;
alter table tenancy.setting force row level security;
alter table tenancy.trusted_function enable row level security;
alter table tenancy.trusted_function force row level security;
alter table tenancy.waiver enable row level security;
alter table tenancy.waiver force row level security;

create policy select_auditor on tenancy.setting for select to rowhouse_auditor using (true);
comment on policy select_auditor on tenancy.setting is 'The auditor reads what it judges by.';
create policy all_owner on tenancy.setting to rowhouse_owner using (true) with check (true);
comment on policy all_owner on tenancy.setting is 'Migrations say what the audit judges by.';
create policy select_auditor on tenancy.trusted_function for select to rowhouse_auditor using (true);
comment on policy select_auditor on tenancy.trusted_function is 'The auditor reads whom to trust.';
create policy all_owner on tenancy.trusted_function to rowhouse_owner using (true) with check (true);
comment on policy all_owner on tenancy.trusted_function is 'Migrations vouch for functions.';
create policy select_auditor on tenancy.waiver for select to rowhouse_auditor using (true);
comment on policy select_auditor on tenancy.waiver is 'The auditor reads what was accepted.';
create policy all_owner on tenancy.waiver to rowhouse_owner using (true) with check (true);
comment on policy all_owner on tenancy.waiver is 'Migrations accept findings.';

grant select on tenancy.setting, tenancy.trusted_function, tenancy.waiver to rowhouse_auditor;

insert into tenancy.setting default values;

-- `$1` and `$2`, because the parameters have the names of the columns.
create function tenancy.trust_function(function regprocedure, reason text)
returns void
language plpgsql
set search_path = ''
as $$
#variable_conflict use_column
begin
    delete from tenancy.trusted_function as t
    where not exists (
        select
        from pg_catalog.pg_proc as p
        where p.oid = t.function
    );

    insert into tenancy.trusted_function as t (function, definition_md5, reason)
    values ($1, pg_catalog.md5(pg_catalog.pg_get_functiondef($1)), $2)
    on conflict on constraint trusted_function_pkey do update
    set
        definition_md5 = excluded.definition_md5,
        reason = excluded.reason,
        declared_at = excluded.declared_at,
        declared_by = excluded.declared_by
    where (t.definition_md5, t.reason) is distinct from (excluded.definition_md5, excluded.reason);
end
$$;
comment on function tenancy.trust_function(regprocedure, text) is
    'Vouches for a function as it is now, and says why. When its definition changes, this must be said again.';
revoke all on function tenancy.trust_function(regprocedure, text) from public;

create function tenancy.contract()
returns jsonb
language sql
stable
set search_path = ''
as $$
    select pg_catalog.jsonb_build_object(
        'role', s.app_role,
        'setting', s.setting_name,
        'type', s.setting_type,
        'tenant_column', s.tenant_column,
        'strict', s.strict,
        'relations', coalesce(
            (
                select pg_catalog.jsonb_agg(
                    pg_catalog.jsonb_build_object(
                        'relation', pg_catalog.format('%I.%I', n.nspname, c.relname),
                        'kind', r.kind,
                        'tenant_column', r.tenant_column
                    )
                    order by n.nspname, c.relname
                )
                from tenancy.relation as r
                inner join pg_catalog.pg_class as c on c.oid = r.relation
                inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
            ),
            '[]'
        ),
        'trusted_functions', coalesce(
            (
                select pg_catalog.jsonb_agg(
                    pg_catalog.jsonb_build_object(
                        'function',
                        pg_catalog.format('%I.%I(%s)', n.nspname, p.proname, pg_catalog.oidvectortypes(p.proargtypes)),
                        'md5',
                        t.definition_md5
                    )
                    order by n.nspname, p.proname, p.oid
                )
                from tenancy.trusted_function as t
                inner join pg_catalog.pg_proc as p on p.oid = t.function
                inner join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
            ),
            '[]'
        ),
        'waivers', coalesce(
            (
                select pg_catalog.jsonb_agg(
                    pg_catalog.jsonb_build_object(
                        'code', w.code,
                        'object', w.object_identity,
                        'content_md5', w.content_md5,
                        'reason_kind', w.reason_kind,
                        'reason', w.reason,
                        'by', w.waived_by,
                        'until', w.until
                    )
                    order by w.code, w.object_identity
                )
                from tenancy.waiver as w
            ),
            '[]'
        ),
        'exposed_schemas', '[]'::pg_catalog.jsonb
    )
    from tenancy.setting as s
$$;
comment on function tenancy.contract() is
    'What the audit judges by, as one document: the request role, the setting, what was declared, trusted and waived.';
revoke all on function tenancy.contract() from public;
grant execute on function tenancy.contract() to rowhouse_auditor;

create function tenancy.waive(
    code text,
    object_identity text,
    reason_kind text,
    reason text,
    until date default null
)
returns void
language plpgsql
set search_path = ''
as $$
#variable_conflict use_column
declare
    found_md5 pg_catalog.text;
begin
    select f.content_md5
    into found_md5
    from tenancy.findings as f
    where f.code = $1
        and f.object_identity = $2
    limit 1;

    if not found then
        raise no_data_found using
            message = pg_catalog.format('there is no finding %s of %s', $1, $2),
            hint = 'The columns code and object_identity of tenancy.findings name what can be waived.';
    end if;

    insert into tenancy.waiver as w (code, object_identity, content_md5, reason_kind, reason, until)
    values ($1, $2, found_md5, $3, $4, $5)
    on conflict on constraint waiver_pkey do update
    set
        content_md5 = excluded.content_md5,
        reason_kind = excluded.reason_kind,
        reason = excluded.reason,
        waived_by = excluded.waived_by,
        waived_at = excluded.waived_at,
        until = excluded.until;
end
$$;
comment on function tenancy.waive(text, text, text, text, date) is
    'Accepts a finding of the audit, as what it is about is now: false_positive, accepted_risk or wont_fix, why, and until when.';
revoke all on function tenancy.waive(text, text, text, text, date) from public;

select tenancy.declare('tenancy.setting', 'internal', 'What the audit judges by.');
select tenancy.declare('tenancy.trusted_function', 'internal', 'What the audit judges by.');
select tenancy.declare('tenancy.waiver', 'internal', 'What the audit judges by.');

-- Platform issuers have no tenant, so the column may be null; a tenant sees the issuers that are its own.
select tenancy.declare('tenancy.issuers', 'tenant', 'A tenant''s own issuers; those of the platform have no tenant.');

-- The functions of the service that run as the owner of its tables, as they are today. Whoever changes one reads it again and
-- vouches for it in the same migration.
select tenancy.trust_function(p.oid, t.reason)
from (
    values
        ('issuer', 'Tells how to verify the tokens of one issuer, to whoever names it: public keys and references, no secret.'),
        ('issuer_bindings', 'Tells the tenants that one issuer may speak for, by names that its token gives.'),
        ('issuers_of', 'Tells the names of the issuers of one tenant, which its metadata tells anybody; no key, no secret.'),
        ('current_member_id', 'Looks up the user of the request''s own token, and tells no more than an id.'),
        ('keep_owner', 'Reads the members of the tenant of the row that fires it, and only refuses.'),
        ('authorize', 'Tells the state of one tenant, one membership and one token, before the tenant is set; it changes nothing.'),
        ('tenant_named', 'Tells the id of a tenant by its slug or its verified domain, both of which are public.'),
        ('tenants_of', 'Tells the tenants of one identity, which the service has verified.'),
        ('accept_invitation', 'Writes for the tenant of one invitation alone, to whoever has the token of it.'),
        ('record_events', 'Only adds to the log, and refuses in the transaction of a tenant.'),
        ('record_act', 'Only adds to the log, an event of the tenant of the row that fires it.'),
        ('deny_issued_tokens', 'Puts the tokens of the session or key that fires it on the denylist, and tells nothing.'),
        ('end_sessions_of_member', 'Ends the sessions of the member whose row fires it, in that tenant alone.'),
        ('end_sessions_of_user', 'Ends the sessions of the user whose row fires it; no tenant writes users.'),
        ('end_sessions_of_tenant', 'Ends the sessions of the tenant whose row fires it.'),
        ('live_api_key', 'Tells of a key to whoever has its secret.'),
        ('exchange_api_key', 'Notes a token for the key whose secret was given, and for no other.'),
        ('start_session', 'Starts a session in the tenant of the key whose secret was given, for a member there.'),
        ('rotate_refresh', 'Changes the session of the refresh token that was given, and no other.'),
        ('end_session', 'Ends the session of a token that the service has verified.'),
        ('revoke_refresh', 'Ends the session of the refresh token that was given.'),
        ('purge_sessions', 'Removes what has expired, whosever it was, and tells a number.'),
        ('notify_tenants', 'Sends the same word for every tenant, and names none.'),
        ('notify_issuers', 'Sends the same word for every issuer, and names none.')
) as t (name, reason)
inner join pg_catalog.pg_proc as p
    on p.proname = t.name
    and p.pronamespace = 'tenancy'::pg_catalog.regnamespace;

insert into tenancy.waiver (code, object_identity, reason_kind, reason)
values
    (
        'TN209',
        'tenancy.auth_events',
        'false_positive',
        'Events without a tenant are the operator''s: no policy of a request compares null with anything.'
    ),
    (
        'TN209',
        'tenancy.issuers',
        'false_positive',
        'Issuers without a tenant are the platform''s: no policy of a request compares null with anything.'
    ),
    (
        'TN603',
        'tenancy.invitations_token_hash_key',
        'false_positive',
        'The hash of a random token: who could meet another tenant''s has its token.'
    ),
    (
        'TN603',
        'tenancy.api_keys_prefix_key',
        'false_positive',
        'Prefixes are random and made by the database: nobody meets another''s.'
    ),
    (
        'TN603',
        'tenancy.tenant_domains_verified_key',
        'accepted_risk',
        'A domain is one tenant''s, and that it is taken is public: it answers requests.'
    );
