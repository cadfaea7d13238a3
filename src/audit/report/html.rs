//! One page to look at: what may be done with each relation, by which policies, and what is wrong. It loads nothing from
//! anywhere and runs no script.

use std::fmt::Write;

use super::xml::escape;
use super::{Described, DescribedPolicy, Judged, Report, Standing};
use crate::audit::Level;

const STYLE: &str = include_str!("report.css");

/// The report as a page.
pub fn html(report: &Report) -> String {
    let counts = report.counts();
    let mut out = String::new();
    let title = format!("Tenant isolation of {}", report.database);
    let _ = writeln!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>",
        escape(&title)
    );
    let state = if report.exit_code() == 0 { "good" } else { "error" };
    let _ = writeln!(
        out,
        "<header>\n<h1>{}</h1>\n<p class=\"verdict {state}\">{}</p>\n<p class=\"facts\">Request role <code>{}</code>, \
         tenant in <code>{}</code>, PostgreSQL {}, rowhouse {}</p>\n</header>",
        escape(&title),
        escape(&report.verdict()),
        escape(&report.contract.role),
        escape(&report.contract.setting),
        escape(&report.server_version),
        env!("CARGO_PKG_VERSION")
    );
    let _ = writeln!(out, "<section class=\"tiles\">");
    for (class, number, words) in [
        ("error", counts.errors, "errors"),
        ("warning", counts.warnings, "warnings"),
        ("advice", counts.advice, "pieces of advice"),
        ("muted", counts.waived + counts.known, "waived or known"),
    ] {
        let class = if number == 0 { "none" } else { class };
        let _ = writeln!(out, "<div class=\"tile {class}\"><b>{number}</b><span>{words}</span></div>");
    }
    out.push_str("</section>\n");
    matrix(report, &mut out);
    findings(report, &mut out);
    policies(report, &mut out);
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

/// What the relation's worst open finding makes of it.
fn worst(report: &Report, relation: &Described) -> Option<Level> {
    let open = report.findings.iter().filter(|judged| judged.standing != Standing::Waived);
    open.filter(|judged| {
        judged.finding.relation.as_deref() == Some(relation.relation.as_str())
            || judged.finding.object == relation.relation
    })
    .map(|judged| judged.finding.level)
    .max()
}

/// Whether a waiver is all that keeps a finding on the relation from being open: that is no all-clear.
fn accepted(report: &Report, relation: &Described) -> bool {
    report.findings.iter().any(|judged| {
        judged.standing == Standing::Waived
            && judged.finding.level > Level::Advice
            && judged.finding.relation.as_deref() == Some(relation.relation.as_str())
    })
}

