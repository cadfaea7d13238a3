-- Authorization inside a tenant, decided in SQL: by role, by attributes of the user, of the row, and of the moment.
-- Run by `rowhouse demo` after 00_tenants.sql, in one transaction, by a superuser; a second run changes nothing.
--
-- How Postgres combines policies is the whole design here:
--
-- * No policy, no row: what nobody allowed is denied.
-- * PERMISSIVE policies (the usual kind) allow; one that says yes is enough. They hold the tenant and the role.
-- * RESTRICTIVE policies forbid; one that says no is enough, whatever the others allow. They hold the attributes,
--   and no role is above them, not even the tenant's owner.
--
-- | kind                  | here                                                                          |
-- |-----------------------|-------------------------------------------------------------------------------|
-- | role                  | members read and write their own, admins change and delete all                |
-- | permission            | a token with documents:write or documents:delete does so without being admin  |
-- | attribute of the user | confidential documents are for the department that the token's claim names    |
-- | attribute of the row  | secret documents are for their owner; a document on hold stays as it is       |
-- | the moment            | secret documents need a login with a one-time password; an embargo passes     |
--
-- The second table, api.safes, has one policy of each kind that tenancy's helpers are made for. What it takes to open a safe
-- stands in its row, so each can be tried alone:
--
-- | kind                  | policy                                                                        |
-- |-----------------------|-------------------------------------------------------------------------------|
-- | role                  | insert_role: owners and admins set safes up                                   |
-- | permission            | update_permission: safes:write and safes:audit, both, change what is in one   |
-- | attribute             | all_clearance: the user's clearance is that of the safe, or above             |
-- | claim                 | all_project: the token is for the safe's project                              |
-- | time of day           | all_hours: it is office hours where the safe stands                           |
-- | client address        | all_network: the client is in the safe's network                              |
-- | authentication age    | all_recent_login: the login is no older than the safe allows                  |
-- | authentication method | all_mfa: the login used two kinds of factor                                   |

set local client_min_messages = warning;

set local role rowhouse_owner;

create table if not exists api.documents (
    id uuid not null default pg_catalog.gen_random_uuid(),
    tenant_id uuid not null default tenancy.current_tenant_id(),
    title text not null,
    body text not null default '',
    classification text not null default 'internal',
    department text,
    owner_user_id text not null default tenancy.current_user_id(),
    tags text[] not null default '{}',
    embargo_until timestamptz,
    on_hold boolean not null default false,
    created_at timestamptz not null default pg_catalog.now(),
    updated_at timestamptz not null default pg_catalog.now(),
    constraint documents_pkey primary key (tenant_id, id),
    constraint documents_tenant_fkey foreign key (tenant_id) references tenancy.tenants (id) on delete cascade,
    constraint documents_title_given check (pg_catalog.length(pg_catalog.btrim(title)) between 1 and 200),
    constraint documents_classification_known check (
        classification in ('public', 'internal', 'confidential', 'secret')
    ),
    constraint documents_confidential_has_department check (
        classification <> 'confidential'
        or department is not null
    )
);
comment on table api.documents is 'Papers of a tenant, not all of them for everybody there.';
comment on column api.documents.id is 'The document, unique within its tenant.';
comment on column api.documents.tenant_id is 'Whose document it is.';
comment on column api.documents.title is 'Its title.';
comment on column api.documents.body is 'Its text.';
comment on column api.documents.classification is 'public, internal, confidential or secret.';
comment on column api.documents.department is 'The department it belongs to; rules who reads a confidential one.';
comment on column api.documents.owner_user_id is 'The user who wrote it, from the token; rules who reads a secret one.';
comment on column api.documents.tags is 'Words to find it by.';
comment on column api.documents.embargo_until is 'Before this time only its owner sees it; null for no embargo.';
comment on column api.documents.on_hold is 'Kept as evidence: can be neither changed nor deleted.';
comment on column api.documents.created_at is 'When it was written.';
comment on column api.documents.updated_at is 'When it was last changed.';

