-- A support desk: tickets and their comments, each tenant's own, beside a newsfeed that is the same for all tenants.
-- Run by `rowhouse demo` after 00_tenants.sql, in one transaction, by a superuser; a second run changes nothing.

set local client_min_messages = warning;

set local role rowhouse_owner;

-- Tickets: any user of the tenant reads, opens, changes and deletes them.

create table if not exists api.support_tickets (
    id uuid not null default pg_catalog.gen_random_uuid(),
    tenant_id uuid not null default tenancy.current_tenant_id(),
    subject text not null,
    body text not null default '',
    status text not null default 'open',
    priority text not null default 'normal',
    opened_by text not null default tenancy.current_user_id(),
    created_at timestamptz not null default pg_catalog.now(),
    updated_at timestamptz not null default pg_catalog.now(),
    constraint support_tickets_pkey primary key (tenant_id, id),
    constraint support_tickets_tenant_fkey foreign key (tenant_id) references tenancy.tenants (id) on delete cascade,
    constraint support_tickets_subject_given check (pg_catalog.length(pg_catalog.btrim(subject)) between 1 and 200),
    constraint support_tickets_body_length check (pg_catalog.length(body) <= 20000),
    constraint support_tickets_status_known check (status in ('open', 'pending', 'solved', 'closed')),
    constraint support_tickets_priority_known check (priority in ('low', 'normal', 'high', 'urgent'))
);
comment on table api.support_tickets is 'Questions and complaints of a tenant''s users.';
comment on column api.support_tickets.id is 'The ticket, unique within its tenant.';
comment on column api.support_tickets.tenant_id is 'Whose ticket it is.';
comment on column api.support_tickets.subject is 'What it is about, in one line.';
comment on column api.support_tickets.body is 'The whole story.';
comment on column api.support_tickets.status is 'open, pending, solved or closed.';
comment on column api.support_tickets.priority is 'low, normal, high or urgent.';
comment on column api.support_tickets.opened_by is 'The user who opened it, from the token.';
comment on column api.support_tickets.created_at is 'When it was opened.';
comment on column api.support_tickets.updated_at is 'When it was last changed.';

create index if not exists support_tickets_status_idx on api.support_tickets (tenant_id, status, created_at);

create or replace trigger before_update
    before update
    on api.support_tickets
    for each row
    execute function demo.touch_updated_at();
comment on trigger before_update on api.support_tickets is 'Keeps updated_at.';

alter table api.support_tickets enable row level security;
alter table api.support_tickets force row level security;

drop policy if exists select_tenant on api.support_tickets;
create policy select_tenant on api.support_tickets
    for select
    to rowhouse_app
    using (tenant_id = (select tenancy.current_tenant_id()));
comment on policy select_tenant on api.support_tickets is 'A tenant reads its own tickets.';

drop policy if exists insert_tenant on api.support_tickets;
create policy insert_tenant on api.support_tickets
    for insert
    to rowhouse_app
    with check (tenant_id = (select tenancy.current_tenant_id()));
comment on policy insert_tenant on api.support_tickets is 'A tenant opens tickets of its own.';

drop policy if exists update_tenant on api.support_tickets;
create policy update_tenant on api.support_tickets
    for update
    to rowhouse_app
    using (tenant_id = (select tenancy.current_tenant_id()))
    with check (tenant_id = (select tenancy.current_tenant_id()));
comment on policy update_tenant on api.support_tickets is 'A tenant changes its own tickets, and they stay its own.';

drop policy if exists delete_tenant on api.support_tickets;
create policy delete_tenant on api.support_tickets
    for delete
    to rowhouse_app
    using (tenant_id = (select tenancy.current_tenant_id()));
comment on policy delete_tenant on api.support_tickets is 'A tenant deletes its own tickets.';

-- opened_by is in neither list: nobody opens a ticket in another's name.
revoke all on api.support_tickets from public, rowhouse_app;
grant select, delete on api.support_tickets to rowhouse_app;
grant insert (id, tenant_id, subject, body, status, priority) on api.support_tickets to rowhouse_app;
grant update (subject, body, status, priority) on api.support_tickets to rowhouse_app;

select tenancy.declare('api.support_tickets', 'tenant', 'What troubles a tenant is its own business.');

-- Comments: a child table. Foreign keys are checked below row-level security, so one on ticket_id alone would accept,
-- and thereby confirm, a ticket of another tenant. With tenant_id in the key, parent and child have the same tenant.

