//! The baseline: findings that were there before, so that only new ones fail.
//!
//! A line for each, sorted, so that its history can be read: code, object, and the md5 of the text that was looked at. A
//! policy that changes is new again.

use std::collections::BTreeSet;

use crate::audit::Finding;

/// The findings of a file that `--write-baseline` wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baseline(BTreeSet<String>);

const HEAD: &str = "# rowhouse audit baseline: code, object, md5 of the text that was looked at (- for none)";

impl Baseline {
    /// Reads a file. Empty lines and those that begin with # are comments.
    ///
    /// # Errors
    /// The first line that is none of ours.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut lines = BTreeSet::new();
        for (number, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            if line.split('\t').count() != 3 {
                return Err(format!("line {} is no line of a baseline", number + 1));
            }
            lines.insert(line.to_owned());
        }
        Ok(Self(lines))
    }

    /// Writes the findings that are not waived.
    pub fn write<'a>(findings: impl Iterator<Item = &'a Finding>) -> String {
        let lines: BTreeSet<String> = findings.filter(|finding| !finding.is_waived()).map(line).collect();
        let mut text = HEAD.to_owned() + "\n";
        for line in lines {
            text.push_str(&line);
            text.push('\n');
        }
        text
    }

    pub fn knows(&self, finding: &Finding) -> bool {
        self.0.contains(&line(finding))
    }
}

fn line(finding: &Finding) -> String {
    let object = finding.object.replace(['\t', '\n', '\r'], " ");
    format!("{}\t{object}\t{}", finding.code, finding.content_md5.as_deref().unwrap_or("-"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::report::fixture::finding;

    #[test]
    fn a_finding_is_known_until_what_was_looked_at_changes() {
        let before = finding("TN301", "api.items/open");
        let baseline = Baseline::parse(&Baseline::write([&before].into_iter())).unwrap();
        assert!(baseline.knows(&before));
        assert!(!baseline.knows(&Finding { content_md5: Some("other".into()), ..before.clone() }));
        assert!(!baseline.knows(&Finding { object: "api.items/other".into(), ..before }));
        assert_eq!(Baseline::parse("# nothing\n\n"), Ok(Baseline::default()));
        assert!(Baseline::parse("{}").is_err());
    }
}
