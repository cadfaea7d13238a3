//! The gate's attempt to read a relation as nobody: a script for the simple protocol, always rolled back.

use std::time::Duration;

use super::settings::quote_literal;
use crate::catalog::Identifier;

/// Makes a connection `role`'s, until it ends: for the gate, never for a request.
pub fn set_role(role: &Identifier) -> String {
    format!("set role {}", role.quoted())
}

/// Asks whether `relation` shows a row where `tenant` is set (`None`: where nothing is set).
///
/// The answer's one row has one column, `row_seen`. The caller rolls back.
pub fn probe(schema: &Identifier, relation: &Identifier, tenant: Option<&str>, timeout: Duration) -> String {
    let mut text = format!("begin read only;set local statement_timeout={};", timeout.as_millis());
    if let Some(tenant) = tenant {
        text.push_str("set local app.current_tenant_id=");
        quote_literal(&mut text, tenant);
        text.push(';');
    }
    text.push_str("select exists (select from ");
    text.push_str(schema.quoted());
    text.push('.');
    text.push_str(relation.quoted());
    text.push_str(") as row_seen");
    text
}
