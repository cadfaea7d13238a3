-- Changes the password of the name $1 (text) to that whose hash is $2 (text). No row where nobody has the name.
update tenancy.passwords as p
set
    hash = $2,
    changed_at = pg_catalog.now()
where p.username = $1
