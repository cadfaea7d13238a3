-- The rest of the prelude: what opens a way around the tables.

waiver as (
    select w.*
    from contract as c
    cross join lateral pg_catalog.jsonb_to_recordset(
        case
            when pg_catalog.jsonb_typeof(c.contract -> 'waivers') = 'array' then c.contract -> 'waivers'
            else '[]'
        end
    ) as w (
        code pg_catalog.text,
        object pg_catalog.text,
        content_md5 pg_catalog.text,
        reason_kind pg_catalog.text,
        reason pg_catalog.text,
        by pg_catalog.text,
        until pg_catalog.date
    )
)