create or replace trigger before_update
    before update
    on api.documents
    for each row
    execute function demo.touch_updated_at();
comment on trigger before_update on api.documents is 'Keeps updated_at.';

alter table api.documents enable row level security;
alter table api.documents force row level security;

-- What is allowed: tenant, and role or permission.

drop policy if exists select_member on api.documents;
create policy select_member on api.documents
    for select
    to rowhouse_app
    using (
        tenant_id = (select tenancy.current_tenant_id())
        and (select tenancy.has_role('member'))
    );
comment on policy select_member on api.documents is 'Members, admins and owners read documents of their tenant.';

drop policy if exists insert_member on api.documents;
create policy insert_member on api.documents
    for insert
    to rowhouse_app
    with check (
        tenant_id = (select tenancy.current_tenant_id())
        and (select tenancy.has_role('member'))
        and owner_user_id = (select tenancy.current_user_id())
    );
comment on policy insert_member on api.documents is
    'Members, admins and owners write documents, in their own name.';

drop policy if exists update_editor on api.documents;
create policy update_editor on api.documents
    for update
    to rowhouse_app
    using (
        tenant_id = (select tenancy.current_tenant_id())
        and (select tenancy.has_role('member'))
        and (
            owner_user_id = (select tenancy.current_user_id())
            or (select tenancy.has_role('admin'))
            or (select tenancy.has_permission('documents:write'))
        )
    )
    with check (
        tenant_id = (select tenancy.current_tenant_id())
        and (select tenancy.has_role('member'))
        and (
            owner_user_id = (select tenancy.current_user_id())
            or (select tenancy.has_role('admin'))
            or (select tenancy.has_permission('documents:write'))
        )
    );
comment on policy update_editor on api.documents is
    'A document is changed by its owner, by admins and owners of the tenant, and with permission documents:write.';

drop policy if exists delete_admin on api.documents;
create policy delete_admin on api.documents
    for delete
    to rowhouse_app
    using (
        tenant_id = (select tenancy.current_tenant_id())
        and (select tenancy.has_role('member'))
        and (
            (select tenancy.has_role('admin'))
            or (select tenancy.has_permission('documents:delete'))
        )
    );
comment on policy delete_admin on api.documents is
    'A document is deleted by admins and owners of the tenant, and with permission documents:delete.';

-- What is forbidden all the same. For all commands, not only for reading: an update or delete that names no column
-- asks no SELECT policy.

-- User. A token without the claim gives null, which is not true, so it denies.
drop policy if exists all_same_department on api.documents;
create policy all_same_department on api.documents
    as restrictive
    for all
    to rowhouse_app
    using (
        classification <> 'confidential'
        or department = (select tenancy.claims() ->> 'department')
    )
    with check (
        classification <> 'confidential'
        or department = (select tenancy.claims() ->> 'department')
    );
comment on policy all_same_department on api.documents is
    'Confidential documents are for users whose token names their department.';

-- Row.
drop policy if exists all_secret_owner on api.documents;
create policy all_secret_owner on api.documents
    as restrictive
    for all
    to rowhouse_app
    using (
        classification <> 'secret'
        or owner_user_id = (select tenancy.current_user_id())
    )
    with check (
        classification <> 'secret'
        or owner_user_id = (select tenancy.current_user_id())
    );
comment on policy all_secret_owner on api.documents is 'Secret documents are for the user who wrote them.';

-- Moment: how this login was made. `amr` is the list of methods, as RFC 8176 names them.
drop policy if exists all_strong_login on api.documents;
create policy all_strong_login on api.documents
    as restrictive
    for all
    to rowhouse_app
    using (
        classification <> 'secret'
        or (select tenancy.claims() -> 'amr' ? 'otp')
    )
    with check (
        classification <> 'secret'
        or (select tenancy.claims() -> 'amr' ? 'otp')
    );
comment on policy all_strong_login on api.documents is
    'Secret documents need a login that used a one-time password.';

