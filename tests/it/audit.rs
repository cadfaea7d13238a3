//! The auditor against `tests/audit`: for each code schemas that have the fault (`fault*.sql`), the same without it (`clean.sql`)
//! and ones that only look like it (`near_miss*.sql`), each in a database of its own.
//!
//! Two things are held together: what the auditor says of a schema, and what the request role can really do there. The header of
//! a case says both:
//!
//! ```text
//! -- request role: <name>             who is audited, and who tries
//! -- declare: tenant <relation> <column> | global <relation> | internal <relation>
//! -- trust: <function> [changed]      declared trusted as it is, or as it was before somebody changed it
//! -- server version: <number>         audited as though the server were of this version
//! -- expect: <level> <code> <object>  every finding that is an error or a warning, and the advice that the case is about
//! -- leak: <statements>               as the request role, on a connection of its own: the last one gives or changes a row
//! -- leak below 16: <statements>      the same, only on servers below 16
//! -- no leak: <why>                   why the fault cannot be shown in this way
//! -- open: <why>                      why the fault's statements may give rows here, too
//! ```
//!
//! Lines that begin with `--   ` continue the one above. The statements of a fault leak there, and in no `clean` or `near_miss`
//! beside it. Roles are the cluster's and not the database's: their names begin with those of their case.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rowhouse::audit::{self, Contract, Level, Slot};
use serde_json::json;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::support::TestCluster;

/// Of every role of a case that logs in.
const PASSWORD: &str = "app";
/// For one attempt of the request role, on a slow machine.
const LEAK_TIMEOUT: Duration = Duration::from_secs(60);

/// One test for each folder of `tests/audit`.
macro_rules! cases {
    ($($case:ident),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $case() {
                check(stringify!($case)).await;
            }
        )*

        const CASES: &[&str] = &[$(stringify!($case)),*];
    };
}

cases! {
    tn101_app_role_superuser,
    tn102_app_role_bypassrls,
    tn103_app_role_can_become_bypass,
    tn104_app_role_owns_relation,
    tn105_app_role_member_of_owner,
    tn106_app_role_predefined_role,
    tn107_app_role_replication,
    tn108_app_role_createrole,
    tn109_app_role_mismatch,
    tn201_rls_not_enabled,
    tn202_policy_without_rls,
    tn203_rls_not_forced,
    tn204_partition_child_exposed,
    tn205_inheritance_child_exposed,
    tn206_unclassified_relation,
    tn207_materialized_view_exposed,
    tn208_foreign_table_exposed,
    tn209_tenant_column_nullable,
    tn210_no_policy_for_app,
    tn211_large_object_content,
    tn212_publication_without_filter,
    tn301_policy_always_true,
    tn302_policy_ignores_tenant,
    tn303_permissive_widens,
    tn304_policy_wrong_column,
    tn305_policy_tautology,
    tn306_policy_fail_open,
    tn307_policy_write_open,
    tn308_policy_write_using_open,
    tn309_restrictive_floor_misses,
    tn310_policy_bypass_setting,
    tn311_policy_identity_is_role,
    tn312_policy_weak_operator,
    tn313_policy_setting_mismatch,
    tn314_policy_depends_on_unprotected,
    tn315_policy_function_immutable,
    tn316_policy_function_search_path,
    tn317_policy_function_session_state,
    tn318_policy_admin_role_reachable,
    tn319_policy_unproven,
    tn320_policy_unset_raises,
    tn401_view_runs_as_owner,
    tn402_view_barrier_missing,
    tn403_view_write_bypass,
    tn404_secdef_function_bypass,
    tn405_secdef_search_path,
    tn406_secdef_trigger,
    tn407_rule_runs_as_owner,
    tn408_leakproof_function,
    tn409_function_overrides_tenant,
    tn410_event_trigger_ddl,
    tn501_truncate_granted,
    tn502_trigger_granted,
    tn503_references_granted,
    tn504_create_on_schema,
    tn505_default_privileges,
    tn506_public_grant,
    tn507_dangerous_extension_grant,
    tn601_fk_cross_tenant,
    tn602_fk_action_cross_tenant,
    tn603_unique_oracle,
    tn604_exclusion_oracle,
    tn605_sequence_shared,
    tn606_notify_payload,
    tn701_default_tenant_setting,
    tn702_session_scoped_setter,
    tn703_temp_table_persists,
    tn704_app_search_path,
    tn801_tenant_index_missing,
    tn802_policy_per_row_setting,
    tn803_policy_function_volatile,
    tn901_server_minor_vulnerable,
}