create table if not exists api.ticket_comments (
    id uuid not null default pg_catalog.gen_random_uuid(),
    tenant_id uuid not null default tenancy.current_tenant_id(),
    ticket_id uuid not null,
    body text not null,
    author_user_id text not null default tenancy.current_user_id(),
    created_at timestamptz not null default pg_catalog.now(),
    constraint ticket_comments_pkey primary key (tenant_id, id),
    constraint ticket_comments_ticket_fkey foreign key (tenant_id, ticket_id)
        references api.support_tickets (tenant_id, id) on delete cascade,
    constraint ticket_comments_body_given check (pg_catalog.length(pg_catalog.btrim(body)) between 1 and 20000)
);
comment on table api.ticket_comments is 'What was said about a ticket.';
comment on column api.ticket_comments.id is 'The comment, unique within its tenant.';
comment on column api.ticket_comments.tenant_id is 'Whose comment it is; always the ticket''s tenant.';
comment on column api.ticket_comments.ticket_id is 'The ticket it belongs to.';
comment on column api.ticket_comments.body is 'The words.';
comment on column api.ticket_comments.author_user_id is 'The user who wrote it, from the token.';
comment on column api.ticket_comments.created_at is 'When it was written.';

create index if not exists ticket_comments_ticket_idx on api.ticket_comments (tenant_id, ticket_id, created_at);

alter table api.ticket_comments enable row level security;
alter table api.ticket_comments force row level security;

drop policy if exists select_tenant on api.ticket_comments;
create policy select_tenant on api.ticket_comments
    for select
    to rowhouse_app
    using (tenant_id = (select tenancy.current_tenant_id()));
comment on policy select_tenant on api.ticket_comments is 'A tenant reads the comments on its own tickets.';

drop policy if exists insert_tenant on api.ticket_comments;
create policy insert_tenant on api.ticket_comments
    for insert
    to rowhouse_app
    with check (tenant_id = (select tenancy.current_tenant_id()));
comment on policy insert_tenant on api.ticket_comments is 'A tenant comments on its own tickets.';

drop policy if exists update_author on api.ticket_comments;
create policy update_author on api.ticket_comments
    for update
    to rowhouse_app
    using (
        tenant_id = (select tenancy.current_tenant_id())
        and author_user_id = (select tenancy.current_user_id())
    )
    with check (
        tenant_id = (select tenancy.current_tenant_id())
        and author_user_id = (select tenancy.current_user_id())
    );
comment on policy update_author on api.ticket_comments is 'Whoever wrote a comment may reword it.';

drop policy if exists delete_author_or_admin on api.ticket_comments;
create policy delete_author_or_admin on api.ticket_comments
    for delete
    to rowhouse_app
    using (
        tenant_id = (select tenancy.current_tenant_id())
        and (
            author_user_id = (select tenancy.current_user_id())
            or (select tenancy.has_role('admin'))
        )
    );
comment on policy delete_author_or_admin on api.ticket_comments is
    'Whoever wrote a comment may delete it, and so may admins and owners.';

revoke all on api.ticket_comments from public, rowhouse_app;
grant select, delete on api.ticket_comments to rowhouse_app;
grant insert (id, tenant_id, ticket_id, body) on api.ticket_comments to rowhouse_app;
grant update (body) on api.ticket_comments to rowhouse_app;

select tenancy.declare('api.ticket_comments', 'tenant', 'Comments are as private as the tickets they are about.');

-- Newsfeed: the operator writes it, as rowhouse_admin; every tenant reads it; no tenant writes it.

create table if not exists api.newsfeed_items (
    id uuid not null default pg_catalog.gen_random_uuid(),
    title text not null,
    body text not null default '',
    published_at timestamptz not null default pg_catalog.now(),
    constraint newsfeed_items_pkey primary key (id),
    constraint newsfeed_items_title_given check (pg_catalog.length(pg_catalog.btrim(title)) between 1 and 200)
);
comment on table api.newsfeed_items is 'News from the operator, the same for all tenants. Read-only.';
comment on column api.newsfeed_items.id is 'The item.';
comment on column api.newsfeed_items.title is 'The headline.';
comment on column api.newsfeed_items.body is 'The news.';
comment on column api.newsfeed_items.published_at is 'When it was published.';

create index if not exists newsfeed_items_published_idx on api.newsfeed_items (published_at desc);

-- On, although all may read: a grant too many still opens nothing, and the declaration below says that it is meant.
alter table api.newsfeed_items enable row level security;
alter table api.newsfeed_items force row level security;

drop policy if exists select_all on api.newsfeed_items;
create policy select_all on api.newsfeed_items
    for select
    to rowhouse_app
    using (true);
comment on policy select_all on api.newsfeed_items is 'Every tenant reads all news.';

drop policy if exists select_admin on api.newsfeed_items;
create policy select_admin on api.newsfeed_items
    for select
    to rowhouse_admin
    using (true);
