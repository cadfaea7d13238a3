//! The audit in the database: the views and functions of schema `tenancy`, made anew by each `rowhouse migrate`, and the
//! same audit as one file for a database that knows nothing of Rowhouse.

use std::fmt::Write;

use super::{Contract, SETTINGS, Slot, prelude, rules, statement};
use crate::query::quote_literal;

/// The views, each a select behind the prelude, in a file with a header that names its columns.
const VIEWS: &[&str] = &[
    include_str!("../../sql/audit/views/role_reach.sql"),
    include_str!("../../sql/audit/views/table_audit.sql"),
    include_str!("../../sql/audit/views/policy_audit.sql"),
    include_str!("../../sql/audit/views/matrix.sql"),
    include_str!("../../sql/audit/views/doors.sql"),
    include_str!("../../sql/audit/views/keys.sql"),
];

const FUNCTIONS: &str = include_str!("../../sql/audit/views/functions.sql");

/// The columns of `tenancy.findings`: name, type, comment.
const FINDING_COLUMNS: &[(&str, &str, &str)] = &[
    ("code", "text", "The code of the rule, as TN201; tenancy.checks() explains it."),
    ("name", "text", "The name of the rule."),
    ("level", "text", "error, warning or advice."),
    ("object_type", "text", "What it is about: role, relation, policy, function and the like."),
    ("object_identity", "text", "Which one: schema.table, schema.table/policy, schema.function(types)."),
    ("relation", "text", "The relation that is concerned, or null."),
    ("message", "text", "What is wrong, in a sentence."),
    ("detail", "text", "More of it."),
    ("fix", "text", "SQL to paste, after reading it."),
    ("fingerprint", "text", "The same for the same code and object, however the object changes."),
    (
        "content_md5",
        "text",
        "Of the text that was looked at; null where a finding is about something absent.",
    ),
    ("waived", "boolean", "Whether a waiver is in force."),
    ("waiver_state", "text", "active, expired or stale (what was waived has changed), or null."),
    ("waiver_reason", "text", "Why it was waived."),
    ("waiver_until", "date", "The last day on which the waiver holds."),
];

/// A view's header and select.
struct View {
    name: &'static str,
    comment: &'static str,
    columns: Vec<(&'static str, &'static str, &'static str)>,
    body: &'static str,
}

impl View {
    fn parse(text: &'static str) -> Option<Self> {
        let (header, body) = text.split_once("\n\n")?;
        let field =
            |line: &'static str, name: &str| line.strip_prefix("-- ")?.strip_prefix(name)?.strip_prefix(": ");
        let columns = header.lines().filter_map(|line| field(line, "column")).map(|line| {
            let (declared, comment) = line.split_once(" = ")?;
            let (name, sql_type) = declared.split_once(' ')?;
            Some((name, sql_type, comment))
        });
        Some(View {
            name: header.lines().find_map(|line| field(line, "view"))?,
            comment: header.lines().find_map(|line| field(line, "comment"))?,
            columns: columns.collect::<Option<_>>()?,
            body: body.trim(),
        })
    }
}

/// The SQL that makes the views and functions of the audit anew: one batch, to be run as rowhouse_owner in a transaction.
///
/// Each view stands on a function of the same columns, because only a function can have an empty search_path of its own,
/// under which Postgres writes all names in full; without it, what is recognised would depend on who asks.
pub fn script() -> String {
    let mut text = String::from(
        "drop function if exists tenancy.explain(text, text), tenancy.assert(), tenancy.probe_script(text, text), \
         tenancy.checks();\ndrop view if exists tenancy.verdict;\n",
    );
    for file in VIEWS {
        let Some(view) = View::parse(file) else { continue };
        define(
            &mut text,
            view.name,
            view.comment,
            &view.columns,
            &format!("{}\n{}", prelude(Slot::Installed), view.body),
        );
    }
    let findings = format!(
        "select f.code, f.name, f.level, f.object_type, f.object, f.relation, f.message, f.detail, f.fix, f.fingerprint, \
         f.content_md5, coalesce(f.waiver_state = 'active' or f.waiver_state = 'stale' and f.level <> 'error', false), \
         f.waiver_state, f.waiver_reason, f.waiver_until::pg_catalog.date\nfrom (\n{}\n) as f",
        statement(Slot::Installed)
    );
    define(
        &mut text,
        "findings",
        "What the audit finds, the worst first: one row for each fault of each object.",
        FINDING_COLUMNS,
        &findings,
    );
    checks(&mut text);
    text.push_str(FUNCTIONS);
    text
}

/// A view and the function that it stands on, which runs under the same settings as the audit.
fn define(text: &mut String, name: &str, comment: &str, columns: &[(&str, &str, &str)], body: &str) {
    let declared: Vec<String> =
        columns.iter().map(|(column, sql_type, _)| format!("{column} {sql_type}")).collect();
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "\ndrop view if exists tenancy.{name};\ndrop function if exists tenancy.audit_{name}();\n\
         create function tenancy.audit_{name}()\nreturns table ({})\nlanguage sql\nstable\nset search_path = ''\n\
         set enable_nestloop = off\nset jit = off\nset work_mem = '1MB'\nas $audit$\n{body}\n$audit$;\n\
         comment on function tenancy.audit_{name}() is 'What the view tenancy.{name} shows.';\n\
         revoke all on function tenancy.audit_{name}() from public;\n\
         grant execute on function tenancy.audit_{name}() to rowhouse_auditor;\n\
         create view tenancy.{name} with (security_invoker = true) as\nselect a.*\nfrom tenancy.audit_{name}() as a;\n\
         grant select on tenancy.{name} to rowhouse_auditor;\ncomment on view tenancy.{name} is ",
        declared.join(", ")
    );
    quote_literal(text, comment);
    text.push_str(";\n");
    for (column, _, comment) in columns {
        let _ = write!(text, "comment on column tenancy.{name}.{column} is ");
        quote_literal(text, comment);
        text.push_str(";\n");
    }
}

