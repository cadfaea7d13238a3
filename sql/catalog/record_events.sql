-- Writes a batch of events, JSON as text, on the connection of the service that never has a tenant.
select tenancy.record_events($1::pg_catalog.jsonb)
