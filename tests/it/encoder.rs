//! The row encoder against Postgres' own `to_json`.
