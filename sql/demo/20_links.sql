-- A link shortener for organizations: members make and list links, everybody follows one, owners and admins delete any,
-- members their own.
-- Run by `rowhouse demo` after 00_tenants.sql, in one transaction, by a superuser; a second run changes nothing.

set local client_min_messages = warning;

set local role rowhouse_owner;

-- Two random uuids have 244 random bits; hashed, they are spread over all bytes, and each of 21 bytes gives one of
-- 64 characters: 126 bits, as much as an id of the nanoid kind has. 21 characters are never a word of a route.
create or replace function demo.short_id()
returns text
language sql
volatile
parallel safe
set search_path = ''
as $$
    select pg_catalog.string_agg(
        pg_catalog.substr(
            'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-',
            (pg_catalog.get_byte(random.bytes, i) & 63) + 1,
            1
        ),
        ''
        order by i
    )
    from (
        select pg_catalog.sha256(
            pg_catalog.uuid_send(pg_catalog.gen_random_uuid()) || pg_catalog.uuid_send(pg_catalog.gen_random_uuid())
        ) as bytes
        -- Keeps the planner from pulling the sub-select up and drawing anew for each character.
        offset 0
    ) as random
    cross join pg_catalog.generate_series(0, 20) as i
$$;
comment on function demo.short_id() is 'A random id of 21 characters that need no escaping in a URL.';
revoke all on function demo.short_id() from public;
grant execute on function demo.short_id() to rowhouse_app;

create table if not exists api.links (
    tenant_id uuid not null default tenancy.current_tenant_id(),
    id text not null default demo.short_id(),
    url text not null,
    creator_user_id text not null default tenancy.current_user_id(),
    created_at timestamptz not null default pg_catalog.now(),
    constraint links_pkey primary key (tenant_id, id),
    constraint links_tenant_fkey foreign key (tenant_id) references tenancy.tenants (id) on delete cascade,
    constraint links_id_is_short_id check (id ~ '^[A-Za-z0-9_-]{21}$'),
    -- Whoever follows the link is sent there: no scheme that runs code, and nothing that could end a header line.
    constraint links_url_is_web check (url ~* '^https?://[^/?#]'),
    constraint links_url_is_clean check (url !~ '[[:space:]\u0001-\u001f\u007f-\u009f\u2028\u2029]'),
    constraint links_url_length check (pg_catalog.length(url) <= 2048)
);
comment on table api.links is 'Short links of a tenant.';
comment on column api.links.tenant_id is 'Whose link it is.';
comment on column api.links.id is 'The short name of the link, made here; a value sent by the client is ignored.';
comment on column api.links.url is 'Where the link leads: http or https, at most 2048 characters.';
comment on column api.links.creator_user_id is
    'The user who made the link, from the token; a value sent by the client is ignored.';
comment on column api.links.created_at is 'When it was made.';

-- Does not touch tenant_id: a foreign one shall be refused by the policy, which is checked after this.
create or replace function demo.links_before_insert()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    new.id := demo.short_id();
    new.creator_user_id := tenancy.current_user_id();
    return new;
end
$$;
comment on function demo.links_before_insert() is 'Gives a new link its id and its creator, whatever was sent.';
revoke all on function demo.links_before_insert() from public;

create or replace trigger before_insert
    before insert
    on api.links
    for each row
    execute function demo.links_before_insert();
comment on trigger before_insert on api.links is 'Id and creator are decided here, not by the client.';

alter table api.links enable row level security;
alter table api.links force row level security;

drop policy if exists select_member on api.links;
create policy select_member on api.links
    for select
    to rowhouse_app
    using (
        tenant_id = (select tenancy.current_tenant_id())
        and (select tenancy.has_role('member'))
    );
comment on policy select_member on api.links is 'Members, admins and owners read all links of their tenant.';

drop policy if exists insert_member on api.links;
create policy insert_member on api.links
    for insert
    to rowhouse_app
    with check (
        tenant_id = (select tenancy.current_tenant_id())
        and (select tenancy.has_role('member'))
        and creator_user_id = (select tenancy.current_user_id())
    );
comment on policy insert_member on api.links is 'Members, admins and owners make links, in their own name.';

