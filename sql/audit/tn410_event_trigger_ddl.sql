-- code: TN410
-- name: event_trigger_ddl
-- level: advice
-- object: event trigger
-- what: An event trigger runs a function at changes of the schema.
-- why: It runs as whoever changes the schema, so also as an owner or a superuser, and can change rights and
--   policies.
-- see: In psql: \dy
-- fix: Read its function, and drop the event trigger if nobody needs it.

select
    'advice' as level,
    'event trigger' as object_type,
    pg_catalog.quote_ident(e.evtname) as object_identity,
    null::pg_catalog.text as relation,
    pg_catalog.format('The event trigger %I runs %I.%I at %s.', e.evtname, n.nspname, p.proname, e.evtevent) as message,
    null::pg_catalog.text as detail,
    pg_catalog.format('alter event trigger %I disable;', e.evtname) as fix,
    p.prosrc as content
from pg_catalog.pg_event_trigger as e
inner join pg_catalog.pg_proc as p on p.oid = e.evtfoid
inner join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
where e.evtenabled <> 'D'
    and not exists (
        select
        from pg_catalog.pg_depend as d
        where d.classid = 'pg_catalog.pg_event_trigger'::pg_catalog.regclass
            and d.objid = e.oid
            and d.deptype = 'e'
    )
