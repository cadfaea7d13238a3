-- Forgets what sessions left behind. One row: how many rows that were.
select tenancy.purge_sessions() as removed