-- A member who tries another's link finds no such row: that it exists is not what the answer is about.
drop policy if exists delete_creator_or_admin on api.links;
create policy delete_creator_or_admin on api.links
    for delete
    to rowhouse_app
    using (
        tenant_id = (select tenancy.current_tenant_id())
        and (
            (select tenancy.has_role('admin'))
            or (
                (select tenancy.has_role('member'))
                and creator_user_id = (select tenancy.current_user_id())
            )
        )
    );
comment on policy delete_creator_or_admin on api.links is
    'Owners and admins delete any link of their tenant, members only those they made.';

-- A link is followed by whoever has it, with no token. It is found by its short name alone: without one there is no row,
-- so the list of a tenant's links stays its own. api.follow_link says which one is asked for.
drop policy if exists select_followed on api.links;
create policy select_followed on api.links
    for select
    to rowhouse_anonymous
    using (
        tenant_id = (select tenancy.current_tenant_id())
        and id = (select pg_catalog.current_setting('demo.link_followed', true))
    );
comment on policy select_followed on api.links is 'Everybody reads the one link that is being followed.';

-- Id and creator may be sent, to be ignored. Nothing may be updated: a link leads where it always led.
revoke all on api.links from public, rowhouse_app, rowhouse_anonymous;
grant select, delete on api.links to rowhouse_app;
grant select (id, url) on api.links to rowhouse_anonymous;
grant insert (tenant_id, id, url, creator_user_id) on api.links to rowhouse_app;

select tenancy.declare('api.links', 'tenant', 'Where a tenant''s links lead is its own business.');

-- The data, as the users who make the links. Ids are new on each load of an empty database, so a link counts as loaded
-- when its target is there.
set local role rowhouse_app;

set local app.current_tenant_id = '7a245486-3fc8-47ec-b303-04fefe7a58ff';
set local app.current_user_id = 'leslie.knope';
set local app."current_role" = 'owner';
insert into api.links (url)
select n.url
from (values ('https://parks.example.org/harvest-festival')) as n (url)
where not exists (select from api.links as l where l.url = n.url);

set local app.current_user_id = 'ron.swanson';
set local app."current_role" = 'admin';
insert into api.links (url)
select n.url
from (values ('https://woodworking.example.org/canoes')) as n (url)
where not exists (select from api.links as l where l.url = n.url);

set local app.current_user_id = 'april.ludgate';
set local app."current_role" = 'member';
insert into api.links (url)
select n.url
from (values ('https://shelter.example.org/three-legged-dogs')) as n (url)
where not exists (select from api.links as l where l.url = n.url);

set local app.current_tenant_id = '162be16f-4c1d-4b0e-9a53-6f7d20c8e915';
set local app.current_user_id = 'michael.scott';
set local app."current_role" = 'owner';
insert into api.links (url)
select n.url
from (values ('https://improv.example.com/classes?level=1')) as n (url)
where not exists (select from api.links as l where l.url = n.url);

set local app.current_user_id = 'dwight.schrute';
set local app."current_role" = 'admin';
insert into api.links (url)
select n.url
from (values ('https://farm.example.com/beets')) as n (url)
where not exists (select from api.links as l where l.url = n.url);

set local app.current_user_id = 'pam.beesly';
set local app."current_role" = 'member';
insert into api.links (url)
select n.url
from (values ('https://gallery.example.com/watercolours')) as n (url)
where not exists (select from api.links as l where l.url = n.url);

set local app.current_tenant_id = 'ebdba44d-93f2-4e67-8d1b-0a5c7be3f248';
set local app.current_user_id = 'aliki.nomikou';
set local app."current_role" = 'owner';
insert into api.links (url)
select n.url
from (values ('https://weather.example.net/frost-warnings')) as n (url)
where not exists (select from api.links as l where l.url = n.url);

set local app.current_user_id = 'stelios.vamvakas';
set local app."current_role" = 'admin';
insert into api.links (url)
select n.url
from (values ('https://market.example.net/prices/fig')) as n (url)
where not exists (select from api.links as l where l.url = n.url);

set local app.current_user_id = 'eleni.kastri';
set local app."current_role" = 'member';
insert into api.links (url)
select n.url
from (values ('https://buses.example.net/line/7')) as n (url)
where not exists (select from api.links as l where l.url = n.url);
