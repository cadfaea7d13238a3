-- A global table announces its changes.
-- request role: tn606_near_miss_app
-- declare: tenant api.items tenant_id
-- declare: global api.countries

create role tn606_near_miss_app login password 'app';
create role tn606_near_miss_owner nologin;
create schema api authorization tn606_near_miss_owner;
grant usage on schema api to tn606_near_miss_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn606_near_miss_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn606_near_miss_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn606_near_miss_app;

create table api.countries (
    name text primary key
);
alter table api.countries owner to tn606_near_miss_owner;
grant select on api.countries to tn606_near_miss_app;
create function api.announce()
returns trigger
language plpgsql
set search_path = ''
as $$
    begin
        perform pg_catalog.pg_notify('rows', new.name);
        return null;
    end
$$;
alter function api.announce() owner to tn606_near_miss_owner;
revoke all on function api.announce() from public;
create trigger announce
    after insert
    on api.countries
    for each row
    execute function api.announce();