comment on policy select_admin on api.newsfeed_items is 'The operator reads what it published.';

drop policy if exists insert_admin on api.newsfeed_items;
create policy insert_admin on api.newsfeed_items
    for insert
    to rowhouse_admin
    with check (true);
comment on policy insert_admin on api.newsfeed_items is 'The operator publishes news.';

drop policy if exists update_admin on api.newsfeed_items;
create policy update_admin on api.newsfeed_items
    for update
    to rowhouse_admin
    using (true)
    with check (true);
comment on policy update_admin on api.newsfeed_items is 'The operator corrects news.';

drop policy if exists delete_admin on api.newsfeed_items;
create policy delete_admin on api.newsfeed_items
    for delete
    to rowhouse_admin
    using (true);
comment on policy delete_admin on api.newsfeed_items is 'The operator withdraws news.';

revoke all on api.newsfeed_items from public, rowhouse_app, rowhouse_admin;
grant select on api.newsfeed_items to rowhouse_app;
grant usage on schema api to rowhouse_admin;
grant select, delete on api.newsfeed_items to rowhouse_admin;
grant insert (id, title, body, published_at) on api.newsfeed_items to rowhouse_admin;
grant update (title, body, published_at) on api.newsfeed_items to rowhouse_admin;

select tenancy.declare('api.newsfeed_items', 'global', 'News from the operator to all tenants; none of it is theirs.');

-- The data. Ids are fixed, for the examples in the documentation, and so that a second load finds them.

set local role rowhouse_admin;

insert into api.newsfeed_items (id, title, body, published_at)
values
    (
        '0b7c1a52-6d0e-4f7b-8a35-91c2d4e6f801',
        'Welcome to the support desk',
        'Open a ticket, and the people of your organization see it. Nobody else does.',
        '2026-01-05 09:00:00+00'
    ),
    (
        '0b7c1a52-6d0e-4f7b-8a35-91c2d4e6f802',
        'Comments on tickets',
        'Tickets can be discussed. Ask for a ticket together with its comments in one request.',
        '2026-02-02 09:00:00+00'
    ),
    (
        '0b7c1a52-6d0e-4f7b-8a35-91c2d4e6f803',
        'Maintenance on the first Sunday of April',
        'Between 02:00 and 02:30 UTC requests may be answered late.',
        '2026-03-23 09:00:00+00'
    ),
    (
        '0b7c1a52-6d0e-4f7b-8a35-91c2d4e6f804',
        'Urgent means urgent',
        'A ticket of priority urgent now wakes somebody up. Please use it kindly.',
        '2026-05-11 09:00:00+00'
    ),
    (
        '0b7c1a52-6d0e-4f7b-8a35-91c2d4e6f805',
        'Larger comments',
        'A comment may now have 20,000 characters.',
        '2026-07-01 09:00:00+00'
    )
on conflict do nothing;

set local role rowhouse_app;

-- pawnee-parks-and-rec

set local app.current_tenant_id = '7a245486-3fc8-47ec-b303-04fefe7a58ff';
set local app.current_user_id = 'leslie.knope';
insert into api.support_tickets (id, subject, body, status, priority)
values
    (
        '31d6f0a4-27be-4c19-b6e8-5a40c9d1e101',
        'The swings squeak',
        'All four of them, in a minor key.',
        'open',
        'high'
    ),
    (
        '31d6f0a4-27be-4c19-b6e8-5a40c9d1e102',
        'Binder labels printed in grey',
        'They were to be in colour. I have nine binders.',
        'pending',
        'normal'
    )
on conflict do nothing;
insert into api.ticket_comments (id, ticket_id, body)
values
    (
        '5e92b7c3-104f-4d86-9c7a-d83f60b2a101',
        '31d6f0a4-27be-4c19-b6e8-5a40c9d1e101',
        'I oiled one myself. Three to go.'
    ),
    (
        '5e92b7c3-104f-4d86-9c7a-d83f60b2a102',
        '31d6f0a4-27be-4c19-b6e8-5a40c9d1e102',
        'A tenth binder has appeared.'
    )
on conflict do nothing;

set local app.current_user_id = 'april.ludgate';
insert into api.support_tickets (id, subject, body, status, priority)
values
    (
        '31d6f0a4-27be-4c19-b6e8-5a40c9d1e103',
        'The telephone rings',
        'Please make it stop.',
        'closed',
        'low'
    ),
    (
        '31d6f0a4-27be-4c19-b6e8-5a40c9d1e104',
        'Raccoons in the storage room',
        'They were here first. Can they stay?',
        'open',
        'urgent'
    )