#[test]
fn every_rule_has_its_cases_and_every_case_its_rule() {
    let folders: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let tested: BTreeSet<String> = CASES.iter().map(ToString::to_string).collect();
    let rules: BTreeSet<String> =
        audit::rules().iter().map(|rule| format!("{}_{}", rule.code.to_lowercase(), rule.name)).collect();
    assert_eq!(folders, tested, "the folders of tests/audit, and the tests");
    assert_eq!(rules, tested, "the rules, and the tests");
    for case in CASES {
        let variants: Vec<String> = variants(case).iter().map(|path| stem(path)).collect();
        for kind in ["fault", "clean", "near_miss"] {
            assert!(variants.iter().any(|variant| variant == kind), "{case} has no {kind}.sql");
        }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/audit")
}

/// The files of a case, in the order of their names.
fn variants(case: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder().join(case))
        .unwrap_or_else(|error| panic!("{case}: {error}"))
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_str().unwrap().to_owned()
}

/// What the header of a case says.
#[derive(Debug, Default)]
struct Variant {
    /// `fault`, `clean` or `near_miss`, with what sets it apart from others of its kind.
    name: String,
    sql: String,
    request_role: String,
    declarations: Vec<String>,
    trusted: Vec<String>,
    server_version: Option<String>,
    expected: BTreeSet<String>,
    leaks: Vec<Leak>,
    no_leak: Option<String>,
    open: Option<String>,
}

#[derive(Debug)]
struct Leak {
    statements: String,
    /// Where it is only so on older servers: the first major version where it is not.
    below: Option<u32>,
}

impl Variant {
    fn read(path: &Path) -> Self {
        let sql = fs::read_to_string(path).unwrap();
        let mut entries: Vec<(String, String)> = Vec::new();
        for line in sql.lines().take_while(|line| line.starts_with("--")) {
            if let Some(more) = line.strip_prefix("--   ") {
                let (_, value) = entries.last_mut().unwrap_or_else(|| panic!("{path:?} continues nothing"));
                value.push('\n');
                value.push_str(more);
            } else if let Some((key, value)) = line[2..].trim_start().split_once(": ") {
                entries.push((key.to_owned(), value.to_owned()));
            }
        }
        let mut variant = Self { name: stem(path), sql, ..Self::default() };
        for (key, value) in entries {
            match key.as_str() {
                "request role" => variant.request_role = value,
                "declare" => variant.declarations.push(value),
                "trust" => variant.trusted.push(value),
                "server version" => variant.server_version = Some(value),
                "expect" => assert!(variant.expected.insert(value), "{path:?} expects something twice"),
                "leak" => variant.leaks.push(Leak { statements: value, below: None }),
                "no leak" => variant.no_leak = Some(value),
                "open" => variant.open = Some(value),
                key if key.starts_with("leak below ") => {
                    let below = key["leak below ".len()..].parse().expect("a major version");
                    variant.leaks.push(Leak { statements: value, below: Some(below) });
                }
                // The first sentence of the file.
                _ => {}
            }
        }
        assert!(!variant.request_role.is_empty(), "{path:?} names no request role");
        let shown = !variant.leaks.is_empty() || variant.no_leak.is_some();
        assert_eq!(
            shown,
            variant.is_fault(),
            "{path:?}: a fault, and no other, says how it leaks or why it does not"
        );
        variant
    }

    fn is_fault(&self) -> bool {
        self.name.starts_with("fault")
    }

    /// The roles that it makes, all of which begin with its own name.
    fn roles(&self) -> Vec<&str> {
        let roles: Vec<&str> = self
            .sql
            .lines()
            .filter_map(|line| line.strip_prefix("create role "))
            .map(|rest| rest.split([' ', ';']).next().unwrap_or_default())
            .collect();
        roles
    }

    async fn contract(&self, client: &Client) -> Contract {
        let relations: Vec<_> = self
            .declarations
            .iter()
            .map(|declaration| {
                let mut words = declaration.split(' ');
                let (kind, relation) = (words.next(), words.next());
                json!({"relation": relation, "kind": kind, "tenant_column": words.next()})
            })
            .collect();
        let mut trusted = Vec::new();
        for line in &self.trusted {
            let (function, changed) =
                line.strip_suffix(" changed").map_or((line.as_str(), false), |name| (name, true));
            let query = "select md5(pg_get_functiondef($1::text::regprocedure))";
            let md5: String = client.query_one(query, &[&function]).await.expect(function).get(0);
            let md5 = if changed { "0".repeat(md5.len()) } else { md5 };
            trusted.push(json!({"function": function, "md5": md5}));
        }
        serde_json::from_value(json!({
            "role": self.request_role,
            "setting": "app.current_tenant_id",
            "type": "uuid",
            "strict": false,
            "relations": relations,
            "trusted_functions": trusted,
            "waivers": [],
            "exposed_schemas": ["api"],
        }))
        .expect("a contract")
    }
}