fn matrix(report: &Report, out: &mut String) {
    out.push_str(
        "<section>\n<h2>Who may do what</h2>\n<div class=\"scroll\"><table class=\"matrix\">\n<thead><tr><th scope=\"col\">Relation</th>\
         <th scope=\"col\">Kind</th><th scope=\"col\">RLS</th><th scope=\"col\">Select</th><th scope=\"col\">Insert</th>\
         <th scope=\"col\">Update</th><th scope=\"col\">Delete</th><th scope=\"col\">Truncate</th></tr></thead>\n<tbody>\n",
    );
    for relation in &report.relations {
        let worst = worst(report, relation);
        let accepted = accepted(report, relation);
        let kind = relation.declared.as_deref().unwrap_or("undeclared");
        let rls = match (relation.rls_enabled, relation.rls_forced, relation.kind.as_str()) {
            (_, _, "v" | "m" | "f") => "not a table",
            (true, true, _) => "forced",
            (true, false, _) => "enabled",
            (false, _, _) => "off",
        };
        let _ = write!(
            out,
            "<tr><th scope=\"row\"><a href=\"#{}\">{}</a></th><td>{}</td><td>{rls}</td>",
            anchor(&relation.relation),
            escape(&relation.relation),
            escape(kind)
        );
        for (may, command) in [
            (relation.select, "SELECT"),
            (relation.insert, "INSERT"),
            (relation.update, "UPDATE"),
            (relation.delete, "DELETE"),
        ] {
            let policy = relation.policies.iter().any(|policy| {
                policy.applies && policy.permissive && (policy.command == command || policy.command == "ALL")
            });
            let (class, sign, words) = match (may, relation.is_tenant(), worst) {
                (false, _, _) => ("no", "–", "no right"),
                (true, false, Some(Level::Error)) => ("error", "✗", "shared, with an error"),
                (true, false, _) => ("shared", "≡", "the same for all tenants"),
                (true, true, Some(Level::Error)) => ("error", "✗", "an error is open"),
                (true, true, Some(Level::Warning)) => ("warning", "!", "a warning is open"),
                (true, true, Some(Level::Advice) | None) if accepted => ("warning", "~", "a waived finding"),
                (true, true, Some(Level::Advice) | None) if relation.rls_enabled && !policy => {
                    ("closed", "∅", "a right, but no policy: no row")
                }
                (true, true, Some(Level::Advice) | None) => ("good", "✓", "bound by policies, nothing found"),
            };
            let _ = write!(
                out,
                "<td class=\"cell {class}\" title=\"{words}\"><span aria-hidden=\"true\">{sign}</span><span class=\"sr\">{words}</span></td>"
            );
        }
        let (class, sign, words) = match relation.truncate {
            true => ("error", "✗", "empties it of every tenant's rows"),
            false => ("no", "–", "no right"),
        };
        let _ = writeln!(
            out,
            "<td class=\"cell {class}\" title=\"{words}\"><span aria-hidden=\"true\">{sign}</span><span class=\"sr\">{words}</span></td></tr>"
        );
    }
    out.push_str("</tbody>\n</table></div>\n<p class=\"legend\">");
    for (class, sign, words) in [
        ("good", "✓", "bound by policies, nothing found"),
        ("warning", "!", "a warning is open"),
        ("warning", "~", "a waived finding"),
        ("error", "✗", "an error is open"),
        ("shared", "≡", "the same for all tenants"),
        ("closed", "∅", "a right, but no policy: no row"),
        ("no", "–", "no right"),
    ] {
        let _ = write!(out, "<span><i class=\"cell {class}\">{sign}</i> {words}</span> ");
    }
    out.push_str("</p>\n</section>\n");
}

fn findings(report: &Report, out: &mut String) {
    out.push_str("<section>\n<h2>Findings</h2>\n");
    if report.findings.is_empty() {
        out.push_str("<p>Nothing was found.</p>\n");
    }
    for judged in &report.findings {
        finding(judged, out);
    }
    out.push_str("</section>\n");
}

fn finding(judged: &Judged, out: &mut String) {
    let finding = &judged.finding;
    let (class, word) = match judged.standing {
        Standing::Waived => ("muted", "waived"),
        Standing::Known => ("muted", "known"),
        Standing::Fails | Standing::Told => (finding.level.as_str(), finding.level.as_str()),
    };
    let _ = writeln!(
        out,
        "<article class=\"finding {class}\">\n<h3><span class=\"badge {class}\">{word}</span> {} \
         <span class=\"name\">{}</span></h3>\n<p class=\"object\"><code>{}</code></p>\n<p>{}</p>",
        escape(&finding.code),
        escape(&finding.name),
        escape(&finding.object),
        escape(&finding.message)
    );
    if let Some(detail) = &finding.detail {
        let _ = writeln!(out, "<p class=\"detail\">{}</p>", escape(detail));
    }
    if let Some(waiver) = &finding.waiver {
        let until = waiver.until.as_ref().map(|until| format!(", until {until}")).unwrap_or_default();
        let _ = writeln!(
            out,
            "<p class=\"detail\">Waiver ({}{}): {}</p>",
            escape(&waiver.reason_kind),
            escape(&until),
            escape(&waiver.reason)
        );
    }
    if let Some(place) = &judged.location {
        let _ = writeln!(out, "<p class=\"detail\">{}, line {}</p>", escape(&place.file), place.line);
    }
    if let Some(fix) = &finding.fix {
        let _ =
            writeln!(out, "<details><summary>How to mend it</summary><pre>{}</pre></details>", escape(fix));
    }
    out.push_str("</article>\n");
}

