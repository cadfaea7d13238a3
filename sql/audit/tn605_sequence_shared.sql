-- code: TN605
-- name: sequence_shared
-- level: advice
-- object: sequence
-- what: A sequence that requests may use numbers the rows of all tenants.
-- why: Its gaps count what the others make; with SELECT its last value is there to read.
-- see: As the request role: select last_value from the sequence.
-- fix: Number each tenant's rows by themselves, or use a uuid.

select
    'advice' as level,
    'sequence' as object_type,
    pg_catalog.format('%I.%I', n.nspname, s.relname) as object_identity,
    t.identity as relation,
    pg_catalog.format('%I.%I numbers the rows of all tenants of %s.', n.nspname, s.relname, t.identity) as message,
    null::pg_catalog.text as detail,
    null::pg_catalog.text as fix,
    null::pg_catalog.text as content
from pg_catalog.pg_class as s
inner join pg_catalog.pg_namespace as n on n.oid = s.relnamespace
inner join (
    select distinct
        d.refobjid as sequence_oid,
        e.adrelid as relation_oid
    from pg_catalog.pg_attrdef as e
    inner join pg_catalog.pg_depend as d
        on d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
        and d.objid = e.oid
        and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    union
    -- Of an identity column.
    select
        d.objid,
        d.refobjid
    from pg_catalog.pg_depend as d
    where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
        and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
        and d.refobjsubid <> 0
        and d.deptype = 'i'
) as uses on uses.sequence_oid = s.oid
inner join tenant_table as t on t.relation_oid = uses.relation_oid
where s.relkind = 'S'
    and not t.is_partition
    and exists (
        select
        from acting_role as r
        where pg_catalog.has_sequence_privilege(r.role_oid, s.oid, 'USAGE, SELECT')
            and pg_catalog.has_schema_privilege(r.role_oid, n.oid, 'USAGE')
    )
