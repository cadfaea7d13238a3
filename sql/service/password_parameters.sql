-- How the password of a name was hashed. One row; null where there is none.
select tenancy.password_parameters($1::pg_catalog.text) as parameters
