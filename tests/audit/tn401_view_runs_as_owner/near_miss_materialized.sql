-- The view compares the tenant itself, behind a barrier, in a materialized view that nobody else reads.
-- request role: tn401_near_miss_materialized_app
-- declare: tenant api.items tenant_id

create role tn401_near_miss_materialized_app login password 'app';
create role tn401_near_miss_materialized_owner nologin;
create schema api authorization tn401_near_miss_materialized_owner;
grant usage on schema api to tn401_near_miss_materialized_app;
create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn401_near_miss_materialized_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to public
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn401_near_miss_materialized_app;
create materialized view api.totals as
select tenant_id, count(*) as n
from api.items
group by tenant_id;
alter materialized view api.totals owner to tn401_near_miss_materialized_owner;
create view api.names
with (security_barrier = true)
as
select tenant_id, n
from api.totals
where tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid);
alter view api.names owner to tn401_near_miss_materialized_owner;
grant select on api.names to tn401_near_miss_materialized_app;