on conflict do nothing;

set local app.current_user_id = 'ron.swanson';
insert into api.ticket_comments (id, ticket_id, body)
values
    (
        '5e92b7c3-104f-4d86-9c7a-d83f60b2a103',
        '31d6f0a4-27be-4c19-b6e8-5a40c9d1e103',
        'I agree with the ticket.'
    ),
    (
        '5e92b7c3-104f-4d86-9c7a-d83f60b2a104',
        '31d6f0a4-27be-4c19-b6e8-5a40c9d1e104',
        'They may stay if they pay their way.'
    )
on conflict do nothing;

-- dunder-mifflin

set local app.current_tenant_id = '162be16f-4c1d-4b0e-9a53-6f7d20c8e915';
set local app.current_user_id = 'dwight.schrute';
insert into api.support_tickets (id, subject, body, status, priority)
values
    (
        '31d6f0a4-27be-4c19-b6e8-5a40c9d1e201',
        'My stapler is in a dessert',
        'It has happened again.',
        'open',
        'urgent'
    ),
    (
        '31d6f0a4-27be-4c19-b6e8-5a40c9d1e202',
        'Fire drill schedule',
        'I propose that nobody be told of it.',
        'closed',
        'high'
    )
on conflict do nothing;
insert into api.ticket_comments (id, ticket_id, body)
values
    (
        '5e92b7c3-104f-4d86-9c7a-d83f60b2a201',
        '31d6f0a4-27be-4c19-b6e8-5a40c9d1e201',
        'I know who did it.'
    )
on conflict do nothing;

set local app.current_user_id = 'pam.beesly';
insert into api.support_tickets (id, subject, body, status, priority)
values
    (
        '31d6f0a4-27be-4c19-b6e8-5a40c9d1e203',
        'The fax machine is out of toner',
        'A customer still uses it.',
        'solved',
        'normal'
    ),
    (
        '31d6f0a4-27be-4c19-b6e8-5a40c9d1e204',
        'New chairs for the reception',
        'Two of five have a leg that is shorter than the others.',
        'pending',
        'low'
    )
on conflict do nothing;
insert into api.ticket_comments (id, ticket_id, body)
values
    (
        '5e92b7c3-104f-4d86-9c7a-d83f60b2a202',
        '31d6f0a4-27be-4c19-b6e8-5a40c9d1e201',
        'It was lemon, if that helps.'
    ),
    (
        '5e92b7c3-104f-4d86-9c7a-d83f60b2a203',
        '31d6f0a4-27be-4c19-b6e8-5a40c9d1e203',
        'Found one behind the letterhead.'
    )
on conflict do nothing;

-- aliki-farms

set local app.current_tenant_id = 'ebdba44d-93f2-4e67-8d1b-0a5c7be3f248';
set local app.current_user_id = 'eleni.kastri';
insert into api.support_tickets (id, subject, body, status, priority)
values
    (
        '31d6f0a4-27be-4c19-b6e8-5a40c9d1e301',
        'The pump at the lower field stops at noon',
        'It starts again in the evening, by itself.',
        'open',
        'urgent'
    ),
    (
        '31d6f0a4-27be-4c19-b6e8-5a40c9d1e302',
        'The scale shows negative figs',
        'About two kilos of them.',
        'solved',
        'normal'
    )
on conflict do nothing;

set local app.current_user_id = 'stelios.vamvakas';
insert into api.support_tickets (id, subject, body, status, priority)
values
    (
        '31d6f0a4-27be-4c19-b6e8-5a40c9d1e303',
        'Crates are delivered without lids',
        'The order says with.',
        'pending',
        'high'
    ),
    (
        '31d6f0a4-27be-4c19-b6e8-5a40c9d1e304',
        'The goat ate the delivery notes',
        'Last week''s. She looks content.',
        'closed',
        'low'
    )
on conflict do nothing;
insert into api.ticket_comments (id, ticket_id, body)
values
    (
        '5e92b7c3-104f-4d86-9c7a-d83f60b2a301',
        '31d6f0a4-27be-4c19-b6e8-5a40c9d1e301',
        'It runs on the sun and stands in the shade of the new shed.'
    ),
    (
        '5e92b7c3-104f-4d86-9c7a-d83f60b2a302',
        '31d6f0a4-27be-4c19-b6e8-5a40c9d1e302',
        'The empty crate was weighed twice.'
    ),
    (
        '5e92b7c3-104f-4d86-9c7a-d83f60b2a303',
        '31d6f0a4-27be-4c19-b6e8-5a40c9d1e303',
        'The supplier says the lids are on the next lorry.'
    )
on conflict do nothing;
