-- code: TN901
-- name: server_minor_vulnerable
-- level: warning
-- object: server
-- what: The server lacks corrections that concern row-level security.
-- why: Below 15.19, 16.15, 17.11 and 18.6 a cached policy survives a revoked membership (CVE-2026-14666), and
--   below older minors policies of another user are applied (CVE-2024-10976, CVE-2023-2455), statistics show hidden
--   rows (CVE-2025-8713), or object creators run code.
-- see: select version();
-- fix: Install the newest minor release of the same major version: no dump, a restart.

select
    fixed.level as level,
    'server' as object_type,
    version.name as object_identity,
    null::pg_catalog.text as relation,
    pg_catalog.format('PostgreSQL %s lacks corrections that concern row-level security.', version.name) as message,
    fixed.cves as detail,
    null::pg_catalog.text as fix,
    null::pg_catalog.text as content
from (
    select pg_catalog.current_setting('server_version_num')::pg_catalog.int4 as number
) as server
cross join lateral (
    select
        pg_catalog.format('%s.%s', server.number / 10000, server.number % 10000) as name,
        server.number / 10000 as major,
        server.number % 10000 as minor
) as version
cross join lateral (
    -- The first minor release that has the correction.
    select
        -- Plain SQL of a request is enough for these; the others need an owner, or luck.
        case when pg_catalog.bool_or(f.by_requests) then 'error' else 'warning' end as level,
        pg_catalog.string_agg(f.cve, ', ' order by f.cve) as cves
    from (
        values
            ('CVE-2026-14666', 15, 19, false),
            ('CVE-2026-14666', 16, 15, false),
            ('CVE-2026-14666', 17, 11, false),
            ('CVE-2026-14666', 18, 6, false),
            ('CVE-2025-8713', 15, 14, false),
            ('CVE-2025-8713', 16, 10, false),
            ('CVE-2025-8713', 17, 6, false),
            ('CVE-2024-10976', 15, 9, true),
            ('CVE-2024-10976', 16, 5, true),
            ('CVE-2024-10976', 17, 1, true),
            ('CVE-2023-39418', 15, 4, true),
            ('CVE-2023-2455', 15, 3, true)
    ) as f (cve, major, minor, by_requests)
    where f.major = version.major
        and version.minor < f.minor
) as fixed
where fixed.cves is not null
