//! The gate's attempt to read a relation as nobody: a script for the simple protocol, always rolled back.

use std::time::Duration;

use super::attempt;
use crate::catalog::Identifier;

/// Makes a connection `role`'s, until it ends: for the gate, never for a request.
pub fn set_role(role: &Identifier) -> String {
    format!("set role {}", role.quoted())
}

/// Asks whether `relation` shows a row where `tenant` is set (`None`: where nothing is set).
///
/// The answer's one row has one column, `row_seen`. The caller rolls back.
pub fn probe(schema: &Identifier, relation: &Identifier, tenant: Option<&str>, timeout: Duration) -> String {
    let mut text = attempt::begin(attempt::Access::ReadOnly, timeout);
    if let Some(tenant) = tenant {
        text.push(';');
        text.push_str(&attempt::set_local("app.current_tenant_id", tenant));
    }
    text.push(';');
    text.push_str(&attempt::sees_row(&attempt::relation(schema, relation), None));
    text
}