/// Judges each schema of a case, and tries each leak of its faults on all of them.
async fn check(case: &str) {
    let cluster = TestCluster::from_environment();
    let variants: Vec<Variant> = variants(case).iter().map(|path| Variant::read(path)).collect();
    let code = case.split('_').next().unwrap().to_uppercase();
    let mut wrong = Vec::new();
    for variant in &variants {
        let database = format!("audit_{}_{}", code.to_lowercase(), variant.name);
        remove(&cluster, &database, variant).await;
        make(&cluster, &database, variant).await;
        judge(&cluster, &database, &code, variant, &mut wrong).await;
        attempt(&cluster, &database, &code, variant, &variants, &mut wrong).await;
        remove(&cluster, &database, variant).await;
    }
    assert!(wrong.is_empty(), "{case}:\n{}", wrong.join("\n"));
}

async fn make(cluster: &TestCluster, database: &str, variant: &Variant) {
    for role in variant.roles() {
        assert!(database.ends_with(role.rsplit_once('_').unwrap().0), "{role} is not named after {database}");
    }
    let control = cluster.connect("postgres").await;
    control.batch_execute(&format!("create database {database} template template0")).await.unwrap();
    let client = cluster.connect(database).await;
    client.batch_execute(&variant.sql).await.unwrap_or_else(|error| {
        panic!("{database}: {}", error.as_db_error().map_or("no answer", |e| e.message()))
    });
}

/// Also what an earlier run has left, which did not get to its end.
async fn remove(cluster: &TestCluster, database: &str, variant: &Variant) {
    let control = cluster.connect("postgres").await;
    control.batch_execute(&format!("drop database if exists {database} with (force)")).await.unwrap();
    for role in variant.roles() {
        control.batch_execute(&format!("drop role if exists {role}")).await.unwrap();
    }
}

/// What the auditor says must be what is expected: all errors and warnings, and of the advice what is named.
async fn judge(
    cluster: &TestCluster,
    database: &str,
    code: &str,
    variant: &Variant,
    wrong: &mut Vec<String>,
) {
    let mut client = cluster.connect(database).await;
    client.batch_execute("set search_path = ''").await.unwrap();
    let contract = variant.contract(&client).await;
    let findings = audit_as(&mut client, &contract, variant.server_version.as_deref()).await;
    if variant.server_version.is_none() {
        compare_judges(&client, &contract, variant, &findings, wrong).await;
    }
    let expected: BTreeSet<String> =
        variant.expected.iter().map(|line| line.replace("{database}", database)).collect();
    let mut found = BTreeSet::new();
    for (level, finding) in findings {
        // Which server runs the tests is not what other cases are about.
        if finding.contains(" TN901 ") && code != "TN901" {
            continue;
        }
        // Nor is advice about something else.
        if level != Level::Advice || finding.contains(&format!(" {code} ")) || expected.contains(&finding) {
            found.insert(finding);
        }
    }
    for line in expected.difference(&found) {
        wrong.push(format!("  {}: not found: {line}", variant.name));
    }
    for line in found.difference(&expected) {
        wrong.push(format!("  {}: not expected: {line}", variant.name));
    }
    if variant.is_fault() && !expected.iter().any(|line| line.contains(&format!(" {code} "))) {
        wrong.push(format!("  {}: does not expect {code}", variant.name));
    }
}

/// Policies judged by their text, as in the views and in the file of SQL, give the same findings as by their trees.
async fn compare_judges(
    client: &Client,
    contract: &Contract,
    variant: &Variant,
    by_tree: &[(Level, String)],
    wrong: &mut Vec<String>,
) {
    client.batch_execute("set enable_nestloop = off; set jit = off").await.unwrap();
    let statement = audit::statement(Slot::Literal(contract));
    let rows = client.query(statement.as_str(), &[]).await.expect("the audit runs");
    let by_text: BTreeSet<String> = rows
        .iter()
        .map(|row| {
            format!(
                "{} {} {}",
                row.get::<_, &str>("level"),
                row.get::<_, &str>("code"),
                row.get::<_, &str>("object")
            )
        })
        .collect();
    let by_tree: BTreeSet<String> = by_tree.iter().map(|(_, finding)| finding.clone()).collect();
    for line in by_text.symmetric_difference(&by_tree) {
        let judge = if by_text.contains(line) { "text" } else { "tree" };
        wrong.push(format!("  {}: found by the {judge} alone: {line}", variant.name));
    }
}

