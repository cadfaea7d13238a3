//! The documentation of the rules: a page for each code and a list of them, made from the rules' own files.

use std::fmt::Write;
use std::path::Path;

use crate::audit::{Rule, rules};

/// Writes `TN….md` for each rule, and `README.md`. What else is in the folder stays.
///
/// # Errors
/// Where a file cannot be written.
pub fn write_pages(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for rule in rules() {
        std::fs::write(folder.join(format!("{}.md", rule.code)), page(rule))?;
    }
    std::fs::write(folder.join("README.md"), contents())
}

fn page(rule: &Rule) -> String {
    format!(
        "# {} `{}`\n\n<!-- Made from sql/audit/{} by `make docs`. -->\n\n{}\n\n- Level: {}\n- About: {}\n\n## How it leaks\n\n{}\n\n\
         ## How to see it\n\n{}\n\n## How to mend it\n\n{}\n\nThe rule is [`sql/audit/{}`](../../sql/audit/{}).\n",
        rule.code,
        rule.name,
        rule.file,
        rule.what,
        rule.level,
        rule.object,
        rule.why,
        rule.see,
        rule.fix,
        rule.file,
        rule.file
    )
}

fn contents() -> String {
    let mut out = String::from(
        "# The codes of the audit\n\n<!-- Made from sql/audit/ by `make docs`. -->\n\nAs `rowhouse audit --list` and \
         `rowhouse audit --explain CODE` say them.\n\n| code | name | level | what is wrong |\n|---|---|---|---|\n",
    );
    for rule in rules() {
        let _ = writeln!(
            out,
            "| [{}]({}.md) | `{}` | {} | {} |",
            rule.code,
            rule.code,
            rule.name,
            rule.level,
            rule.what.replace('|', "\\|")
        );
    }
    out
}
