-- A slug is unique among all tenants: a duplicate tells that another has it.
-- request role: tn603_fault_app
-- declare: tenant api.items tenant_id
-- expect: warning TN603 api.items_slug
-- leak: set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   do $$ begin insert into api.items (tenant_id, id, name, slug) values ('99999999-0000-4000-8000-000000000009', (random() * 1000000000)::int, 'mine', 'of tenant B'); exception when unique_violation or exclusion_violation then perform set_config('probe.taken', 'yes', false); end $$;
--   select 'taken' where current_setting('probe.taken', true) = 'yes'

create role tn603_fault_app login password 'app';
create role tn603_fault_owner nologin;
create schema api authorization tn603_fault_owner;
grant usage on schema api to tn603_fault_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    slug text not null default gen_random_uuid(),
    primary key (tenant_id, id),
    constraint items_slug unique (slug)
);
alter table api.items owner to tn603_fault_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');
update api.items
set slug = name;

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn603_fault_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn603_fault_app;
