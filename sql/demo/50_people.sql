-- The people of the demo: who is what in which tenant, as the tokens of the examples say.
-- Run by `rowhouse demo` after 00_tenants.sql, in one transaction, by a superuser; a second run changes nothing.
--
-- The table also shows policies about roles themselves: admins manage people, but only an owner makes, changes or
-- removes an owner, and the last owner stays.

set local client_min_messages = warning;

set local role rowhouse_owner;

create table if not exists api.people (
    tenant_id uuid not null default tenancy.current_tenant_id(),
    user_id text not null,
    role text not null default 'member',
    display_name text not null,
    department text,
    constraint people_pkey primary key (tenant_id, user_id),
    constraint people_tenant_fkey foreign key (tenant_id) references tenancy.tenants (id) on delete cascade,
    constraint people_user_id_length check (pg_catalog.length(user_id) between 1 and 255),
    constraint people_role_known check (role in ('owner', 'admin', 'member')),
    constraint people_display_name_given check (
        pg_catalog.length(pg_catalog.btrim(display_name)) between 1 and 200
    )
);
comment on table api.people is 'Who belongs to a tenant, and as what.';
comment on column api.people.tenant_id is 'The tenant.';
comment on column api.people.user_id is 'The user, as the token''s subject names them.';
comment on column api.people.role is 'owner, admin or member.';
comment on column api.people.display_name is 'The name people read.';
comment on column api.people.department is 'The department that the user''s token claims.';

-- Runs as whoever changed the row. When a tenant is removed, its people go with it, and that is not for this
-- trigger to judge; it is also why the tenant is looked for before the people, whom rowhouse_admin may not read.
create or replace function demo.people_keep_owner()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    if not exists (
        select
        from tenancy.tenants as t
        where t.id = old.tenant_id
    ) then
        return null;
    end if;

    -- Two owners who remove each other at the same moment would each still see the other. The second waits here.
    perform pg_catalog.pg_advisory_xact_lock(
        pg_catalog.hashtextextended('demo.people_keep_owner ' || old.tenant_id::text, 0)
    );

    if not exists (
        select
        from api.people as p
        where p.tenant_id = old.tenant_id
            and p.role = 'owner'
    ) then
        raise check_violation using
            message = 'the last owner of a tenant cannot be removed',
            hint = 'Make somebody else an owner first.';
    end if;

    return null;
end
$$;
comment on function demo.people_keep_owner() is 'Refuses a change that leaves a tenant without an owner.';
revoke all on function demo.people_keep_owner() from public;

create or replace trigger keep_owner
    after update or delete
    on api.people
    for each row
    when (old.role = 'owner')
    execute function demo.people_keep_owner();
comment on trigger keep_owner on api.people is 'The last owner stays.';

alter table api.people enable row level security;
alter table api.people force row level security;

drop policy if exists select_tenant on api.people;
create policy select_tenant on api.people
    for select
    to rowhouse_app
    using (tenant_id = (select tenancy.current_tenant_id()));
comment on policy select_tenant on api.people is 'A tenant''s users see who else is there.';

drop policy if exists insert_admin on api.people;
create policy insert_admin on api.people
    for insert
    to rowhouse_app
    with check (
        tenant_id = (select tenancy.current_tenant_id())
        and (select tenancy.has_role('admin'))
        and (
            role <> 'owner'
            or (select tenancy.has_role('owner'))
        )
    );
comment on policy insert_admin on api.people is 'Admins add people; only an owner adds an owner.';

drop policy if exists update_admin on api.people;
create policy update_admin on api.people
    for update
    to rowhouse_app
    using (
        tenant_id = (select tenancy.current_tenant_id())
        and (select tenancy.has_role('admin'))
        and (
            role <> 'owner'
            or (select tenancy.has_role('owner'))
        )
    )
    with check (
        tenant_id = (select tenancy.current_tenant_id())
        and (select tenancy.has_role('admin'))
        and (
            role <> 'owner'
            or (select tenancy.has_role('owner'))
        )
    );
comment on policy update_admin on api.people is
    'Admins change people; only an owner changes an owner or makes somebody one.';

drop policy if exists delete_admin on api.people;
create policy delete_admin on api.people
    for delete
    to rowhouse_app
    using (
        tenant_id = (select tenancy.current_tenant_id())
        and (select tenancy.has_role('admin'))
        and (
            role <> 'owner'
            or (select tenancy.has_role('owner'))
        )
    );
comment on policy delete_admin on api.people is 'Admins remove people; only an owner removes an owner.';

revoke all on api.people from public, rowhouse_app;
grant select, delete on api.people to rowhouse_app;
grant insert (tenant_id, user_id, role, display_name, department) on api.people to rowhouse_app;
grant update (role, display_name, department) on api.people to rowhouse_app;

select tenancy.declare('api.people', 'tenant', 'Who works for a tenant is its own business.');

-- The data, as the owner of each tenant. Ron Swanson belongs to two tenants, as a different role in each.
set local role rowhouse_app;
set local app."current_role" = 'owner';

set local app.current_tenant_id = '7a245486-3fc8-47ec-b303-04fefe7a58ff';
insert into api.people (user_id, role, display_name, department)
values
    ('leslie.knope', 'owner', 'Leslie Knope', 'parks'),
    ('ron.swanson', 'admin', 'Ron Swanson', 'parks'),
    ('april.ludgate', 'member', 'April Ludgate', 'animal-control'),
    ('tom.haverford', 'member', 'Tom Haverford', 'parks')
on conflict do nothing;

set local app.current_tenant_id = '162be16f-4c1d-4b0e-9a53-6f7d20c8e915';
insert into api.people (user_id, role, display_name, department)
values
    ('michael.scott', 'owner', 'Michael Scott', 'sales'),
    ('dwight.schrute', 'admin', 'Dwight Schrute', 'sales'),
    ('pam.beesly', 'member', 'Pam Beesly', 'reception'),
    ('oscar.martinez', 'member', 'Oscar Martinez', 'accounting')
on conflict do nothing;

set local app.current_tenant_id = 'ebdba44d-93f2-4e67-8d1b-0a5c7be3f248';
insert into api.people (user_id, role, display_name, department)
values
    ('aliki.nomikou', 'owner', 'Aliki Nomikou', 'office'),
    ('stelios.vamvakas', 'admin', 'Stelios Vamvakas', 'office'),
    ('eleni.kastri', 'member', 'Eleni Kastri', 'fields'),
    ('ron.swanson', 'member', 'Ron Swanson', 'fields')
on conflict do nothing;
