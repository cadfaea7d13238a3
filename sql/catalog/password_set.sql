-- Gives a user ($2, uuid) the name $1 (text) to sign in with, and the password whose hash is $3 (text); a name that the user has
-- already gets the new password. No row where the name is another's.
insert into tenancy.passwords as p (username, user_id, hash)
values ($1, $2, $3)
on conflict on constraint passwords_pkey do update
set
    hash = $3,
    changed_at = pg_catalog.now()
where p.user_id = $2
