//! Waivers: a finding that somebody accepts, with a reason, for an object as it was, until a day.

use serde_json::Value;

use crate::command_line::{Run, run};
use crate::support::Database;

/// As the owner of the contract, who may read and write it.
fn audit(database: &Database, more: &[&str]) -> Run {
    let arguments: Vec<&str> = ["audit"].iter().chain(more).copied().collect();
    run(&arguments, &[("database_url", &database.owner_url())])
}

/// The exit code of an audit that fails on `level`, and of a strict one.
fn codes(database: &Database, level: &str) -> (Option<i32>, Option<i32>) {
    let of = |more: &[&str]| audit(database, &[&["--fail-on", level], more].concat()).code;
    (of(&[]), of(&["--strict"]))
}

/// The waiver of a finding as the audit tells it; null where there is none.
fn waiver(database: &Database, code: &str, object: &str) -> Value {
    let report = audit(database, &["--format", "json"]);
    let report: Value = serde_json::from_str(&report.out).unwrap_or_else(|_| panic!("{report:?}"));
    let findings = report["findings"].as_array().expect("a list");
    let found = findings.iter().find(|one| one["code"] == code && one["object"] == object);
    found.unwrap_or_else(|| panic!("{code} {object}: {report:#}"))["waiver"].clone()
}

async fn waive(database: &Database, code: &str, object: &str, until: &str) {
    let call =
        format!("select tenancy.waive('{code}', '{object}', 'accepted_risk', 'It is an open day.', {until})");
    database.as_owner(&call).await;
}

/// The demo, with what its server's age would say put aside: that is no matter here.
async fn demo() -> Database {
    let database = Database::demo().await;
    let server = "insert into tenancy.waiver (code, object_identity, reason_kind, reason)
                  select f.code, f.object_identity, 'wont_fix', 'Whatever server runs the tests.'
                  from tenancy.findings as f
                  where f.code = 'TN901'";
    database.as_owner(server).await;
    assert_eq!(codes(&database, "warning"), (Some(0), Some(0)));
    database
}

#[tokio::test]
async fn a_waived_error_is_one_again_when_its_last_day_is_over_or_what_was_waived_has_changed() {
    let (database, policy) = (demo().await, "api.items/anyone");
    database.as_owner("create policy anyone on api.items for select using (true)").await;
    assert_eq!(codes(&database, "error"), (Some(1), Some(1)));
    assert_eq!(waiver(&database, "TN301", policy), Value::Null);

    waive(&database, "TN301", policy, "current_date").await;
    assert_eq!(codes(&database, "error"), (Some(0), Some(0)));
    let told = waiver(&database, "TN301", policy);
    assert_eq!((&told["state"], &told["reason"]), (&"active".into(), &"It is an open day.".into()));
    assert!(told["by"].is_string() && told["until"].is_string(), "{told}");
    let verdict = database.text("select verdict from tenancy.verdict").await;
    assert!(verdict.contains("0 errors") && verdict.contains("the next until 20"), "{verdict}");

    database.as_owner("update tenancy.waiver set until = current_date - 1 where code = 'TN301'").await;
    assert_eq!(waiver(&database, "TN301", policy)["state"], "expired");
    // A waiver that is over is work undone: a strict audit is not satisfied to find what it was for.
    assert_eq!(codes(&database, "error"), (Some(1), Some(2)));

    waive(&database, "TN301", policy, "null").await;
    assert_eq!(codes(&database, "error"), (Some(0), Some(0)));
    database.as_owner("alter policy anyone on api.items to rowhouse_app").await;
    assert_eq!(waiver(&database, "TN301", policy)["state"], "stale");
    assert_eq!(codes(&database, "error"), (Some(1), Some(2)));
}

#[tokio::test]
async fn a_stale_waiver_of_a_warning_holds_but_not_for_a_strict_audit() {
    let (database, index) = (demo().await, "api.notes_word_key");
    database
        .as_owner(
            "create table api.notes (
                 tenant_id uuid not null references tenancy.tenants,
                 word text not null,
                 more text,
                 primary key (tenant_id, word)
             );
             alter table api.notes enable row level security;
             alter table api.notes force row level security;
             create policy tenant on api.notes to rowhouse_app
                 using (tenant_id = (select tenancy.current_tenant_id()));
             grant select, insert on api.notes to rowhouse_app;
             select tenancy.declare('api.notes', 'tenant', 'What a tenant notes.');
             create unique index notes_word_key on api.notes (word)",
        )
        .await;
    assert_eq!(codes(&database, "warning"), (Some(1), Some(1)));
    waive(&database, "TN603", index, "null").await;
    assert_eq!(codes(&database, "warning"), (Some(0), Some(0)));
    database
        .as_owner(
            "drop index api.notes_word_key; create unique index notes_word_key on api.notes (word, more)",
        )
        .await;
    assert_eq!(waiver(&database, "TN603", index)["state"], "stale");
    assert_eq!(codes(&database, "warning"), (Some(0), Some(2)));
}

#[tokio::test]
async fn only_what_is_found_can_be_waived_and_only_with_a_reason() {
    let database = demo().await;
    database.as_owner("create policy anyone on api.items for select using (true)").await;
    let client = database.superuser().await;
    for (arguments, state) in [
        ("'TN301', 'api.items/nobody', 'accepted_risk', 'An open day.'", "P0002"),
        ("'TN302', 'api.items/anyone', 'accepted_risk', 'An open day.'", "P0002"),
        ("'TN301', 'api.items/anyone', 'accepted_risk', ' '", "23514"),
        ("'TN301', 'api.items/anyone', 'because', 'An open day.'", "23514"),
    ] {
        let refused = client.batch_execute(&format!("select tenancy.waive({arguments})")).await.unwrap_err();
        assert_eq!(refused.code().map(|code| code.code()), Some(state), "{arguments}: {refused}");
    }
    assert_eq!(codes(&database, "error").0, Some(1));
}