/// `tenancy.checks()`: the rules as rows, so that psql needs no page beside it.
fn checks(text: &mut String) {
    text.push_str(
        "\ncreate function tenancy.checks()\nreturns table (code text, name text, level text, object_type text, \
         what text, why text, how_to_see text, fix text)\nlanguage sql\nstable\nset search_path = ''\nas $checks$\nvalues\n",
    );
    for (at, rule) in rules().iter().enumerate() {
        text.push_str(if at == 0 { "    (" } else { ",\n    (" });
        let fields = [
            rule.code,
            rule.name,
            rule.level.as_str(),
            rule.object,
            &rule.what,
            &rule.why,
            &rule.see,
            &rule.fix,
        ];
        for (at, field) in fields.into_iter().enumerate() {
            if at > 0 {
                text.push_str(", ");
            }
            quote_literal(text, field);
        }
        text.push(')');
    }
    text.push_str(
        "\n$checks$;\ncomment on function tenancy.checks() is \
         'The rules of the audit: what each finds, how it leaks, how to see it, how to mend it.';\n",
    );
}

/// A contract to be edited: what [`standalone`] has where there is none yet.
pub fn example() -> Contract {
    let mut example = Contract::new("the_request_role");
    example.relations.push(super::contract::DeclaredRelation {
        relation: "public.example".to_owned(),
        kind: "tenant".to_owned(),
        tenant_column: Some("tenant_id".to_owned()),
    });
    example
}

/// The audit as one file of SQL for any database, to be edited at its top and run with psql by whoever may connect.
pub fn standalone(contract: &Contract) -> String {
    format!(
        "-- Does row-level security keep tenants apart in this database? One statement that reads the catalog alone.\n\
         --\n\
         -- Edit the contract, the JSON text right below `contract as`: the role that requests run as, the setting that names\n\
         -- the tenant, and what relations are (tenant, global or internal). Comments on relations count, too:\n\
         -- @tenant(tenant_id), @global, @internal. What nobody declared and has the tenant_column is taken for a tenant relation.\n\
         -- Then: psql -X -f this_file. No row means that nothing was found; a role that does not exist is TN109.\n\n\
         begin transaction isolation level repeatable read, read only;\n{};\n\n{};\n\nrollback;\n",
        SETTINGS.replace("; ", ";\n"),
        statement(Slot::Literal(contract))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_view_has_a_header_that_is_read_whole() {
        for file in VIEWS {
            let view = View::parse(file).expect("a header");
            let lines = file.lines().filter(|line| line.starts_with("-- column: ")).count();
            assert_eq!(view.columns.len(), lines, "{}", view.name);
        }
        assert!(!script().contains("{{"));
        assert!(!standalone(&example()).contains("{{"));
    }
}
