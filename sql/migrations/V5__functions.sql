-- Declared functions: those that are served although Postgres does not prove that they keep tenants apart, for the service
-- and the auditor to judge by.
-- Run once by `rowhouse migrate`, as rowhouse_owner.

create table tenancy.function (
    function regprocedure not null,
    reason text not null,
    declared_at timestamptz not null default pg_catalog.now(),
    declared_by name not null default session_user,
    constraint function_pkey primary key (function),
    constraint function_reason_given check (pg_catalog.length(pg_catalog.btrim(reason)) > 0)
);
comment on table tenancy.function is
    'Functions that somebody vouches for: a SECURITY DEFINER function runs as its owner, past the policies that bind the '
    'caller, and is served only when it is declared here.';
comment on column tenancy.function.function is 'The function, with the types of its arguments.';
comment on column tenancy.function.reason is 'Why tenants stay apart in it, in words, for the next reader.';
comment on column tenancy.function.declared_at is 'When it was last declared otherwise than before.';
comment on column tenancy.function.declared_by is 'The login that declared it.';

-- As tenancy.relation is, and for the same reasons.
alter table tenancy.function enable row level security;
alter table tenancy.function force row level security;

create policy select_readers on tenancy.function
    for select
    to rowhouse_app, rowhouse_auditor
    using (true);
comment on policy select_readers on tenancy.function is 'The service and the auditor read what was declared.';

create policy select_owner on tenancy.function
    for select
    to rowhouse_owner
    using (true);
comment on policy select_owner on tenancy.function is 'Migrations read what was declared.';

create policy insert_owner on tenancy.function
    for insert
    to rowhouse_owner
    with check (true);
comment on policy insert_owner on tenancy.function is 'Migrations declare functions.';

create policy update_owner on tenancy.function
    for update
    to rowhouse_owner
    using (true)
    with check (true);
comment on policy update_owner on tenancy.function is 'Migrations declare functions anew.';

create policy delete_owner on tenancy.function
    for delete
    to rowhouse_owner
    using (true);
comment on policy delete_owner on tenancy.function is 'Migrations take declarations back.';

grant select on tenancy.function to rowhouse_app, rowhouse_auditor;

create trigger notify_change
    after insert or update or delete or truncate
    on tenancy.function
    for each statement
    execute function tenancy.notify_reload();
comment on trigger notify_change on tenancy.function is 'Makes the service read the catalog again.';

-- `$1` and `$2`, because the parameters have the names of the columns.
create function tenancy.declare_function(function regprocedure, reason text)
returns void
language plpgsql
set search_path = ''
as $$
#variable_conflict use_column
begin
    -- A dropped function leaves its declaration behind, and its number may come back as another function's.
    delete from tenancy.function as f
    where not exists (
        select
        from pg_catalog.pg_proc as p
        where p.oid = f.function
    );

    insert into tenancy.function as f (function, reason)
    values ($1, $2)
    on conflict on constraint function_pkey do update
    set
        reason = excluded.reason,
        declared_at = excluded.declared_at,
        declared_by = excluded.declared_by
    where f.reason is distinct from excluded.reason;
end
$$;
comment on function tenancy.declare_function(regprocedure, text) is
    'Declares that a function may be served although it runs as its owner, returns rows of a relation that is not served, '
    'or belongs to an extension, and why tenants stay apart in it. Declaring again replaces the reason.';
revoke all on function tenancy.declare_function(regprocedure, text) from public;

select tenancy.declare('tenancy.function', 'internal', 'Configuration of the service.');
