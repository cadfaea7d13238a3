//! The service as its users meet it: over HTTP, against a real Postgres. One binary; `make test` runs it.

// Not every test file uses all of it.
#[allow(dead_code, unused_imports)]
mod support;

mod systems;

mod dialect;

mod documents;

mod statements;

mod identity;
mod key_sets;

mod issuers;

mod membership;

mod selectors;
mod sessions;

mod roles;

mod events;

mod attributes;

mod hostile;

mod gate;

mod protect;
mod prove;

mod audit_command;

mod waivers;

mod isolation;

mod audit;
mod judge;

mod encoder;
mod endpoints;

mod operation;

mod openapi;

mod command_line;

mod concurrency;

mod resilience;
