-- A function that somebody vouches for decides about the row.
-- request role: tn319_near_miss_truth_app
-- declare: tenant api.items tenant_id
-- trust: api.is_mine(uuid)

create role tn319_near_miss_truth_app login password 'app';
create role tn319_near_miss_truth_owner nologin;
create schema api authorization tn319_near_miss_truth_owner;
grant usage on schema api to tn319_near_miss_truth_app;

create function api.is_mine(tenant uuid)
returns bool
language sql
stable
parallel safe
set search_path = ''
as $$
    select tenant = nullif(current_setting('app.current_tenant_id', true), '')::uuid
$$;
alter function api.is_mine(uuid) owner to tn319_near_miss_truth_owner;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn319_near_miss_truth_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn319_near_miss_truth_app
    using (api.is_mine(tenant_id));
grant select, insert, update, delete on api.items to tn319_near_miss_truth_app;
