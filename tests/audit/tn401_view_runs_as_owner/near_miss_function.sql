-- The view reads a function that runs as its caller.
-- request role: tn401_near_miss_function_app
-- declare: tenant api.items tenant_id

create role tn401_near_miss_function_app login password 'app';
create role tn401_near_miss_function_owner nologin;
create schema api authorization tn401_near_miss_function_owner;
grant usage on schema api to tn401_near_miss_function_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn401_near_miss_function_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn401_near_miss_function_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn401_near_miss_function_app;
create function api.all_items()
returns setof api.items
language sql
stable
as $$
    select * from api.items
$$;
alter function api.all_items() owner to tn401_near_miss_function_owner;
create view api.names as
select a.name
from api.all_items() as a;
grant select on api.names to tn401_near_miss_function_app;