-- Moment: the time of the transaction.
drop policy if exists all_after_embargo on api.documents;
create policy all_after_embargo on api.documents
    as restrictive
    for all
    to rowhouse_app
    using (
        embargo_until is null
        or embargo_until <= pg_catalog.now()
        or owner_user_id = (select tenancy.current_user_id())
    )
    with check (
        embargo_until is null
        or embargo_until <= pg_catalog.now()
        or owner_user_id = (select tenancy.current_user_id())
    );
comment on policy all_after_embargo on api.documents is
    'Until its embargo has passed, a document is for the user who wrote it.';

-- Row. Two policies, since one for all commands would also hide what is on hold.
drop policy if exists update_not_on_hold on api.documents;
create policy update_not_on_hold on api.documents
    as restrictive
    for update
    to rowhouse_app
    using (not on_hold)
    with check (not on_hold);
comment on policy update_not_on_hold on api.documents is 'A document on hold is changed by nobody.';

drop policy if exists delete_not_on_hold on api.documents;
create policy delete_not_on_hold on api.documents
    as restrictive
    for delete
    to rowhouse_app
    using (not on_hold);
comment on policy delete_not_on_hold on api.documents is 'A document on hold is deleted by nobody.';

-- A hold is set when the document is written and lifted by the DBA: on_hold is not among the columns to update.
revoke all on api.documents from public, rowhouse_app;
grant select, delete on api.documents to rowhouse_app;
grant insert (id, tenant_id, title, body, classification, department, tags, embargo_until, on_hold)
    on api.documents to rowhouse_app;
grant update (title, body, classification, department, tags, embargo_until) on api.documents to rowhouse_app;

select tenancy.declare('api.documents', 'tenant', 'A tenant''s papers; who reads them there is decided by policies.');

create table if not exists api.safes (
    id uuid not null default pg_catalog.gen_random_uuid(),
    tenant_id uuid not null default tenancy.current_tenant_id(),
    title text not null,
    contents text not null default '',
    clearance integer not null default 0,
    project text,
    network cidr,
    opens_at time,
    closes_at time,
    time_zone text not null default 'UTC',
    login_age_max interval,
    needs_mfa boolean not null default false,
    constraint safes_pkey primary key (tenant_id, id),
    constraint safes_tenant_fkey foreign key (tenant_id) references tenancy.tenants (id) on delete cascade,
    constraint safes_title_given check (pg_catalog.length(pg_catalog.btrim(title)) between 1 and 200),
    constraint safes_hours_are_two check ((opens_at is null) = (closes_at is null))
);
comment on table api.safes is 'Safes of a tenant. What it takes to open one stands in its row.';
comment on column api.safes.id is 'The safe, unique within its tenant.';
comment on column api.safes.tenant_id is 'Whose safe it is.';
comment on column api.safes.title is 'What is written on it.';
comment on column api.safes.contents is 'What is in it.';
comment on column api.safes.clearance is 'The clearance that it takes, an attribute of the user; 0 for none.';
comment on column api.safes.project is 'The project that the token must be for, a claim; null for any.';
comment on column api.safes.network is 'The network that the client must be in; null for any.';
comment on column api.safes.opens_at is 'From this time of day; null for any.';
comment on column api.safes.closes_at is 'Until this time of day, on the next day where it is earlier; null for any.';
comment on column api.safes.time_zone is 'The time zone in which it stands.';
comment on column api.safes.login_age_max is 'How old the login may be; null for any age.';
comment on column api.safes.needs_mfa is 'Whether the login must have used two kinds of factor.';

alter table api.safes enable row level security;
alter table api.safes force row level security;

drop policy if exists select_member on api.safes;
create policy select_member on api.safes
    for select
    to rowhouse_app
    using (
        tenant_id = (select tenancy.current_tenant_id())
        and (select tenancy.has_role('member'))
    );
comment on policy select_member on api.safes is 'Members, admins and owners see safes of their tenant.';

drop policy if exists insert_role on api.safes;
create policy insert_role on api.safes
    for insert
    to rowhouse_app
    with check (
        tenant_id = (select tenancy.current_tenant_id())
        and (select tenancy.has_any_role('owner', 'admin'))
    );
