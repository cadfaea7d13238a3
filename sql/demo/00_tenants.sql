-- The demo's three tenants, and what the other demo files share.
-- Run by `rowhouse demo` after `rowhouse migrate`, in one transaction, by a superuser; a second run changes nothing.
--
-- Each demo file does its DDL as rowhouse_owner and its data as the role that a request would have, so that
-- loading obeys the policies too: a row that a tenant could not write is not in the demo.

set local client_min_messages = warning;

set local role rowhouse_owner;

-- The title and the description of the OpenAPI document.
comment on schema api is
    E'Demo\nItems, short links, a support desk and documents of three tenants. The token says whose rows a request sees.';

create schema if not exists demo;
comment on schema demo is 'Functions that the demo''s tables call. Not served.';
grant usage on schema demo to rowhouse_app;

create or replace function demo.touch_updated_at()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    new.updated_at := pg_catalog.now();
    return new;
end
$$;
comment on function demo.touch_updated_at() is 'Stamps a changed row with the time of its transaction.';
revoke all on function demo.touch_updated_at() from public;

-- Tenants are the administrative role's to make. Changed names and states are kept.
set local role rowhouse_admin;

insert into tenancy.tenants (id, slug, name)
values
    ('7a245486-3fc8-47ec-b303-04fefe7a58ff', 'pawnee-parks-and-rec', 'pawnee-parks-and-rec'),
    ('162be16f-4c1d-4b0e-9a53-6f7d20c8e915', 'dunder-mifflin', 'dunder-mifflin'),
    ('ebdba44d-93f2-4e67-8d1b-0a5c7be3f248', 'aliki-farms', 'aliki-farms')
on conflict do nothing;
