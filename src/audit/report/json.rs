//! For programs: everything, as one object.

use serde::Serialize;

use super::{Counts, Judged, Report};

#[derive(Serialize)]
struct Document<'a> {
    /// Raised when a member changes its meaning or goes.
    version: u32,
    tool: Tool,
    database: &'a str,
    server_version: &'a str,
    role: &'a str,
    setting: &'a str,
    verdict: String,
    fail_on: &'static str,
    counts: Counts,
    findings: &'a [Judged],
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

/// The report as JSON.
pub fn json(report: &Report) -> String {
    let document = Document {
        version: 1,
        tool: Tool { name: "rowhouse", version: env!("CARGO_PKG_VERSION") },
        database: &report.database,
        server_version: &report.server_version,
        role: &report.contract.role,
        setting: &report.contract.setting,
        verdict: report.verdict(),
        fail_on: report.fail_on.as_str(),
        counts: report.counts(),
        findings: &report.findings,
    };
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}
