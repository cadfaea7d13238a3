-- code: TN606
-- name: notify_payload
-- level: warning
-- object: trigger
-- what: A trigger of a tenant table sends notifications.
-- why: Channels are the database's: whoever can connect can LISTEN, there is no right to it, and no policy governs
--   what is sent.
-- see: As the request role, in a second session: LISTEN to the channel, and write a row as another tenant.
-- fix: Send no more than what everybody may know, such as that something has changed; then declare the function
--   trusted.

select
    'warning' as level,
    'trigger' as object_type,
    pg_catalog.format('%s/%I', r.identity, g.tgname) as object_identity,
    r.identity as relation,
    pg_catalog.format('Writes to %s send notifications, which every connection can listen to.', r.identity) as message,
    pg_catalog.format('Function: %s.', f.identity) as detail,
    null::pg_catalog.text as fix,
    f.definition as content
from pg_catalog.pg_trigger as g
inner join tenant_table as r on r.relation_oid = g.tgrelid
inner join callable as f on f.function_oid = g.tgfoid
where not g.tgisinternal
    and g.tgenabled <> 'D'
    -- Those of partitions are their parent's.
    and g.tgparentid = 0
    and (
        f.text ~ '\mpg_notify\M|\mnotify\s'
        -- Or a function that it names does.
        or exists (
            select
            from code as c
            where c.text ~ '\mpg_notify\M|\mnotify\s'
                and pg_catalog.strpos(f.text, c.function_name) > 0
                and f.text ~ (
                    '(?<![\w$])' || pg_catalog.regexp_replace(c.function_name, '([^\w ])', '\\\1', 'g') || '"?\s*\('
                )
        )
    )
    and not f.trusted
