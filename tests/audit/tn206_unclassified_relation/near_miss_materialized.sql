-- A materialized view of a global table is as global.
-- request role: tn206_near_miss_materialized_app
-- declare: tenant api.items tenant_id
-- declare: global api.rates

create role tn206_near_miss_materialized_app login password 'app';
create role tn206_near_miss_materialized_owner nologin;
create schema api authorization tn206_near_miss_materialized_owner;
grant usage on schema api to tn206_near_miss_materialized_app;
create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn206_near_miss_materialized_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to public
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn206_near_miss_materialized_app;
create table api.rates (currency text primary key, rate numeric not null);
alter table api.rates owner to tn206_near_miss_materialized_owner;
grant select on api.rates to tn206_near_miss_materialized_app;
create materialized view api.latest_rates as
select currency, rate
from api.rates;
alter materialized view api.latest_rates owner to tn206_near_miss_materialized_owner;
grant select on api.latest_rates to tn206_near_miss_materialized_app;
