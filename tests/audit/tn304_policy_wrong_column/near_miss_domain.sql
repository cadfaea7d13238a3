-- The column is of a domain, and is cast to what the domain is made of.
-- request role: tn304_near_miss_domain_app
-- declare: tenant api.items tenant_id

create role tn304_near_miss_domain_app login password 'app';
create role tn304_near_miss_domain_owner nologin;
create schema api authorization tn304_near_miss_domain_owner;
grant usage on schema api to tn304_near_miss_domain_app;

create domain api.tenant_reference as uuid;

create table api.items (
    tenant_id api.tenant_reference not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn304_near_miss_domain_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn304_near_miss_domain_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn304_near_miss_domain_app;