comment on policy insert_role on api.safes is 'Owners and admins set safes up.';

drop policy if exists update_permission on api.safes;
create policy update_permission on api.safes
    for update
    to rowhouse_app
    using (
        tenant_id = (select tenancy.current_tenant_id())
        and (select tenancy.has_all_permissions('safes:write', 'safes:audit'))
    )
    with check (
        tenant_id = (select tenancy.current_tenant_id())
        and (select tenancy.has_all_permissions('safes:write', 'safes:audit'))
    );
comment on policy update_permission on api.safes is
    'What is in a safe is changed with the permissions safes:write and safes:audit, both.';

drop policy if exists all_clearance on api.safes;
create policy all_clearance on api.safes
    as restrictive
    for all
    to rowhouse_app
    using (
        clearance = 0
        or clearance <= (select (tenancy.attribute('clearance'))::integer)
    )
    with check (
        clearance = 0
        or clearance <= (select (tenancy.attribute('clearance'))::integer)
    );
comment on policy all_clearance on api.safes is 'A safe is for users of its clearance, or a higher one.';

drop policy if exists all_project on api.safes;
create policy all_project on api.safes
    as restrictive
    for all
    to rowhouse_app
    using (
        project is null
        or project = (select tenancy.claim('app_metadata', 'project'))
    )
    with check (
        project is null
        or project = (select tenancy.claim('app_metadata', 'project'))
    );
comment on policy all_project on api.safes is 'A safe of a project is for tokens of that project.';

drop policy if exists all_hours on api.safes;
create policy all_hours on api.safes
    as restrictive
    for all
    to rowhouse_app
    using (
        opens_at is null
        or tenancy.local_time_between(opens_at, closes_at, time_zone)
    )
    with check (
        opens_at is null
        or tenancy.local_time_between(opens_at, closes_at, time_zone)
    );
comment on policy all_hours on api.safes is 'A safe with hours is for those hours.';

drop policy if exists all_network on api.safes;
create policy all_network on api.safes
    as restrictive
    for all
    to rowhouse_app
    using (
        network is null
        or tenancy.client_in(network)
    )
    with check (
        network is null
        or tenancy.client_in(network)
    );
comment on policy all_network on api.safes is 'A safe with a network is for clients in that network.';

drop policy if exists all_recent_login on api.safes;
create policy all_recent_login on api.safes
    as restrictive
    for all
    to rowhouse_app
    using (
        login_age_max is null
        or tenancy.authenticated_within(login_age_max)
    )
    with check (
        login_age_max is null
        or tenancy.authenticated_within(login_age_max)
    );
comment on policy all_recent_login on api.safes is 'A safe may ask for a login of late.';

drop policy if exists all_mfa on api.safes;
create policy all_mfa on api.safes
    as restrictive
    for all
    to rowhouse_app
    using (
        not needs_mfa
        or (select tenancy.used_mfa())
    )
    with check (
        not needs_mfa
        or (select tenancy.used_mfa())
    );
comment on policy all_mfa on api.safes is 'A safe may ask for a login with two kinds of factor.';

revoke all on api.safes from public, rowhouse_app;
grant select on api.safes to rowhouse_app;
grant insert (
    id, tenant_id, title, contents, clearance, project, network, opens_at, closes_at, time_zone, login_age_max, needs_mfa
) on api.safes to rowhouse_app;
grant update (title, contents) on api.safes to rowhouse_app;

select tenancy.declare('api.safes', 'tenant', 'A tenant''s safes; who opens one is decided by policies.');

-- A policy hides a safe without a word. A function can say what would open it: 401, and how recent the login must be.
create or replace function api.change_combination(safe_id uuid)
returns text
language plpgsql
volatile
set search_path = ''
as $$
declare
    title pg_catalog.text;
begin
    perform tenancy.require_recent_authentication('5 minutes');
    select s.title
    into title
    from api.safes as s
    where s.id = safe_id;
    if title is null then
        raise sqlstate 'PT404' using message = 'There is no such safe';
    end if;
    return pg_catalog.format('The combination of "%s" is a new one', title);
