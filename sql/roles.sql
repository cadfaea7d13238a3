-- The five roles of Rowhouse, and what they may do with this database as a whole.
--
-- Run by `rowhouse migrate`, each time, before the migrations, as one batch, by the connecting login: a superuser,
-- or a role with CREATEROLE that owns the database. Roles belong to the cluster and migrations to one database,
-- so this cannot be a migration: it creates what is missing, puts attributes back, and changes nothing that is right.
--
-- No passwords are set here. Give the two logins theirs with `alter role ... password`, or use another method of
-- pg_hba.conf.

do $roles$
declare
    wanted record;
    found_role pg_catalog.pg_roles%rowtype;
    changes text;
    attempt integer;
    migrating pg_catalog.bool;
    is_superuser pg_catalog.bool;
    database_name pg_catalog.name := pg_catalog.current_database();
    grantee pg_catalog.name;
begin
    -- Two migrations of this database wait for each other here. An advisory lock is per database, so two databases
    -- of one cluster still meet at the shared catalogs; the loop below is for them.
    perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('rowhouse roles', 0));

    select r.rolsuper
    into strict is_superuser
    from pg_catalog.pg_roles as r
    where r.rolname = current_user;

    for wanted in
        select w.role_name, w.can_login, w.inherits, w.description
        from (
            values
                (
                    1, 'rowhouse_owner', false, false,
                    'Owns the schemas, tables and functions of Rowhouse. Nobody logs in as it; migrations run as it.'
                ),
                (
                    2, 'rowhouse_app', true, false,
                    'The request role of Rowhouse: bound by row-level security, owns nothing, becomes only roles that are, too.'
                ),
                (
                    3, 'rowhouse_admin', true, false,
                    'Tenant lifecycle: reaches the tenant registry by policies that name it, and no tenant''s rows.'
                ),
                (
                    4, 'rowhouse_auditor', false, true,
                    'Reads the declarations and audit views of Rowhouse. Grant it to a DBA.'
                ),
                (
                    5, 'rowhouse_anonymous', false, false,
                    'Callers of Rowhouse without a token, where the setting anonymous_role names it: what they may is what'
                    ' is granted to it.'
                )
        ) as w (position, role_name, can_login, inherits, description)
        order by w.position
    loop
        for attempt in 1..20 loop
            begin
                select r.*
                into found_role
                from pg_catalog.pg_roles as r
                where r.rolname = wanted.role_name;

                if not found then
                    execute pg_catalog.format(
                        'create role %I %s %s nosuperuser nobypassrls nocreaterole nocreatedb noreplication',
                        wanted.role_name,
                        case when wanted.can_login then 'login' else 'nologin' end,
                        case when wanted.inherits then 'inherit' else 'noinherit' end
                    );
                else
                    -- Only what differs is named: a login that is no superuser may not even repeat `nosuperuser`,
                    -- and an alter without effect would still rewrite a row that all databases share.
                    changes := pg_catalog.concat_ws(
                        ' ',
                        case
                            when found_role.rolcanlogin and not wanted.can_login then 'nologin'
                            when wanted.can_login and not found_role.rolcanlogin then 'login'
                        end,
                        case
                            when found_role.rolinherit and not wanted.inherits then 'noinherit'
                            when wanted.inherits and not found_role.rolinherit then 'inherit'
                        end,
                        case when found_role.rolsuper then 'nosuperuser' end,
                        case when found_role.rolbypassrls then 'nobypassrls' end,
                        case when found_role.rolcreaterole then 'nocreaterole' end,
                        case when found_role.rolcreatedb then 'nocreatedb' end,
                        case when found_role.rolreplication then 'noreplication' end
                    );
                    if changes <> '' then
                        execute pg_catalog.format('alter role %I %s', wanted.role_name, changes);
                    end if;
                end if;

                exit;
            exception
                -- Another database's migration made or altered the same role in this moment (`tuple concurrently
                -- updated` is an internal_error). By now it has committed, so look again.
                when duplicate_object or unique_violation or internal_error or deadlock_detected then
                    if attempt = 20 then
                        raise;
                    end if;
                    perform pg_catalog.pg_sleep(0.05 * pg_catalog.random());
            end;
        end loop;

        begin
            if pg_catalog.shobj_description(wanted.role_name::regrole, 'pg_authid') is distinct from wanted.description
            then
                execute pg_catalog.format('comment on role %I is %L', wanted.role_name, wanted.description);
            end if;
        exception
            -- A comment is worth no failure: another migration writes the same words, or the roles were made by
            -- a login that did not let this one administer them.
            when insufficient_privilege or unique_violation or internal_error or deadlock_detected then
                null;
        end;
    end loop;

    -- Migrations `set role rowhouse_owner`. A superuser may do so as it is. From PostgreSQL 16 on, the creator of a
    -- role administers it, but must grant itself the right to become it; inheriting is left off, so that the login
    -- does not own the tables by accident.
    if not is_superuser then
        if pg_catalog.current_setting('server_version_num')::integer >= 160000 then
            -- Not a static expression: the mode SET is an error before 16.
            execute $query$ select pg_catalog.pg_has_role(current_user, 'rowhouse_owner', 'SET') $query$ into migrating;
            if not migrating then
                execute 'grant rowhouse_owner to current_user with inherit false, set true';
            end if;
        elsif not pg_catalog.pg_has_role(current_user, 'rowhouse_owner', 'MEMBER') then
            execute 'grant rowhouse_owner to current_user';
        end if;
    end if;

    -- The request role becomes it for one transaction at a time, and inherits nothing of it.
    if not pg_catalog.pg_has_role('rowhouse_app', 'rowhouse_anonymous', 'MEMBER') then
        begin
            execute 'grant rowhouse_anonymous to rowhouse_app'
                || case
                    when pg_catalog.current_setting('server_version_num')::integer >= 160000
                        then ' with inherit false, set true'
                    else ''
                end;
        exception
            -- Another database's migration did it in this moment.
            when unique_violation or internal_error or deadlock_detected then
                null;
        end;
    end if;

    -- What everybody may do by default (connect, make temporary tables), nobody may: who has no business here does
    -- not even get in, and a temporary table cannot stand in for a real one in somebody's search_path.
    if exists (
        select
        from pg_catalog.pg_database as d
        cross join lateral pg_catalog.aclexplode(
            coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))
        ) as a
        where d.datname = database_name
            and a.grantee = 0
    ) then
        execute pg_catalog.format('revoke all on database %I from public', database_name);
    end if;

    foreach grantee in array array['rowhouse_app', 'rowhouse_admin', 'rowhouse_auditor']::pg_catalog.name[] loop
        if not pg_catalog.has_database_privilege(grantee, database_name, 'CONNECT') then
            execute pg_catalog.format('grant connect on database %I to %I', database_name, grantee);
        end if;
    end loop;

    -- So that migrations can make their schemas as the owner.
    if not pg_catalog.has_database_privilege('rowhouse_owner', database_name, 'CREATE') then
        execute pg_catalog.format('grant create on database %I to rowhouse_owner', database_name);
    end if;

    -- Open to everybody in clusters that were first made before PostgreSQL 15.
    if exists (
        select
        from pg_catalog.pg_namespace as n
        cross join lateral pg_catalog.aclexplode(n.nspacl) as a
        where n.nspname = 'public'
            and a.grantee = 0
            and a.privilege_type = 'CREATE'
    ) then
        revoke create on schema public from public;
    end if;

    -- A revoke by somebody who may not is only a warning of Postgres, which nobody reads. Say it as an error.
    if pg_catalog.has_database_privilege('rowhouse_app', database_name, 'CREATE, TEMPORARY')
        or (
            pg_catalog.to_regnamespace('public') is not null
            and pg_catalog.has_schema_privilege('rowhouse_app', 'public', 'CREATE')
        )
    then
        raise insufficient_privilege using
            message = pg_catalog.format('rowhouse_app can still create objects in database %I', database_name),
            hint = 'Run the migration as a superuser or as the owner of the database, and look for grants to roles'
                ' that rowhouse_app is a member of.';
    end if;
end
$roles$;
