//! `rowhouse prove`: what breaks isolation it breaks, what keeps it holds, and nothing to see is never a pass.

use std::time::UNIX_EPOCH;

use serde_json::Value;

use crate::command_line::run;
use crate::support::{DUNDER, Database, PAWNEE};

/// Runs it as an owner of each tenant of the demo who has every permission and has just logged in; gives the exit code and the
/// JSON report.
pub fn prove(database: &Database, more: &[&str]) -> (Option<i32>, Value) {
    let (pawnee, dunder) = (PAWNEE.to_string(), DUNDER.to_string());
    let leslie = format!("{pawnee}:app.current_user_id=leslie.knope");
    let dwight = format!("{dunder}:app.current_user_id=dwight.schrute");
    let now = UNIX_EPOCH.elapsed().expect("after 1970").as_secs();
    let claims = format!(r#"request.jwt.claims={{"auth_time":{now},"amr":["mfa"]}}"#);
    let mut arguments = vec!["prove", "--format", "json", "--tenant", &pawnee, "--tenant", &dunder];
    arguments.extend(["--with", &leslie, "--with", &dwight, "--with", &claims]);
    arguments.extend(["--with", r#"app.permissions=["safes:write","safes:audit"]"#]);
    arguments.extend(more);
    let run = run(&arguments, &[("database_url", &database.app_url())]);
    let report = serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {run:?}"));
    (run.code, report)
}

/// The demo, with rows of both tenants in the service's own relations too: what is empty cannot be proven to be kept.
pub async fn demo() -> Database {
    let database = Database::demo().await;
    database
        .sql(
            "with tenant (id, slug) as (
                 select t.id, t.slug from tenancy.tenants as t
                 where t.slug in ('pawnee-parks-and-rec', 'dunder-mifflin')
             ),
             invitation as (
                 insert into tenancy.invitations (tenant_id, email, token_hash)
                 select t.id, 'new@' || t.slug || '.example', sha256(t.slug::bytea) from tenant as t
             ),
             domain as (
                 insert into tenancy.tenant_domains (tenant_id, host) select t.id, t.slug || '.example' from tenant as t
             ),
             issuer as (
                 insert into tenancy.issuers (iss, kind, tenant_id, key_source, jwks_uri, algorithms, audiences)
                 select 'https://' || t.slug || '.example', 'tenant', t.id, 'jwks_uri',
                     'https://' || t.slug || '.example/keys', '{RS256}', '{rowhouse}'
                 from tenant as t
             )
             select tenancy.add_member(
                 t.id, 'https://demo.rowhouse.example', t.slug || '-owner', 'owner', 'owner@' || t.slug || '.example'
             )
             from tenant as t;
             insert into tenancy.api_keys (tenant_id, name, prefix, secret_hash)
             select t.id, 'robot', 'rhk_' || left(encode(sha256(t.slug::bytea), 'hex'), 16), sha256(t.slug::bytea)
             from tenancy.tenants as t where t.slug in ('pawnee-parks-and-rec', 'dunder-mifflin');
             insert into tenancy.sessions (tenant_id, user_id, client_id, api_key_id, idle_expires_at, absolute_expires_at)
             select m.tenant_id, m.user_id, 'web', k.id, now() + interval '1 day', now() + interval '1 day'
             from tenancy.members as m
             inner join tenancy.api_keys as k on k.tenant_id = m.tenant_id",
        )
        .await;
    database
}

/// The object and the attempt of everything that ended so.
fn ended(report: &Value, outcome: &str) -> Vec<(String, String)> {
    let attempts = report["attempts"].as_array().expect("attempts");
    let mut found: Vec<_> = attempts
        .iter()
        .filter(|attempt| attempt["outcome"] == outcome)
        .map(|attempt| {
            (attempt["object"].as_str().unwrap().to_owned(), attempt["attempt"].as_str().unwrap().to_owned())
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

/// A table of the usual kind with a row for each of the two tenants, and then `fault`.
async fn table(fault: &str) -> Database {
    let database = demo().await;
    database
        .sql(&format!(
            "set role rowhouse_owner;
             create table api.things (
                 id uuid not null default gen_random_uuid(),
                 tenant_id uuid not null references tenancy.tenants (id),
                 note text,
                 primary key (tenant_id, id)
             );
             alter table api.things enable row level security;
             alter table api.things force row level security;
             create policy by_tenant on api.things to rowhouse_app
                 using (tenant_id = (select tenancy.current_tenant_id()))
                 with check (tenant_id = (select tenancy.current_tenant_id()));
             grant select, insert, update, delete on api.things to rowhouse_app;
             reset role;
             insert into api.things (tenant_id, note) values ('{PAWNEE}', 'a'), ('{DUNDER}', 'b');
             {fault}"
        ))
        .await;
    database
}

#[track_caller]
fn breaks(report: &(Option<i32>, Value), object: &str, attempt: &str) {
    let (code, report) = report;
    assert_eq!((*code, report["verdict"].as_str()), (Some(1), Some("broken")), "{report:#}");
    let broken = ended(report, "broken");
    assert!(broken.contains(&(object.to_owned(), attempt.to_owned())), "{object}: {attempt}: {broken:?}");
}

#[tokio::test]
async fn the_demo_holds_against_every_attempt_and_is_as_it_was() {
    let database = demo().await;
    let rows = "select (select count(*) from api.items) || ' ' || (select count(*) from api.ticket_comments)
        || ' ' || (select md5(string_agg(t::text, ',' order by id)) from api.support_tickets as t)";
    let before = database.text(rows).await;
    let (code, report) = prove(&database, &["--write"]);
    assert_eq!((code, report["verdict"].as_str()), (Some(0), Some("held")), "{report:#}");
    assert_eq!(report["broken"], 0);
    let held = ended(&report, "held");
    for attempt in [
        "read any row",
        "read rows of others",
        "delete every row",
        "delete another's rows",
        "update another's rows",
        "move its own rows to another",
        "insert a row for another",
        "upsert onto another's row",
    ] {
        assert!(held.contains(&("api.support_tickets".into(), attempt.into())), "{attempt}: {held:?}");
    }
    // What is revoked once and for good knows no update that changes nothing: its control revokes.
    for relation in ["tenancy.api_keys", "tenancy.sessions", "tenancy_api.api_keys", "tenancy_api.sessions"] {
        for attempt in ["update every row", "update another's rows"] {
            assert!(held.contains(&(relation.into(), attempt.into())), "{relation}: {attempt}: {held:?}");
        }
    }
    let key = "api.ticket_comments (ticket_comments_ticket_fkey)".to_owned();
    assert!(held.contains(&(key, "refer to another's row".into())), "{held:?}");
    // Every attempt says what was run.
    for attempt in report["attempts"].as_array().unwrap() {
        assert!(!attempt["statements"].as_array().unwrap().is_empty(), "{attempt}");
    }
    assert_eq!(database.text(rows).await, before);
}

#[tokio::test]
async fn reading_what_is_another_s_is_broken() {
    let everything = "create policy open on api.things for select to rowhouse_app using (true)";
    let database = table(everything).await;
    let report = prove(&database, &[]);
    breaks(&report, "api.things", "read any row");
    breaks(&report, "api.things", "read rows of others");
    // Open only to who has no tenant at all.
    let unset = "create policy open on api.things for select to rowhouse_app
        using (current_setting('app.current_tenant_id', true) is null)";
    let report = prove(&table(unset).await, &[]);
    breaks(&report, "api.things", "read any row");
    let broken = report.1["attempts"].as_array().unwrap().iter().filter(|one| one["outcome"] == "broken");
    let acting: Vec<_> = broken.map(|one| one["acting"].as_str().unwrap()).collect();
    assert_eq!(acting, ["no tenant set"]);
}

#[tokio::test]
async fn a_view_and_a_function_that_read_as_their_owner_are_broken() {
    // Made by the superuser, whom no policy binds.
    let database = table(
        "create view api.all_things as select * from api.things;
         create view api.notes as select note from api.things;
         create function api.thing_of(of uuid) returns json language sql stable security definer set search_path = ''
             return (select to_json(t) from api.things as t where t.tenant_id = thing_of.of);
         grant select on api.all_things, api.notes to rowhouse_app;
         grant execute on function api.thing_of(uuid) to rowhouse_app",
    )
    .await;
    let report = prove(&database, &[]);
    breaks(&report, "api.all_things", "read any row");
    breaks(&report, "api.all_things", "read rows of others");
    breaks(&report, "api.notes", "read any row");
    breaks(&report, "api.thing_of(of uuid)", "call it for another's rows");
}

#[tokio::test]
async fn a_view_without_a_tenant_column_is_judged_by_what_two_tenants_see() {
    let database = table(&format!(
        "create view api.own_notes with (security_invoker) as select note from api.things;
         create view api.counts with (security_invoker) as
             select note is null as empty, count(*) as n from api.things group by 1;
         create view api.leaking as
             select id, note from api.things
             where current_setting('app.current_tenant_id', true) in ('{PAWNEE}', '{DUNDER}');
         alter view api.leaking owner to rowhouse_owner;
         alter table api.things no force row level security;
         create view api.nothing with (security_invoker) as select note from api.things where note = 'c';
         grant select on api.own_notes, api.counts, api.leaking, api.nothing to rowhouse_app"
    ))
    .await;
    let report = prove(&database, &[]);
    // Nobody sees a row of it, and each tenant sees those of all: only a comparison tells.
    let what = "read rows that the other tenant sees";
    breaks(&report, "api.leaking", what);
    let with = |outcome: &str| -> Vec<String> {
        let ended = ended(&report.1, outcome);
        ended.into_iter().filter(|(_, attempt)| attempt == what).map(|(object, _)| object).collect()
    };
    assert_eq!(with("broken"), ["api.leaking"]);
    assert!(with("held").contains(&"api.own_notes".to_owned()), "{:?}", with("held"));
    // One row each, which looks the same: no pass, and no leak.
    assert_eq!(with("unproven"), ["api.counts"]);
    assert_eq!(with("vacuous"), ["api.nothing"]);
}

#[tokio::test]
async fn a_function_that_cannot_be_tried_is_no_pass_unless_somebody_vouches_for_it() {
    let database = table(
        "create function api.touch(note text) returns void language sql security definer set search_path = ''
             begin atomic; select 1; end;
         create function api.of_all(variadic ids uuid[]) returns bigint language sql stable security definer
             set search_path = '' return (select count(*) from api.things as t where t.id = any (ids));
         create function api.as_caller(variadic ids uuid[]) returns bigint language sql stable
             set search_path = '' return (select count(*) from api.things as t where t.id = any (ids));
         grant execute on all functions in schema api to rowhouse_app",
    )
    .await;
    let open = |report: &Value| -> Vec<String> {
        let untried = report["untried"].as_array().unwrap().iter().filter(|one| one["open"] == true);
        untried.map(|one| one["object"].as_str().unwrap().to_owned()).collect()
    };
    let (code, report) = prove(&database, &[]);
    assert_eq!((code, report["verdict"].as_str()), (Some(2), Some("unproven")), "{report:#}");
    let (touch, of_all) = ("api.touch(note text)", "api.of_all(VARIADIC ids uuid[])");
    assert_eq!(open(&report), [of_all, touch]);
    assert_eq!(report["not_tried"], 2);
    let (code, report) = prove(&database, &["--vouch", touch]);
    assert_eq!((code, open(&report)), (Some(2), vec![of_all.to_owned()]));
    database.sql("select tenancy.declare_function('api.touch(text)', 'It returns nothing.')").await;
    let (code, report) = prove(&database, &["--vouch", of_all]);
    assert_eq!((code, open(&report)), (Some(0), Vec::new()), "{report:#}");
    // What was trusted is known with a login that may read it, and holds for the text that was read.
    let trusted = ["--set", &format!("migrate_url={}", database.owner_url())];
    database.sql("select tenancy.trust_function('api.of_all(uuid[])', 'It counts.')").await;
    assert_eq!(prove(&database, &trusted).0, Some(0));
    database.sql("alter function api.of_all(uuid[]) volatile").await;
    assert_eq!(prove(&database, &trusted).0, Some(2));
}

#[tokio::test]
async fn writing_what_is_another_s_is_broken() {
    for (fault, attempt) in [
        ("create policy open on api.things for delete to rowhouse_app using (true)", "delete every row"),
        (
            "create policy open on api.things for update to rowhouse_app using (true) with check (true)",
            "update every row",
        ),
        (
            "create policy open on api.things for insert to rowhouse_app with check (true)",
            "insert a row for another",
        ),
        (
            "drop policy by_tenant on api.things;
             create policy by_tenant on api.things to rowhouse_app
                 using (tenant_id = (select tenancy.current_tenant_id())) with check (note is not null)",
            "move its own rows to another",
        ),
        ("grant truncate on api.things to rowhouse_app", "empty it"),
        ("alter table api.things owner to rowhouse_app", "take its row-level security off"),
    ] {
        let database = table(fault).await;
        // No attempt to read shows any of these, and the last is not one of writing rows.
        breaks(&prove(&database, &["--write"]), "api.things", attempt);
        assert_eq!(database.count("select count(*) from api.things").await, 2, "{attempt}");
    }
}

#[tokio::test]
async fn a_foreign_key_across_tenants_is_broken() {
    let database = table(&format!(
        "create unique index on api.things (id);
         create table api.parts (
             id uuid primary key default gen_random_uuid(),
             tenant_id uuid not null,
             thing_id uuid references api.things (id)
         );
         alter table api.parts enable row level security;
         create policy by_tenant on api.parts to rowhouse_app using (tenant_id = (select tenancy.current_tenant_id()));
         grant select, insert, update on api.parts to rowhouse_app;
         insert into api.parts (tenant_id, thing_id) select tenant_id, id from api.things
             where tenant_id in ('{PAWNEE}', '{DUNDER}')"
    ))
    .await;
    let report = prove(&database, &["--write"]);
    breaks(&report, "api.parts (parts_thing_id_fkey)", "refer to another's row");
    assert_eq!(ended(&report.1, "broken").len(), 1);
}

#[tokio::test]
async fn an_upsert_onto_another_s_row_is_broken() {
    let database = table(
        "alter table api.things drop constraint things_pkey;
         alter table api.things add primary key (id);
         create policy overwrite on api.things for update to rowhouse_app using (true) with check (true);
         create policy look on api.things for select to rowhouse_app using (true)",
    )
    .await;
    breaks(&prove(&database, &["--write"]), "api.things", "upsert onto another's row");
}

#[tokio::test]
async fn nothing_to_see_is_no_proof() {
    let database = table("delete from api.things").await;
    let (code, report) = prove(&database, &[]);
    assert_eq!((code, report["verdict"].as_str()), (Some(2), Some("unproven")));
    let vacuous = ended(&report, "vacuous");
    assert_eq!(
        vacuous,
        [
            ("api.things".to_owned(), "read any row".to_owned()),
            ("api.things".to_owned(), "read rows of others".to_owned()),
        ]
    );
    // Without tenants nothing has a control.
    let run = run(&["prove"], &[("database_url", &database.app_url())]);
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.out.contains("NOT PROVEN") && run.err.contains("--tenant"), "{run:?}");
}

#[tokio::test]
async fn what_cannot_be_read_in_time_is_not_proven() {
    let database = table(
        "create policy slow on api.things as restrictive for select to rowhouse_app
             using (pg_sleep(60) is not null)",
    )
    .await;
    let (code, report) = prove(&database, &["--timeout-ms", "300"]);
    assert_eq!(code, Some(2), "{report:#}");
    let unproven = ended(&report, "unproven");
    assert!(unproven.iter().all(|(object, _)| object == "api.things") && !unproven.is_empty(), "{report:#}");
}

#[tokio::test]
async fn other_roles_of_requests_are_tried_too() {
    let database = table(
        "create policy anonymous on api.things for select to rowhouse_anonymous using (true);
         grant usage on schema api to rowhouse_anonymous; grant select on api.things to rowhouse_anonymous",
    )
    .await;
    assert_eq!(prove(&database, &[]).0, Some(0));
    let report = prove(&database, &["--set", "anonymous_role=rowhouse_anonymous"]);
    breaks(&report, "api.things", "read any row");
    let attempts = report.1["attempts"].as_array().unwrap();
    let broken = attempts.iter().filter(|attempt| attempt["outcome"] == "broken");
    assert!(broken.clone().count() > 0 && broken.clone().all(|one| one["role"] == "rowhouse_anonymous"));
}

#[tokio::test]
async fn a_check_that_could_not_check_exits_with_2_and_a_wrong_call_with_3() {
    let nowhere = [("database_url", "postgres://rowhouse_app@127.0.0.1:1/nowhere")];
    let run_ = run(&["prove"], &nowhere);
    assert_eq!(run_.code, Some(2), "{run_:?}");
    assert!(run_.err.contains("isolation is not proven"), "{run_:?}");
    assert_eq!(run(&["prove", "--format", "xml"], &[]).code, Some(3));
    assert_eq!(run(&["prove", "--set", "pool_size=0"], &[]).code, Some(3));
    let twice = ["prove", "--tenant", &PAWNEE.to_string(), "--tenant", &PAWNEE.to_string()];
    assert_eq!(run(&twice, &nowhere).code, Some(3));
}

#[tokio::test]
async fn the_report_for_people_shows_the_statements_of_what_broke() {
    let database = table("create policy open on api.things for select to rowhouse_app using (true)").await;
    let (pawnee, dunder) = (PAWNEE.to_string(), DUNDER.to_string());
    let run =
        run(&["prove", "--tenant", &pawnee, "--tenant", &dunder], &[("database_url", &database.app_url())]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.out.contains("api.things (as rowhouse_app)\n  BROKEN    read any row, as"), "{}", run.out);
    assert!(run.out.contains("select exists (select from \"api\".\"things\") as row_seen;\n"), "{}", run.out);
    assert!(run.out.contains("ISOLATION IS BROKEN"), "{}", run.out);
}