end
$$;
comment on function api.change_combination(uuid) is
    'Changes the combination of a safe; asks for a login of the last five minutes.';
revoke all on function api.change_combination(uuid) from public;
grant execute on function api.change_combination(uuid) to rowhouse_app;

-- The data, as the users who wrote it: the same seven kinds of document for each tenant.
set local role rowhouse_app;

-- pawnee-parks-and-rec

set local app.current_tenant_id = '7a245486-3fc8-47ec-b303-04fefe7a58ff';
set local app.current_user_id = 'leslie.knope';
set local app."current_role" = 'owner';
set local request.jwt.claims = '{"sub": "leslie.knope", "department": "parks", "amr": ["pwd", "otp"]}';
insert into api.documents (id, title, body, classification, department, tags, embargo_until, on_hold)
values
    (
        '84ac3f17-be05-4d92-a1c6-3e7f58d0b101', 'Opening hours of the parks',
        'From sunrise to sunset, and at night for owls.',
        'public', 'parks', '{parks,hours}', null, false
    ),
    (
        '84ac3f17-be05-4d92-a1c6-3e7f58d0b102', 'How to fill in form P-17',
        'Twice, in ink.',
        'internal', null, '{forms}', null, false
    ),
    (
        '84ac3f17-be05-4d92-a1c6-3e7f58d0b103', 'Budget for the harvest festival',
        'More than last year.',
        'confidential', 'parks', '{budget,festival}', null, false
    ),
    (
        '84ac3f17-be05-4d92-a1c6-3e7f58d0b104', 'Campaign notes',
        'Waffles with the press on Monday.',
        'secret', null, '{campaign}', null, false
    ),
    (
        '84ac3f17-be05-4d92-a1c6-3e7f58d0b105', 'The new park has a name',
        'To be told at the opening.',
        'internal', 'parks', '{parks,press}', '2099-01-01 00:00:00+00', false
    ),
    (
        '84ac3f17-be05-4d92-a1c6-3e7f58d0b106', 'Minutes of the hearing about the pit',
        'The pit was discussed at length.',
        'internal', null, '{pit,minutes}', '2026-01-01 00:00:00+00', true
    )
on conflict do nothing;

set local app.attributes = '{"clearance": 3}';
insert into api.safes (id, title, contents, clearance)
values
    ('95bd4e28-cf16-4ea3-b2d7-4f8069e1c201', 'Petty cash', 'Eleven dollars.', 0),
    ('95bd4e28-cf16-4ea3-b2d7-4f8069e1c202', 'Keys to the city', 'Two, and a copy.', 3)
on conflict do nothing;
set local app.attributes = '';

set local app.current_user_id = 'april.ludgate';
set local app."current_role" = 'member';
set local request.jwt.claims = '{"sub": "april.ludgate", "department": "animal-control", "amr": ["pwd"]}';
insert into api.documents (id, title, body, classification, department, tags)
values
    (
        '84ac3f17-be05-4d92-a1c6-3e7f58d0b107', 'Raccoons, by name',
        'There are more than were thought.',
        'confidential', 'animal-control', '{raccoons}'
    )
on conflict do nothing;

-- dunder-mifflin

