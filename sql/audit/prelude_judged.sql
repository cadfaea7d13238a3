-- `reading`, as the exact judge found it: it stands for the recogniser, with the same columns.

reading as materialized (
    select
        p.policy_oid,
        p.relation_oid,
        decides.part,
        decides.part = 'using' as is_using,
        decides.explicit,
        case g.part when 'using' then p.using_text else p.check_text end as source,
        g.raises,
        g.per_row,
        g.is_odd,
        g.admits_null,
        null::pg_catalog.text as words,
        g.shape,
        g.scoped_by_itself,
        g.asked_oid,
        g.scoped_by_lookup
    from pg_catalog.jsonb_to_recordset({{readings}}) as g (
        policy_oid pg_catalog.oid,
        part pg_catalog.text,
        raises pg_catalog.bool,
        per_row pg_catalog.bool,
        is_odd pg_catalog.bool,
        admits_null pg_catalog.bool,
        shape pg_catalog.text,
        scoped_by_itself pg_catalog.bool,
        asked_oid pg_catalog.oid,
        scoped_by_lookup pg_catalog.bool
    )
    inner join policy as p on p.policy_oid = g.policy_oid
    -- USING decides what a new row may be, too, where there is no WITH CHECK.
    cross join lateral (
        values
            (g.part, true, true),
            ('check', false, g.part = 'using' and p.check_text is null)
    ) as decides (part, explicit, is_so)
    where decides.is_so
)
