-- The view may be written, and Postgres cannot: it is grouped.
-- request role: tn403_near_miss_computed_app
-- declare: tenant api.items tenant_id

create role tn403_near_miss_computed_app login password 'app';
create role tn403_near_miss_computed_owner nologin;
create schema api authorization tn403_near_miss_computed_owner;
grant usage on schema api to tn403_near_miss_computed_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn403_near_miss_computed_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
create policy tenant on api.items
    to tn403_near_miss_computed_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn403_near_miss_computed_app;
create view api.names with (security_barrier = true) as
select tenant_id, count(*) as items
from api.items
where tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid)
group by tenant_id;
alter view api.names owner to tn403_near_miss_computed_owner;
grant select, insert on api.names to tn403_near_miss_computed_app;
