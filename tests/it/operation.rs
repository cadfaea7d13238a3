//! Logs, metrics, readiness, signals, limits.
