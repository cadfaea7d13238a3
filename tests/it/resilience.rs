//! Slow statements, clients that hang up, a database that goes and comes back.