set local app.current_tenant_id = '162be16f-4c1d-4b0e-9a53-6f7d20c8e915';
set local app.current_user_id = 'michael.scott';
set local app."current_role" = 'owner';
set local request.jwt.claims = '{"sub": "michael.scott", "department": "sales", "amr": ["pwd", "otp"]}';
insert into api.documents (id, title, body, classification, department, tags, embargo_until, on_hold)
values
    (
        '84ac3f17-be05-4d92-a1c6-3e7f58d0b201', 'Our paper, an overview',
        'White, off-white, and the others.',
        'public', 'sales', '{paper}', null, false
    ),
    (
        '84ac3f17-be05-4d92-a1c6-3e7f58d0b202', 'Rules of the kitchen',
        'Who finishes the coffee makes the coffee.',
        'internal', null, '{rules}', null, false
    ),
    (
        '84ac3f17-be05-4d92-a1c6-3e7f58d0b203', 'Rebates for large customers',
        'Ask before giving the third.',
        'confidential', 'sales', '{prices}', null, false
    ),
    (
        '84ac3f17-be05-4d92-a1c6-3e7f58d0b204', 'Screenplay, second draft',
        'The agent enters through the skylight.',
        'secret', null, '{film}', null, false
    ),
    (
        '84ac3f17-be05-4d92-a1c6-3e7f58d0b205', 'This year''s awards',
        'Everybody gets one.',
        'internal', 'sales', '{awards}', '2099-01-01 00:00:00+00', false
    ),
    (
        '84ac3f17-be05-4d92-a1c6-3e7f58d0b206', 'Report on the watermark',
        'How it got there is being looked into.',
        'internal', null, '{paper,report}', '2026-01-01 00:00:00+00', true
    )
on conflict do nothing;

insert into api.safes (id, title, contents)
values
    ('95bd4e28-cf16-4ea3-b2d7-4f8069e1c301', 'Petty cash of the branch', 'Receipts.')
on conflict do nothing;

set local app.current_user_id = 'oscar.martinez';
set local app."current_role" = 'member';
set local request.jwt.claims = '{"sub": "oscar.martinez", "department": "accounting", "amr": ["pwd"]}';
insert into api.documents (id, title, body, classification, department, tags)
values
    (
        '84ac3f17-be05-4d92-a1c6-3e7f58d0b207', 'The surplus, explained',
        'As to a five-year-old.',
        'confidential', 'accounting', '{budget}'
    )
on conflict do nothing;

-- aliki-farms

set local app.current_tenant_id = 'ebdba44d-93f2-4e67-8d1b-0a5c7be3f248';
set local app.current_user_id = 'aliki.nomikou';
set local app."current_role" = 'owner';
set local request.jwt.claims = '{"sub": "aliki.nomikou", "department": "office", "amr": ["pwd", "otp"]}';
insert into api.documents (id, title, body, classification, department, tags, embargo_until, on_hold)
values
    (
        '84ac3f17-be05-4d92-a1c6-3e7f58d0b301', 'What grows when',
        'Figs in August, lemons when they like.',
        'public', 'fields', '{calendar}', null, false
    ),
    (
        '84ac3f17-be05-4d92-a1c6-3e7f58d0b302', 'Keys of the sheds',
        'They hang behind the door of the kitchen.',
        'internal', null, '{keys}', null, false
    ),
    (
        '84ac3f17-be05-4d92-a1c6-3e7f58d0b303', 'Prices agreed with the market',
        'Per crate, without lid.',
        'confidential', 'office', '{prices}', null, false
    ),
    (
        '84ac3f17-be05-4d92-a1c6-3e7f58d0b304', 'Grandmother''s fig preserve',
        'The cloves are the point.',
        'secret', null, '{recipes}', null, false
    ),
    (
        '84ac3f17-be05-4d92-a1c6-3e7f58d0b305', 'The field next door is for sale',
        'We have made an offer.',
        'internal', 'office', '{land}', '2099-01-01 00:00:00+00', false
    ),
    (
        '84ac3f17-be05-4d92-a1c6-3e7f58d0b306', 'Water readings of the last summer',
        'The authority has asked for them.',
        'internal', null, '{water}', '2026-01-01 00:00:00+00', true
    )
on conflict do nothing;

set local app.current_user_id = 'eleni.kastri';
set local app."current_role" = 'member';
set local request.jwt.claims = '{"sub": "eleni.kastri", "department": "fields", "amr": ["pwd"]}';
insert into api.documents (id, title, body, classification, department, tags)
values
    (
        '84ac3f17-be05-4d92-a1c6-3e7f58d0b307', 'Where the pump''s spare parts are',
        'Not in the shed.',
        'confidential', 'fields', '{pump}'
    )
on conflict do nothing;
