//! `rowhouse audit` as CI and people meet it: its forms, its exit codes, its baseline.

use std::path::PathBuf;

use serde_json::{Value, json};
use tokio_postgres::SimpleQueryMessage;
use uuid::Uuid;

use crate::command_line::{Run, run};
use crate::support::{Database, TestCluster};

/// A file that is removed at the end of the test.
struct File(PathBuf);

impl File {
    fn new(extension: &str) -> Self {
        Self(std::env::temp_dir().join(format!("rowhouse-{}.{extension}", Uuid::new_v4())))
    }

    fn with(extension: &str, text: &str) -> Self {
        let file = Self::new(extension);
        std::fs::write(&file.0, text).unwrap();
        file
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.0).unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// What the demo declares.
fn contract() -> File {
    let contract = json!({
        "role": "rowhouse_app",
        "exposed_schemas": ["api"],
        "relations": [
            { "relation": "api.newsfeed_items", "kind": "global" },
            { "relation": "tenancy.relation", "kind": "internal" },
            { "relation": "tenancy.function", "kind": "internal" },
            { "relation": "tenancy.schema_history", "kind": "internal" },
            { "relation": "tenancy.tenants", "kind": "tenant", "tenant_column": "id" },
        ],
    });
    File::with("json", &contract.to_string())
}

/// The demo, with a table that nothing protects.
async fn open() -> Database {
    let database = Database::demo().await;
    database
        .as_owner(
            "create table api.\"Open <one>\" (tenant_id uuid not null);
             grant select on api.\"Open <one>\" to rowhouse_app",
        )
        .await;
    database
}

const OPEN: &str = "api.\"Open <one>\"";

fn audit(database: &Database, contract: &File, more: &[&str]) -> Run {
    let mut arguments = vec!["audit", "--contract", contract.path()];
    arguments.extend(more);
    run(&arguments, &[("database_url", &database.app_url())])
}

fn has_open(findings: &Value) -> bool {
    let findings = findings.as_array().expect("a list");
    findings.iter().any(|finding| finding["code"] == "TN201" && finding["object"] == OPEN)
}

#[tokio::test]
async fn an_open_table_fails_the_audit_and_is_told_with_its_fix() {
    let (database, contract) = (open().await, contract());
    let text = audit(&database, &contract, &[]);
    assert_eq!(text.code, Some(1), "{text:?}");
    assert!(text.out.contains("error   TN201 rls_not_enabled"), "{}", text.out);
    assert!(text.out.contains("enable row level security;"), "{}", text.out);
    // No terminal, no colours.
    assert!(!text.out.contains('\u{1b}'), "{}", text.out);
    let json: Value = serde_json::from_str(&audit(&database, &contract, &["--format", "json"]).out).unwrap();
    assert!(has_open(&json["findings"]), "{json:#}");
    assert_eq!(json["role"], "rowhouse_app");
    // The request role, who may connect and read the catalog, is all it needs; and it wrote nothing.
    assert_eq!(database.count("select count(*) from api.\"Open <one>\"").await, 0);
}

#[tokio::test]
async fn what_the_baseline_knows_does_not_fail_until_something_new_comes() {
    let (database, contract, baseline) = (open().await, contract(), File::new("tsv"));
    let written = audit(&database, &contract, &["--write-baseline", baseline.path()]);
    assert_eq!((written.code, written.out.as_str()), (Some(0), ""), "{written:?}");
    assert!(baseline.text().contains(&format!("TN201\t{OPEN}\t")), "{}", baseline.text());
    let known = audit(&database, &contract, &["--baseline", baseline.path(), "--format", "json"]);
    assert_eq!(known.code, Some(0), "{known:?}");
    let report: Value = serde_json::from_str(&known.out).unwrap();
    assert!(has_open(&report["findings"]) && report["counts"]["fails"] == 0, "{report:#}");
    database
        .as_owner("create table api.more (tenant_id uuid not null); grant select on api.more to rowhouse_app")
        .await;
    assert_eq!(audit(&database, &contract, &["--baseline", baseline.path()]).code, Some(1));
}

#[tokio::test]
async fn the_forms_for_programs_are_well_formed_and_name_the_migration() {
    let database = open().await;
    let (contract, folder) = (contract(), std::env::temp_dir().join(format!("rowhouse-{}", Uuid::new_v4())));
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(
        folder.join("V1__open.sql"),
        "-- create table api.\"Open <one>\"\n\ncreate table api.\"Open <one>\" (\n    tenant_id uuid not null\n);\n",
    )
    .unwrap();
    let migrations = ["--migrations", folder.to_str().unwrap()];
    let with = |format: &str| {
        let mut arguments = vec!["--format", format];
        arguments.extend(migrations);
        audit(&database, &contract, &arguments)
    };
    let sarif = with("sarif");
    let junit = with("junit");
    let html = with("html");
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!((sarif.code, junit.code, html.code), (Some(1), Some(1), Some(1)));
    let document: Value = serde_json::from_str(&sarif.out).unwrap();
    assert_eq!(document["version"], "2.1.0");
    let run = &document["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
    }
    let of_open =
        |result: &&Value| result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == OPEN;
    let place = &results.iter().find(of_open).expect("it is found")["locations"][0]["physicalLocation"];
    assert_eq!(place["region"]["startLine"], 3);
    assert!(place["artifactLocation"]["uri"].as_str().unwrap().ends_with("V1__open.sql"), "{place}");
    assert!(junit.out.contains("<failure type=\"error\"") && junit.out.contains("Open &lt;one&gt;"));
    assert!(html.out.contains("Open &lt;one&gt;") && !html.out.contains("<script"), "{}", html.out);
}

#[tokio::test]
async fn the_service_s_own_schema_has_no_error_and_no_warning() {
    let database = Database::demo().await;
    let contract = File::with("json", &database.text("select tenancy.contract()::text").await);
    let report: Value =
        serde_json::from_str(&audit(&database, &contract, &["--format", "json"]).succeeds()).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let said: Vec<_> = findings
        .iter()
        // Which server runs the tests is not the schema's doing.
        .filter(|one| one["level"] != "advice" && one["waiver"].is_null() && one["code"] != "TN901")
        .collect();
    assert!(said.is_empty(), "{said:#?}");
    // What is waived is told, with a reason.
    assert!(
        findings.iter().any(|one| one["code"] == "TN603" && one["waiver"]["state"] == "active"),
        "{report:#}"
    );
}

#[tokio::test]
async fn pgtap_holds_today_and_fails_when_isolation_is_undone() {
    let database = Database::demo().await;
    let contract = File::with("json", &database.text("select tenancy.contract()::text").await);
    let script = audit(&database, &contract, &["--format", "pgtap"]).succeeds();
    // Whoever has pgtap runs it whole; what it asserts can be tried without.
    let seen = |script: &str| {
        let head = script.split("select plan(").next().unwrap().split("begin;\n").skip(1).collect::<Vec<_>>();
        format!("begin;{}", head.join("begin;\n"))
    };
    let client = database.superuser().await;
    client.batch_execute(&seen(&script)).await.unwrap();
    let rows = "select pg_temp.rows_seen('api.items', '')";
    assert_eq!(client.query_one(rows, &[]).await.unwrap().get::<_, i64>(0), 0);
    client.batch_execute("create policy x on api.items to rowhouse_app using (true)").await.unwrap();
    assert_eq!(client.query_one(rows, &[]).await.unwrap().get::<_, i64>(0), 15);
    client.batch_execute("rollback").await.unwrap();
    for line in [
        "array['delete_tenant', 'insert_tenant', 'select_tenant', 'update_tenant']::name[]",
        "'api.items: row-level security is forced'",
        "pg_temp.rows_seen('tenancy.tenants', '99999999-0000-4000-8000-000000000009')",
    ] {
        assert!(script.contains(line), "{line}: {script}");
    }
    assert!(!script.contains("rows_seen('api.newsfeed_items'"), "what is global is read by all");
}

#[tokio::test]
async fn what_could_not_be_checked_is_2_and_a_wrong_call_3() {
    let contract = contract();
    let nowhere = [("database_url", "postgres://rowhouse_app@127.0.0.1:1/nowhere")];
    let failed = run(&["audit", "--contract", contract.path()], &nowhere);
    assert_eq!(failed.code, Some(2), "{failed:?}");
    assert!(failed.err.contains("was not audited"), "{failed:?}");
    for wrong in [
        &["audit", "--format", "xml"][..],
        &["audit", "--fail-on", "everything"],
        &["audit", "--baseline", "/nowhere/x.tsv"],
        &["audit", "--contract", "/nowhere/x.json"],
        &["audit", "--migrations", "/nowhere"],
        &["audit", "--explain", "TN000"],
        &["audit", "--set", "pool_size=0"],
    ] {
        let run = run(wrong, &nowhere);
        assert_eq!(run.code, Some(3), "{wrong:?}: {run:?}");
    }
    let odd = File::with("json", "{\"role\": \"a\", \"colour\": 1}");
    assert_eq!(run(&["audit", "--contract", odd.path()], &nowhere).code, Some(3));
}

#[test]
fn every_code_is_listed_explained_and_has_a_page() {
    let list = run(&["audit", "--list"], &[]).succeeds();
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/audit");
    for line in list.lines() {
        let code = line.split_whitespace().next().unwrap();
        let explained = run(&["audit", "--explain", &code.to_lowercase()], &[]).succeeds();
        for part in [code, "How it leaks", "How to see it", "How to mend it"] {
            assert!(explained.contains(part), "{explained}");
        }
        let page = std::fs::read_to_string(folder.join(format!("{code}.md"))).expect("make docs");
        assert!(page.starts_with(&format!("# {code} ")), "{page}");
    }
    assert!(list.contains("TN201"), "{list}");
}

#[tokio::test]
async fn the_printed_sql_audits_a_database_that_knows_nothing_of_the_service() {
    let cluster = TestCluster::from_environment();
    let name = format!("print_sql_{}", Uuid::new_v4().simple());
    let control = cluster.connect("postgres").await;
    control.batch_execute(&format!("create database {name} template template0")).await.unwrap();
    control.batch_execute(&format!("create role {name}")).await.unwrap();
    let client = cluster.connect(&name).await;
    client
        .batch_execute(&format!(
            "create schema shop; grant usage on schema shop to {name};
             create table shop.orders (tenant_id uuid not null, id integer not null, primary key (tenant_id, id));
             grant select on shop.orders to {name}"
        ))
        .await
        .unwrap();
    let sql = run(&["audit", "--print-sql", "--role", &name], &[]).succeeds();
    let mut codes = Vec::new();
    for mended in [false, true] {
        if mended {
            client
                .batch_execute(&format!(
                    "alter table shop.orders enable row level security; alter table shop.orders force row level security;
                     create policy tenant on shop.orders to {name}
                         using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid))"
                ))
                .await
                .unwrap();
        }
        let messages = client.simple_query(&sql).await.unwrap();
        codes.push(
            messages
                .iter()
                .filter_map(|message| match message {
                    SimpleQueryMessage::Row(row) => {
                        Some((row.get("code")?.to_owned(), row.get("object")?.to_owned()))
                    }
                    _ => None,
                })
                .filter(|(_, object)| object == "shop.orders")
                .map(|(code, _)| code)
                .collect::<Vec<_>>(),
        );
    }
    drop(client);
    control.batch_execute(&format!("drop database {name} with (force)")).await.unwrap();
    control.batch_execute(&format!("drop role {name}")).await.unwrap();
    // That nobody declared it is a warning that stays.
    assert_eq!(codes, [vec!["TN201", "TN206"], vec!["TN206"]]);
    // What is printed holds the contract that is given, and nothing else needs one.
    let contract = contract();
    let given = run(&["audit", "--print-sql", "--contract", contract.path()], &[]).succeeds();
    assert!(given.contains("api.newsfeed_items"), "{given}");
}
