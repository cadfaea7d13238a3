//! For people at a terminal.

use std::fmt::Write;

use super::{Report, Standing};
use crate::audit::{Level, Rule, WaiverState, rules};

/// The report, grouped by relation; in colours where `coloured`.
pub fn text(report: &Report, coloured: bool) -> String {
    let paint = |code: &str, text: &str| match coloured {
        true => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        false => text.to_owned(),
    };
    let mut out = String::new();
    let mut groups: Vec<&str> = Vec::new();
    for judged in &report.findings {
        let group = judged.finding.relation.as_deref().unwrap_or(&judged.finding.object);
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    for group in groups {
        let _ = writeln!(out, "{}", paint("1", group));
        for judged in &report.findings {
            let finding = &judged.finding;
            if finding.relation.as_deref().unwrap_or(&finding.object) != group {
                continue;
            }
            let (word, colour) = match (judged.standing, finding.level) {
                (Standing::Waived, _) => ("waived", "2"),
                (Standing::Known, _) => ("known", "2"),
                (_, Level::Error) => ("error", "31"),
                (_, Level::Warning) => ("warning", "33"),
                (_, Level::Advice) => ("advice", "36"),
            };
            let _ = writeln!(
                out,
                "  {} {} {}  {}",
                paint(colour, &format!("{word:<7}")),
                finding.code,
                finding.name,
                finding.object
            );
            let _ = writeln!(out, "          {}", finding.message);
            if let Some(waiver) = &finding.waiver {
                let until = waiver.until.as_ref().map(|until| format!(" until {until}")).unwrap_or_default();
                let state = match waiver.state {
                    WaiverState::Active => "",
                    WaiverState::Expired => "expired waiver: ",
                    WaiverState::Stale => "stale waiver: ",
                };
                let _ = writeln!(out, "          {state}{}{until}: {}", waiver.reason_kind, waiver.reason);
            }
            if matches!(judged.standing, Standing::Waived | Standing::Known) {
                continue;
            }
            if let Some(detail) = &finding.detail {
                let _ = writeln!(out, "          {detail}");
            }
            if let Some(location) = &judged.location {
                let _ = writeln!(out, "          at {}:{}", location.file, location.line);
            }
            for line in finding.fix.iter().flat_map(|fix| fix.lines()) {
                let _ = writeln!(out, "              {}", paint("32", line));
            }
        }
        out.push('\n');
    }
    let colour = if report.exit_code() == 0 { "32" } else { "31" };
    let _ = writeln!(out, "{}", paint(colour, &report.verdict()));
    out
}

/// One line for each rule.
pub fn list() -> String {
    let mut out = String::new();
    for rule in rules() {
        let _ = writeln!(out, "{}  {:<8} {:<30} {}", rule.code, rule.level, rule.name, rule.what);
    }
    out
}

/// All that a rule's file says.
pub fn explain(rule: &Rule) -> String {
    let mut out = format!("{} {} ({}, {})\n", rule.code, rule.name, rule.level, rule.object);
    for (head, body) in [
        ("", &rule.what),
        ("How it leaks", &rule.why),
        ("How to see it", &rule.see),
        ("How to mend it", &rule.fix),
    ] {
        out.push('\n');
        if !head.is_empty() {
            let _ = writeln!(out, "{head}:");
        }
        let _ = writeln!(out, "{body}");
    }
    out
}
