//! SARIF 2.1.0, for code scanning (OASIS, "Static Analysis Results Interchange Format").

use serde_json::{Value, json};

use super::{Judged, Report, Standing};
use crate::audit::{Level, Rule, WaiverState, rules};

/// Where the rules are described.
const HELP: &str = "docs/audit/";

/// The report as SARIF.
pub fn sarif(report: &Report, has_baseline: bool) -> String {
    let results: Vec<Value> = report.findings.iter().map(|judged| result(judged, has_baseline)).collect();
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "rowhouse audit",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules().iter().map(descriptor).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "invocations": [{ "executionSuccessful": true, "exitCode": report.exit_code() }],
            "results": results,
            "properties": {
                "role": report.contract.role,
                "setting": report.contract.setting,
                "serverVersion": report.server_version,
                "verdict": report.verdict(),
            },
        }],
    });
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

fn descriptor(rule: &Rule) -> Value {
    json!({
        "id": rule.code,
        "name": pascal(rule.name),
        "shortDescription": { "text": rule.what },
        "fullDescription": { "text": rule.why },
        "help": {
            "text": format!("{} {}", rule.see, rule.fix),
            "markdown": format!("**How it leaks.** {}\n\n**How to see it.** {}\n\n**How to mend it.** {}\n\nSee `{HELP}{}.md`.",
                rule.why, rule.see, rule.fix, rule.code),
        },
        "defaultConfiguration": { "level": level(rule.level) },
        "properties": { "tags": ["security", "row-level-security", "multi-tenancy"] },
    })
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Advice => "note",
    }
}

/// `rls_not_enabled` as `RlsNotEnabled`.
fn pascal(name: &str) -> String {
    name.split('_')
        .map(|word| match word.chars().next() {
            Some(first) => first.to_uppercase().chain(word.chars().skip(1)).collect::<String>(),
            None => String::new(),
        })
        .collect()
}

fn result(judged: &Judged, has_baseline: bool) -> Value {
    let finding = &judged.finding;
    let mut location = json!({
        "logicalLocations": [{
            "fullyQualifiedName": finding.object,
            "kind": finding.object_type,
        }],
    });
    if let Some(place) = &judged.location {
        location["physicalLocation"] = json!({
            "artifactLocation": { "uri": uri(&place.file), "uriBaseId": "%SRCROOT%" },
            "region": { "startLine": place.line },
        });
    }
    let mut text = finding.message.clone();
    for more in [&finding.detail, &finding.fix].into_iter().flatten() {
        text.push('\n');
        text.push_str(more);
    }
    let mut result = json!({
        "ruleId": finding.code,
        "level": level(finding.level),
        "message": { "text": text },
        "locations": [location],
        "partialFingerprints": { "rowhouse/v1": finding.fingerprint },
    });
    if let Some(index) = rules().iter().position(|rule| rule.code == finding.code) {
        result["ruleIndex"] = index.into();
    }
    if let Some(waiver) = &finding.waiver {
        let status = match (waiver.state, judged.standing) {
            (WaiverState::Active | WaiverState::Stale, Standing::Waived) => "accepted",
            _ => "rejected",
        };
        result["suppressions"] = json!([{
            "kind": "external",
            "status": status,
            "justification": format!("{}: {}", waiver.reason_kind, waiver.reason),
        }]);
    }
    if has_baseline {
        result["baselineState"] = match judged.standing {
            Standing::Known => "unchanged",
            Standing::Fails | Standing::Told | Standing::Waived => "new",
        }
        .into();
    }
    result
}

/// A path relative to the root, as a URI reference.
fn uri(path: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const PATH: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_').remove(b'~');
    utf8_percent_encode(path, PATH).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::report::fixture::report;

    #[test]
    fn what_is_waived_is_suppressed_and_what_was_known_is_unchanged() {
        let document: Value = serde_json::from_str(&sarif(&report(), true)).unwrap();
        let results = document["runs"][0]["results"].as_array().unwrap();
        assert_eq!(results.len(), 3);
        assert_eq!(results[0]["locations"][0]["logicalLocations"][0]["fullyQualifiedName"], "api.items/open");
        assert!(results[0].get("suppressions").is_none());
        assert_eq!(results[1]["suppressions"][0]["status"], "accepted");
        assert_eq!(results[2]["baselineState"], "unchanged");
        assert!(results.iter().all(|result| result["partialFingerprints"]["rowhouse/v1"].is_string()));
    }

    #[test]
    fn names_and_paths_are_what_sarif_wants() {
        assert_eq!(pascal("rls_not_enabled"), "RlsNotEnabled");
        assert_eq!(uri("sql/a b/V1__x.sql"), "sql/a%20b/V1__x.sql");
    }
}
