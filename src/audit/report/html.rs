//! One page to look at: what may be done with each relation, by which policies, and what is wrong. It loads nothing from
//! anywhere and runs no script.

use std::fmt::Write;

use super::xml::escape;
use super::{Described, DescribedPolicy, Judged, Report, Scope, Scoped, Standing};
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
    for (class, number, one, more) in [
        ("error", counts.errors, "error", "errors"),
        ("warning", counts.warnings, "warning", "warnings"),
        ("advice", counts.advice, "piece of advice", "pieces of advice"),
        ("muted", counts.waived + counts.known, "waived or known", "waived or known"),
    ] {
        let words = if number == 1 { one } else { more };
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

/// A cell of the matrix: its class, its sign and what it says.
type Cell = (&'static str, &'static str, &'static str);

const NO_RIGHT: Cell = ("no", "–", "no right");
const SHARED: Cell = ("shared", "≡", "the same for all tenants");
const OWN: Cell = ("good", "✓", "the tenant's own rows only");
const CLOSED: Cell = ("closed", "∅", "a right, but no policy: no row");
const UNPROVEN: Cell = ("warning", "?", "a policy that is not recognised");
const OPEN: Cell = ("error", "✗", "rows of others, too");
/// Of what has no policies of its own, such as a view: there the findings are all that is known.
const NOTHING_FOUND: Cell = ("good", "○", "no policies of its own, and nothing was found");
const WARNED: Cell = ("warning", "!", "no policies of its own, and a warning is open");
const ACCEPTED: Cell = ("warning", "~", "no policies of its own, and a finding is waived");

/// What a command of the request role comes to. `commands`: as [`Scope`] calls its parts.
fn cell(report: &Report, relation: &Described, may: bool, commands: &[&str]) -> Cell {
    if !may {
        return NO_RIGHT;
    }
    let worst = worst(report, relation);
    if !relation.is_tenant() {
        return if worst == Some(Level::Error) { OPEN } else { SHARED };
    }
    let scopes = report
        .scopes
        .iter()
        .filter(|scope| scope.relation == relation.relation && commands.contains(&scope.command.as_str()));
    match (scopes.map(|scope| scope.scoped).max(), worst) {
        (Some(Scoped::Closed), _) => CLOSED,
        (Some(Scoped::Own), _) => OWN,
        (Some(Scoped::Unproven), _) => UNPROVEN,
        (Some(Scoped::Open), _) | (None, Some(Level::Error)) => OPEN,
        (None, Some(Level::Warning)) => WARNED,
        (None, Some(Level::Advice) | None) if accepted(report, relation) => ACCEPTED,
        (None, Some(Level::Advice) | None) => NOTHING_FOUND,
    }
}

fn write_cell(out: &mut String, (class, sign, words): Cell) {
    let _ = write!(
        out,
        "<td class=\"cell {class}\" title=\"{words}\"><span aria-hidden=\"true\">{sign}</span><span class=\"sr\">{words}</span></td>"
    );
}

fn matrix(report: &Report, out: &mut String) {
    out.push_str(
        "<section>\n<h2>Who may do what</h2>\n<div class=\"scroll\"><table class=\"matrix\">\n<thead><tr>",
    );
    for head in
        ["Relation", "Kind", "RLS", "Select", "Insert", "Update", "Delete", "Truncate", "Open findings"]
    {
        let _ = write!(out, "<th scope=\"col\">{head}</th>");
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for relation in &report.relations {
        let kind = relation.declared.as_deref().unwrap_or("undeclared");
        let rls = match (relation.rls_enabled, relation.rls_forced, relation.kind.as_str()) {
            (_, _, "v") => "a view",
            (_, _, "m") => "a materialized view",
            (_, _, "f") => "a foreign table",
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
        for (may, commands) in [
            (relation.select, &["SELECT"][..]),
            (relation.insert, &["INSERT"]),
            (relation.update, &["UPDATE-old", "UPDATE-new"]),
            (relation.delete, &["DELETE"]),
        ] {
            write_cell(out, cell(report, relation, may, commands));
        }
        let empties = ("error", "✗", "empties it of every tenant's rows");
        write_cell(out, if relation.truncate { empties } else { NO_RIGHT });
        let (class, words) = match (worst(report, relation), accepted(report, relation)) {
            (Some(level), _) => (format!("badge {}", level.as_str()), level.as_str()),
            (None, true) => ("badge".to_owned(), "a waived finding"),
            (None, false) => ("name".to_owned(), "none"),
        };
        let _ = writeln!(out, "<td><span class=\"{class}\">{words}</span></td></tr>");
    }
    out.push_str("</tbody>\n</table></div>\n<p class=\"legend\">");
    for (class, sign, words) in
        [OWN, OPEN, UNPROVEN, CLOSED, SHARED, NO_RIGHT, NOTHING_FOUND, WARNED, ACCEPTED]
    {
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
        effects(report, relation, out);
        out.push_str("</article>\n");
    }
    out.push_str("</section>\n");
}

/// What all policies together come to, a line for each command that the request role has a right to.
fn effects(report: &Report, relation: &Described, out: &mut String) {
    let scopes: Vec<&Scope> =
        report.scopes.iter().filter(|scope| scope.granted && scope.relation == relation.relation).collect();
    if scopes.is_empty() {
        return;
    }
    out.push_str("<table class=\"effects\">\n<tbody>\n");
    for scope in scopes {
        let does = match scope.command.as_str() {
            "SELECT" => "reads",
            "INSERT" => "adds",
            "UPDATE-old" => "changes",
            "UPDATE-new" => "makes of them",
            _ => "deletes",
        };
        let (class, sign, words) = match scope.scoped {
            Scoped::Closed => CLOSED,
            Scoped::Own => OWN,
            Scoped::Unproven => UNPROVEN,
            Scoped::Open => OPEN,
        };
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\">{does}</th><td class=\"cell {class}\" aria-hidden=\"true\">{sign}</td><td>{words}: {}</td></tr>",
            predicate(relation, scope)
        );
    }
    out.push_str("</tbody>\n</table>\n");
}

/// The condition that a row must meet, of the names of the policies: one of the permissive and all of the restrictive.
fn predicate(relation: &Described, scope: &Scope) -> String {
    if !relation.rls_enabled {
        return "row-level security is off".to_owned();
    }
    let joined = |names: &[String], word: &str| {
        let names: Vec<String> = names.iter().map(|name| format!("<code>{}</code>", escape(name))).collect();
        names.join(&format!(" {word} "))
    };
    let any = joined(&scope.permissive, "or");
    match (scope.permissive.len(), scope.restrictive.is_empty()) {
        (0, _) => "no permissive policy applies".to_owned(),
        (_, true) => any,
        (1, false) => format!("{any} and {}", joined(&scope.restrictive, "and")),
        (_, false) => format!("({any}) and {}", joined(&scope.restrictive, "and")),
    }
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
        assert!(matrix.contains("a waived finding") && !matrix.contains(">none<"), "{matrix}");
        // Of a view there is nothing else to go by.
        report.scopes.clear();
        let page = html(&report);
        let matrix = page.split("</table>").next().unwrap_or_default();
        assert!(matrix.contains("a finding is waived") && !matrix.contains("nothing was found"), "{matrix}");
    }

    #[test]
    fn a_cell_says_what_the_policies_come_to_and_which_they_are() {
        let page = html(&report());
        let matrix = page.split("</table>").next().unwrap_or_default();
        for words in ["own rows only", "a right, but no policy: no row", "not recognised", "no right"] {
            assert!(matrix.contains(words), "{words}: {matrix}");
        }
        assert!(page.contains("<code>select_tenant</code> and <code>&lt;floor&gt;</code>"), "{page}");
        // UPDATE is not granted, so nothing is said of it.
        assert!(!page.contains("makes of them"), "{page}");
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
