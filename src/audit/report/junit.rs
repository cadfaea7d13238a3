//! For CI systems that show tests: a case for each rule, and one for each finding that fails or is told.

use std::fmt::Write;

use super::xml::escape;
use super::{Judged, Report, Standing};
use crate::audit::rules;

/// The report as JUnit's XML.
pub fn junit(report: &Report) -> String {
    let counts = report.counts();
    let mut cases = String::new();
    let (mut tests, mut skipped) = (0, 0);
    for rule in rules() {
        let found: Vec<&Judged> =
            report.findings.iter().filter(|judged| judged.finding.code == rule.code).collect();
        let class = format!("rowhouse.audit.{}", rule.code);
        if found.is_empty() {
            tests += 1;
            let _ = writeln!(cases, "    <testcase classname=\"{class}\" name=\"{}\"/>", escape(rule.name));
        }
        for judged in found {
            tests += 1;
            let finding = &judged.finding;
            let name = escape(&format!("{}: {}", finding.name, finding.object));
            let message = escape(&finding.message);
            let _ = write!(cases, "    <testcase classname=\"{class}\" name=\"{name}\"");
            if let Some(location) = &judged.location {
                let file = escape(&location.file);
                let _ = write!(cases, " file=\"{file}\" line=\"{}\"", location.line);
            }
            cases.push_str(">\n");
            let body =
                [finding.detail.as_deref(), finding.fix.as_deref()].into_iter().flatten().collect::<Vec<_>>();
            let body = escape(&body.join("\n"));
            match judged.standing {
                Standing::Fails => {
                    let _ = writeln!(
                        cases,
                        "      <failure type=\"{}\" message=\"{message}\">{body}</failure>",
                        finding.level
                    );
                }
                Standing::Waived | Standing::Known => {
                    skipped += 1;
                    let why = match &finding.waiver {
                        Some(waiver) if judged.standing == Standing::Waived => waiver.reason.as_str(),
                        _ => "in the baseline",
                    };
                    let _ = writeln!(cases, "      <skipped message=\"{}\"/>", escape(why));
                }
                Standing::Told => {
                    let _ = writeln!(
                        cases,
                        "      <system-out>{}: {message}\n{body}</system-out>",
                        finding.level
                    );
                }
            }
            cases.push_str("    </testcase>\n");
        }
    }
    let total = format!("tests=\"{tests}\" failures=\"{}\" errors=\"0\" skipped=\"{skipped}\"", counts.fails);
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"rowhouse audit\" {total}>\n  \
         <testsuite name=\"{}\" {total}>\n{cases}  </testsuite>\n</testsuites>\n",
        escape(&report.database)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::report::fixture::report;

    #[test]
    fn failures_and_waived_ones_are_counted_and_escaped() {
        let text = junit(&report());
        assert!(text.contains("failures=\"1\" errors=\"0\" skipped=\"2\""), "{text}");
        assert!(text.contains("A &lt;b&gt;message&lt;/b&gt; &amp; &quot;more&quot;"), "{text}");
        assert!(!text.contains('\u{1}'), "{text}");
    }
}
