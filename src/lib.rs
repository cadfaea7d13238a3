//! Rowhouse: a tenancy service for Postgres.
//!
//! The modules in the order in which a request meets them; `ARCHITECTURE.md` walks through one.

pub mod cli;
pub mod config;
pub mod telemetry;

pub mod http;

pub mod app;
pub mod pipeline;

pub mod events;
pub mod identity;
pub mod tenants;

mod remembered;

pub mod endpoints;

pub mod request;

mod node_tree;

pub mod catalog;
pub mod plan;

pub mod query;

pub mod db;

pub mod response;
pub mod sessions;

pub mod openapi;

pub mod answer;

pub mod audit;

pub mod error;
