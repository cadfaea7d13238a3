-- Removes the password of the name $1 (text). No row where nobody has the name.
delete from tenancy.passwords as p
where p.username = $1
