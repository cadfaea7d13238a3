-- The end of the audit's statement: what the rules found, with waivers. A waiver of a finding of which nothing can change
-- pins no text; one that pins another text than today's is stale.
select
    f.code,
    f.name,
    f.level,
    f.object_type,
    f.object_identity as object,
    f.relation,
    f.message,
    f.detail,
    f.fix,
    pg_catalog.md5(pg_catalog.concat_ws(E'\n', f.code, f.object_type, f.object_identity)) as fingerprint,
    pg_catalog.md5(f.content) as content_md5,
    w.state as waiver_state,
    w.reason_kind as waiver_reason_kind,
    w.reason as waiver_reason,
    w.by as waiver_by,
    w.until::pg_catalog.text as waiver_until
from raw_finding as f
left join lateral (
    select
        v.*,
        case
            when v.until < current_date then 'expired'
            when v.content_md5 is not null and v.content_md5 is distinct from pg_catalog.md5(f.content) then 'stale'
            else 'active'
        end as state
    from waiver as v
    where v.code = f.code
        and v.object = f.object_identity
    -- The one that holds, where several were given.
    order by state, v.until desc nulls first
    limit 1
) as w on true
order by
    pg_catalog.array_position(array['error', 'warning', 'advice'], f.level),
    f.relation nulls first,
    f.code,
    f.object_identity