fn policies(report: &Report, out: &mut String) {
    out.push_str("<section>\n<h2>Policies in words</h2>\n");
    for relation in &report.relations {
        let _ = writeln!(
            out,
            "<article class=\"relation\" id=\"{}\">\n<h3><code>{}</code></h3>",
            anchor(&relation.relation),
            escape(&relation.relation)
        );
        if let Some(comment) = &relation.comment {
            let _ = writeln!(out, "<p>{}</p>", escape(comment));
        }
        let owner = escape(&relation.owner);
        let _ = match (relation.rls_enabled, relation.policies.is_empty()) {
            (false, _) if relation.kind == "v" => {
                writeln!(out, "<p class=\"detail\">A view, owned by {owner}.</p>")
            }
            (false, _) => writeln!(out, "<p class=\"detail\">No row-level security. Owned by {owner}.</p>"),
            (true, true) => writeln!(out, "<p class=\"detail\">No policy, so no row. Owned by {owner}.</p>"),
            (true, false) => writeln!(out, "<p class=\"detail\">Owned by {owner}.</p>"),
        };
        if !relation.policies.is_empty() {
            out.push_str("<ul>\n");
            for policy in &relation.policies {
                let _ = writeln!(out, "<li>{}</li>", words(policy));
            }
            out.push_str("</ul>\n");
        }
        out.push_str("</article>\n");
    }
    out.push_str("</section>\n");
}

/// A policy as a sentence.
fn words(policy: &DescribedPolicy) -> String {
    let code = |text: &str| format!("<code>{}</code>", escape(text));
    let roles: Vec<String> = policy.roles.iter().map(|role| code(role)).collect();
    let roles = if policy.roles == ["public"] { "everybody".to_owned() } else { roles.join(", ") };
    let does = match policy.command.as_str() {
        "SELECT" => "read rows",
        "INSERT" => "add rows",
        "UPDATE" => "change rows",
        "DELETE" => "delete rows",
        _ => "read, add, change and delete rows",
    };
    let lead = match policy.permissive {
        true => format!("<b>{}</b>: {roles} may {does}", escape(&policy.name)),
        false => format!("<b>{}</b>: {roles} may {does} only", escape(&policy.name)),
    };
    let on = |condition: &str| match condition {
        "true" => "without any condition".to_owned(),
        other => format!("where {}", code(other)),
    };
    let mut text = match (&policy.using, &policy.check) {
        (Some(using), Some(check)) if using != check => {
            format!("{lead} {}; what they become must satisfy {}", on(using), code(check))
        }
        (Some(condition), _) | (None, Some(condition)) => format!("{lead} {}", on(condition)),
        (None, None) => format!("{lead}, of which there are none: it says no condition"),
    };
    text.push('.');
    if !policy.applies {
        text.push_str(" <em>It does not bind the request role.</em>");
    }
    if let Some(comment) = &policy.comment {
        let _ = write!(text, " <span class=\"comment\">{}</span>", escape(comment));
    }
    text
}

/// An id for links within the page: letters, digits and the codes of everything else.
fn anchor(identity: &str) -> String {
    let mut out = String::from("r-");
    for character in identity.chars() {
        match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' => out.push(character),
            other => {
                let _ = write!(out, "_{:x}_", u32::from(other));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::report::fixture::report;

    #[test]
    fn what_is_waived_is_not_shown_as_clear() {
        let mut report = report();
        for judged in &mut report.findings {
            judged.standing = Standing::Waived;
            judged.finding.relation = Some("api.items".to_owned());
        }
        let page = html(&report);
        let matrix = page.split("</table>").next().unwrap_or_default();
        assert!(matrix.contains("a waived finding") && !matrix.contains("nothing found"), "{matrix}");
    }

    #[test]
    fn the_page_escapes_what_the_database_says_and_loads_nothing() {
        let page = html(&report());
        assert!(!page.contains("<script") && !page.contains("</script>"), "{page}");
        assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("url("), "{page}");
        assert!(
            page.contains("A &lt;b&gt;message&lt;/b&gt;") && page.contains("Because &lt;i&gt;."),
            "{page}"
        );
        assert!(page.contains("may read rows where <code>(tenant_id = tenancy.current_tenant_id())</code>"));
    }
}
