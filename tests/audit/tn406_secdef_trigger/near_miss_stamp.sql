-- The function writes into the row what it knows without reading a table.
-- request role: tn406_near_miss_stamp_app
-- declare: tenant api.items tenant_id
-- expect: warning TN406 api.items/writing

create role tn406_near_miss_stamp_app login password 'app';
create role tn406_near_miss_stamp_owner nologin;
create schema api authorization tn406_near_miss_stamp_owner;
grant usage on schema api to tn406_near_miss_stamp_app;
create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn406_near_miss_stamp_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
create policy tenant on api.items
    to tn406_near_miss_stamp_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn406_near_miss_stamp_app;
alter table api.items add column changed_at timestamptz;
create function api.stamp()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
    new.changed_at := now();
    return new;
end
$$;
alter function api.stamp() owner to tn406_near_miss_stamp_owner;
create trigger writing
    before update on api.items
    for each row
    execute function api.stamp();
