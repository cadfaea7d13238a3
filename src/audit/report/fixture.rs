//! Findings for the tests of the forms.

use super::{Described, Judged, Report, Scope, Scoped, Standing};
use crate::audit::{Contract, Finding, Level, Waiver, WaiverState};

/// An error with texts that every form must escape.
pub fn finding(code: &str, object: &str) -> Finding {
    Finding {
        code: code.to_owned(),
        name: "rls_not_enabled".to_owned(),
        level: Level::Error,
        object_type: "relation".to_owned(),
        object: object.to_owned(),
        relation: object.split_once('/').map(|(relation, _)| relation.to_owned()),
        message: "A <b>message</b> & \"more\" ']]>' \u{1}.".to_owned(),
        detail: Some("A detail.".to_owned()),
        fix: Some("alter table api.items enable row level security;".to_owned()),
        fingerprint: "0123456789abcdef0123456789abcdef".to_owned(),
        content_md5: Some("md5".to_owned()),
        waiver: None,
    }
}

/// One that fails, one that is waived, one that was known.
pub fn report() -> Report {
    let waived = Finding {
        waiver: Some(Waiver {
            state: WaiverState::Active,
            reason_kind: "accepted_risk".to_owned(),
            reason: "Because <i>.".to_owned(),
            by: Some("dba".to_owned()),
            until: None,
        }),
        level: Level::Warning,
        ..finding("TN101", "rowhouse_app")
    };
    let judged = |finding, standing| Judged { finding, standing, location: None };
    Report {
        database: "d".to_owned(),
        server_version: "15.0".to_owned(),
        contract: Contract::new("rowhouse_app"),
        fail_on: Level::Error,
        findings: vec![
            judged(finding("TN201", "api.items/open"), Standing::Fails),
            judged(waived, Standing::Waived),
            judged(finding("TN201", "api.\"Odd \"\"one\"\"\""), Standing::Known),
        ],
        relations: vec![described()],
        scopes: vec![
            scope("SELECT", Scoped::Own),
            scope("INSERT", Scoped::Closed),
            scope("UPDATE-old", Scoped::Own),
            scope("UPDATE-new", Scoped::Own),
            scope("DELETE", Scoped::Unproven),
        ],
    }
}

fn scope(command: &str, scoped: Scoped) -> Scope {
    Scope {
        relation: "api.items".to_owned(),
        command: command.to_owned(),
        granted: !command.starts_with("UPDATE"),
        scoped,
        permissive: if scoped == Scoped::Closed { Vec::new() } else { vec!["select_tenant".to_owned()] },
        restrictive: if scoped == Scoped::Unproven { vec!["<floor>".to_owned()] } else { Vec::new() },
    }
}

fn described() -> Described {
    serde_json::from_value(serde_json::json!({
        "relation": "api.items", "schema": "api", "name": "items", "kind": "r", "declared": "tenant",
        "tenant_column": "tenant_id", "owner": "rowhouse_owner", "rls_enabled": true, "rls_forced": true,
        "comment": "Things </script> a tenant has.", "select": true, "insert": true, "update": false, "delete": true,
        "truncate": false,
        "policies": [{
            "name": "select_tenant", "command": "SELECT", "permissive": true, "roles": ["rowhouse_app"], "applies": true,
            "using": "(tenant_id = tenancy.current_tenant_id())", "check": null, "comment": null,
        }],
    }))
    .expect("it has every member")
}
