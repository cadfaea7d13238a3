//! Today's isolation as tests in the database's own language: what holds now must hold after the next migration.

use std::fmt::Write;

use super::{Described, Report};
use crate::query::quote_literal;

const HEAD: &str = include_str!("../../../sql/audit/pgtap_head.sql");

/// A script for pg_prove: run it as a superuser, in a database that has the extension pgtap.
pub fn pgtap(report: &Report) -> String {
    let role = &report.contract.role;
    let mut tests = Vec::new();
    for attribute in ["rolsuper", "rolbypassrls", "rolreplication", "rolcreaterole"] {
        tests.push(format!(
            "select is(\n    (select {attribute} from pg_catalog.pg_roles where rolname = {}),\n    false,\n    {}\n);",
            literal(role),
            literal(&format!("{role} has no {attribute}"))
        ));
    }
    let tables = report.relations.iter().filter(|one| matches!(one.kind.as_str(), "r" | "p"));
    for table in tables.filter(|one| one.is_tenant()) {
        relation(table, role, &mut tests);
    }
    let reads = report.relations.iter().filter(|one| one.is_tenant() && one.select);
    for one in reads {
        for (tenant, words) in [
            ("", "an empty tenant"),
            ("99999999-0000-4000-8000-000000000009", "a tenant that does not exist"),
        ] {
            tests.push(format!(
                "select is(\n    pg_temp.rows_seen({}, {}),\n    0::bigint,\n    {}\n);",
                literal(&one.relation),
                literal(tenant),
                literal(&format!("{} shows {words} nothing", one.relation))
            ));
        }
    }
    let mut out =
        HEAD.replace("{role}", &literal(role)).replace("{setting}", &literal(&report.contract.setting));
    let _ = writeln!(out, "\nselect plan({});\n", tests.len());
    for test in tests {
        let _ = writeln!(out, "{test}\n");
    }
    out.push_str("select * from finish();\n\nrollback;\n");
    out
}

fn relation(table: &Described, role: &str, tests: &mut Vec<String>) {
    let (schema, name) = (literal(&table.schema), literal(&table.name));
    let regclass = literal(&table.relation);
    for (held, column, words) in [
        (table.rls_enabled, "relrowsecurity", "row-level security is enabled"),
        (table.rls_forced, "relforcerowsecurity", "row-level security is forced"),
    ] {
        if held {
            tests.push(format!(
                "select ok(\n    (select {column} from pg_catalog.pg_class where oid = {regclass}::pg_catalog.regclass),\n    {}\n);",
                literal(&format!("{}: {words}", table.relation))
            ));
        }
    }
    let policies: Vec<String> = table.policies.iter().map(|policy| literal(&policy.name)).collect();
    tests.push(format!(
        "select policies_are(\n    {schema}::name,\n    {name}::name,\n    array[{}]::name[],\n    {}\n);",
        policies.join(", "),
        literal(&format!("{} has these policies and no other", table.relation))
    ));
    for policy in &table.policies {
        let roles: Vec<String> = policy.roles.iter().map(|role| literal(role)).collect();
        tests.push(format!(
            "select policy_roles_are(\n    {schema}::name,\n    {name}::name,\n    {}::name,\n    array[{}]::name[],\n    {}\n);",
            literal(&policy.name),
            roles.join(", "),
            literal(&format!("{}/{} binds these roles", table.relation, policy.name))
        ));
        tests.push(format!(
            "select policy_cmd_is(\n    {schema}::name,\n    {name}::name,\n    {}::name,\n    {},\n    {}\n);",
            literal(&policy.name),
            literal(&policy.command),
            literal(&format!("{}/{} is for {}", table.relation, policy.name, policy.command))
        ));
    }
    for (granted, privilege) in [(table.truncate, "TRUNCATE"), (table.delete, "DELETE")] {
        if !granted {
            tests.push(format!(
                "select ok(\n    not pg_catalog.has_table_privilege({}, {regclass}, {}),\n    {}\n);",
                literal(role),
                literal(privilege),
                literal(&format!("{role} has no {privilege} on {}", table.relation))
            ));
        }
    }
}

fn literal(text: &str) -> String {
    let mut out = String::new();
    quote_literal(&mut out, text);
    out
}
