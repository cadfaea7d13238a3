-- A database to audit: 2,000 tenant tables with 4,000 policies of some forms, 500 views, 500 functions. For `scripts/bench audit`.
-- Wants a role shop and an empty schema api.

do $$
declare
    n integer;
    tenant constant text := 'tenant_id = (select nullif(current_setting(''app.current_tenant_id'', true), '''')::uuid)';
begin
    for n in 1..2000 loop
        execute format(
            'create table api.t%s (tenant_id uuid not null, id integer not null, name text, state text, primary key (tenant_id, id))',
            n
        );
        execute format('alter table api.t%s enable row level security', n);
        execute format('alter table api.t%s force row level security', n);
        execute format('create policy tenant on api.t%s to shop using (%s)', n, tenant);
        -- A policy of its own text for each table.
        execute format(
            'create policy floor on api.t%1$s as restrictive using (%2$s and (state <> ''%1$s'' or length(name) > %1$s))',
            n,
            tenant
        );
        execute format('grant select, insert, update, delete on api.t%s to shop', n);
    end loop;
    for n in 1..500 loop
        execute format('create view api.v%1$s with (security_invoker = true) as select * from api.t%1$s', n);
        execute format('grant select on api.v%s to shop', n);
        execute format(
            'create function api.f%1$s() returns bigint language sql stable as ''select count(*) from api.t%1$s''',
            n
        );
    end loop;
end
$$;
