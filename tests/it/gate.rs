//! What is served, what is refused, and when the service does not start.
