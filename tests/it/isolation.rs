//! The isolation matrix: tenant, role, relation, verb, kept as reviewed text.
