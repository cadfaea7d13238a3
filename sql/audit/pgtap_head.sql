-- Today's isolation, to be kept: written by `rowhouse audit --format pgtap`. Run it with pg_prove, as a superuser, in a
-- database that has the extension pgtap on its search_path; everything is rolled back.

begin;

-- How many rows the request role sees of a relation as a tenant. Where a policy raises, or the role may not read at all, it
-- sees none.
create function pg_temp.rows_seen(relation text, tenant text)
returns bigint
language plpgsql
as $$
declare
    seen bigint;
begin
    perform pg_catalog.set_config({setting}, tenant, true);
    perform pg_catalog.set_config('role', {role}, true);
    execute 'select pg_catalog.count(*) from ' || relation into seen;
    perform pg_catalog.set_config('role', 'none', true);
    return seen;
exception
    when data_exception or undefined_object or insufficient_privilege or raise_exception then
        return 0;
end
$$;
