-- The argument is compared with the tenant before anything is read.
-- request role: tn404_near_miss_checked_app
-- declare: tenant api.items tenant_id
-- expect: advice TN404 api.names(uuid)

create role tn404_near_miss_checked_app login password 'app';
create role tn404_near_miss_checked_owner nologin;
create schema api authorization tn404_near_miss_checked_owner;
grant usage on schema api to tn404_near_miss_checked_app;
create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn404_near_miss_checked_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
create policy tenant on api.items
    to tn404_near_miss_checked_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn404_near_miss_checked_app;
create function api.names(tenant uuid)
returns setof text
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
    if tenant is distinct from (select nullif(current_setting('app.current_tenant_id', true), '')::uuid) then
        raise exception 'not yours' using errcode = 'insufficient_privilege';
    end if;
    return query select i.name from api.items as i where i.tenant_id = tenant;
end
$$;
alter function api.names(tenant uuid) owner to tn404_near_miss_checked_owner;
