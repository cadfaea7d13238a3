-- The data of the benchmark: :tenants tenants of :rows items each, ids that pgbench and wrk can reckon. Run by
-- scripts/bench as the superuser, whom no policy binds.
--
-- Tenant n is 00000000-0000-4000-8000-100000000000 + n; its item m is 00000000-0000-4000-9mmm-1000000nnnnn, in digits, up to
-- the thousandth; the ids of more are random.

\set ON_ERROR_STOP on
begin;

delete from tenancy.tenants where slug like 'bench-%';

insert into tenancy.tenants (id, slug, name)
select
    ('00000000-0000-4000-8000-' || (100000000000 + n))::pg_catalog.uuid,
    'bench-' || n,
    'Bench ' || n
from pg_catalog.generate_series(0, :tenants - 1) as n;

insert into api.items (id, tenant_id, title)
select
    case
        when m < 1000
            then ('00000000-0000-4000-9' || pg_catalog.lpad(m::pg_catalog.text, 3, '0') || '-' || (100000000000 + n))::pg_catalog.uuid
        else pg_catalog.gen_random_uuid()
    end,
    ('00000000-0000-4000-8000-' || (100000000000 + n))::pg_catalog.uuid,
    'Item number ' || m || ' of its tenant'
from pg_catalog.generate_series(0, :tenants - 1) as n
cross join pg_catalog.generate_series(0, :rows - 1) as m;

commit;

vacuum (analyze) api.items;
vacuum (analyze) tenancy.tenants;
checkpoint;