/// The attempts: a fault leaks by its own statements, and what is no fault by none of them.
async fn attempt(
    cluster: &TestCluster,
    database: &str,
    code: &str,
    variant: &Variant,
    variants: &[Variant],
    wrong: &mut Vec<String>,
) {
    let url = cluster.url_as(&variant.request_role, PASSWORD, database);
    let mut tried = BTreeSet::new();
    for fault in variants.iter().filter(|other| other.is_fault()) {
        if variant.is_fault() && fault.name != variant.name {
            continue;
        }
        for leak in &fault.leaks {
            // The roles of the fault have counterparts of the same part here.
            let prefix = |name: &str| format!("{}_{name}_", code.to_lowercase());
            let statements = leak.statements.replace(&prefix(&fault.name), &prefix(&variant.name));
            if !tried.insert(statements.clone()) {
                continue;
            }
            let Ok((leaks, version)) = tokio::time::timeout(LEAK_TIMEOUT, leaks(&url, &statements)).await
            else {
                wrong.push(format!("  {}: the attempt of {} did not end", variant.name, fault.name));
                continue;
            };
            let should = variant.is_fault() && leak.below.is_none_or(|below| version < below);
            match leaks {
                Ok(()) if !should && variant.open.is_none() => {
                    wrong.push(format!("  {}: leaks by the attempt of {}", variant.name, fault.name));
                }
                Err(why) if should => wrong.push(format!("  {}: does not leak: {why}", variant.name)),
                Ok(()) | Err(_) => {}
            }
        }
    }
}

/// Whether the last of the statements gives or changes a row, or why not; and the server's major version.
async fn leaks(url: &str, statements: &str) -> (Result<(), String>, u32) {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect(url);
    tokio::spawn(connection);
    let version: i32 = client
        .query_one("select pg_catalog.current_setting('server_version_num')::int4", &[])
        .await
        .unwrap()
        .get(0);
    let outcome = match client.simple_query(statements).await {
        Ok(messages) => {
            let rows = messages.iter().rev().find_map(|message| match message {
                SimpleQueryMessage::CommandComplete(rows) => Some(*rows),
                _ => None,
            });
            if rows.unwrap_or(0) > 0 { Ok(()) } else { Err("no row".to_owned()) }
        }
        // An error shows nothing. A connection that breaks shows that the test is wrong.
        Err(error) => Err(error.as_db_error().expect("the server answers").message().to_owned()),
    };
    (outcome, u32::try_from(version / 10_000).unwrap())
}

/// What the auditor finds, as the cases write it: level, code and object.
async fn audit_as(
    client: &mut Client,
    contract: &Contract,
    server_version: Option<&str>,
) -> Vec<(Level, String)> {
    let Some(version) = server_version else {
        let findings = audit::audit(client, contract).await.expect("the audit runs");
        return findings
            .into_iter()
            .map(|finding| (finding.level, format!("{} {} {}", finding.level, finding.code, finding.object)))
            .collect();
    };
    // The rule's own text, with another server's number in it. What comes before must know the real one.
    let statement = audit::statement(Slot::Literal(contract));
    let (before, rule) = statement.split_once("tn901 as (").expect("the rule is in the statement");
    let number = "pg_catalog.current_setting('server_version_num')";
    assert!(rule.contains(number), "the rule asks for the server's version");
    let statement =
        format!("{before}tn901 as ({}", rule.replace(number, &format!("'{version}'::pg_catalog.text")));
    client.batch_execute(&format!("begin; {}", audit::SETTINGS)).await.expect("a transaction");
    let rows = client.query(statement.as_str(), &[]).await.expect("the audit runs");
    client.batch_execute("rollback").await.expect("ended");
    rows.iter()
        .map(|row| {
            let (level, code, object): (&str, &str, &str) =
                (row.get("level"), row.get("code"), row.get("object"));
            (level.parse().expect("a level"), format!("{level} {code} {object}"))
        })
        .collect()
}
