//! The row encoder against Postgres' own `to_json`: over HTTP, the raw text of each member compared.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::value::RawValue;
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;

use crate::support::{Database, PAWNEE, Server, ServerOptions, Token};

const CASES: u32 = 80;
const ROWS: usize = 80;

/// Types that have no name of their own in Postgres.
const TYPES: &str = r#"
    create type api.mood as enum ('sad', 'ok', 'it''s "fine"\');
    create type api.pair as (number int4, label text, at timestamptz);
    create domain api.count as int4 check (value <> 13);
    create domain api.label as text check (value <> 'forbidden');"#;

/// A column: its type, how it is made of the text `x`, and texts.
struct Column {
    type_name: &'static str,
    expression: &'static str,
    texts: BoxedStrategy<String>,
}

fn column(
    type_name: &'static str,
    expression: &'static str,
    texts: impl Strategy<Value = String> + 'static,
) -> Column {
    Column { type_name, expression, texts: texts.boxed() }
}

const DAY: &str = "case when x ~ 'inf' then x::date else date '2000-01-01' + x::int4 end";
const STAMP: &str = "case when x ~ 'inf' then x::timestamp else \
    (date '2000-01-01' + split_part(x, ' ', 1)::int4) + (split_part(x, ' ', 2) || ' microseconds')::interval end";
const STAMP_TZ: &str = "case when x ~ 'inf' then x::timestamptz else \
    ((date '2000-01-01' + split_part(x, ' ', 1)::int4) + (split_part(x, ' ', 2) || ' microseconds')::interval) \
    at time zone 'UTC' end";

fn columns() -> Vec<Column> {
    vec![
        column("bool", "x::bool", any::<bool>().prop_map(|value| value.to_string())),
        column("int2", "x::int2", extremes(any::<i16>(), &[i16::MIN, 0, -1, i16::MAX])),
        column("int4", "x::int4", extremes(any::<i32>(), &[i32::MIN, 0, -1, i32::MAX])),
        column("int8", "x::int8", extremes(any::<i64>(), &[i64::MIN, 0, -1, i64::MAX])),
        column("float4", "x::float4", float4()),
        column("float8", "x::float8", float8()),
        column("numeric", "x::numeric", numeric()),
        column(
            "numeric(20, 6)",
            "x::numeric",
            (any::<i32>(), 0..1_000_000).prop_map(|(whole, part)| format!("{whole}.{part:06}")),
        ),
        column("text", "x", text(40)),
        column("varchar(40)", "x", text(40)),
        column("char(12)", "x", text(12)),
        column("name", "x::name", text(12)),
        column("uuid", "x::uuid", extremes(any::<u128>(), &[0, u128::MAX]).prop_map(|number| uuid(&number))),
        column("json", "x::json", json()),
        column("jsonb", "x::jsonb", json()),
        // 4713 BC to the year 5874897.
        column(
            "date",
            DAY,
            prop_oneof![
                extremes(-2_451_507..=2_145_031_948, &[-2_451_507, 2_145_031_948, -730_119, -730_120, 0, 59]),
                extremes(-40_000..40_000, &[0]),
                infinities(),
            ],
        ),
        column("time", "x::time", prop_oneof![time(), Just("24:00:00".to_owned())]),
        // 4713 BC to the year 294276.
        column("timestamp", STAMP, prop_oneof![stamp(), infinities()]),
        column("timestamptz", STAMP_TZ, prop_oneof![stamp(), infinities()]),
        column(
            "interval",
            "x::interval",
            (-200_000..200_000, any::<i16>(), -(1_i64 << 45)..(1_i64 << 45))
                .prop_map(|(months, days, us)| format!("{months} months {days} days {us} microseconds")),
        ),
        column(
            "bytea",
            "x::bytea",
            vec(any::<u8>(), 0..20).prop_map(|bytes| {
                bytes.iter().fold("\\x".to_owned(), |text, byte| format!("{text}{byte:02x}"))
            }),
        ),
        column(
            "int4[]",
            "x::int4[]",
            vec(option::of(any::<i32>()), 0..5).prop_map(|elements| {
                let elements: Vec<_> =
                    elements.iter().map(|one| one.map_or("NULL".to_owned(), |one| one.to_string())).collect();
                format!("{{{}}}", elements.join(","))
            }),
        ),
        column("text[]", "array[x, null, upper(x)]", text(12)),
        column("timestamptz[]", "array[x::timestamptz, null]", infinities()),
        column(
            "api.mood",
            "x::api.mood",
            select(vec!["sad", "ok", "it's \"fine\"\\"]).prop_map(str::to_owned),
        ),
        column("api.pair", "row(length(x), x, '2000-01-01')::api.pair", text(12)),
        column("int8range", "int8range(least(length(x), 7), greatest(length(x), 7))", text(12)),
        column("timetz", "x::timetz", time().prop_map(|time| format!("{time}+05:30"))),
        column(
            "inet",
            "x::inet",
            any::<[u8; 4]>().prop_map(|[a, b, c, d]| format!("{a}.{b}.{c}.{d}/{}", a % 33)),
        ),
        column("api.count", "x::int4", extremes(14..i32::MAX, &[i32::MIN, 0, i32::MAX])),
        column("api.label", "x", text(12)),
        column("xml", "xmlcomment(translate(x, '-', ''))", "[a-z &<é]{0,12}"),
        column("bit varying", "x::varbit", "[01]{0,12}"),
    ]
}

fn extremes<T>(values: impl Strategy<Value = T> + 'static, extremes: &[T]) -> BoxedStrategy<String>
where
    T: std::fmt::Debug + Clone + ToString + 'static,
{
    prop_oneof![3 => values, 1 => select(extremes.to_vec())].prop_map(|value| value.to_string()).boxed()
}

fn infinities() -> BoxedStrategy<String> {
    select(vec!["infinity".to_owned(), "-infinity".to_owned()]).boxed()
}

fn specials() -> BoxedStrategy<String> {
    select(vec!["NaN", "Infinity", "-Infinity", "0", "-0"]).prop_map(str::to_owned).boxed()
}

fn float4() -> impl Strategy<Value = String> {
    let edges =
        [f32::MIN, f32::MAX, f32::MIN_POSITIVE, f32::from_bits(1), f32::EPSILON, 1e15, 1e-5, 0.1, 123_456.0];
    let finite = any::<u32>().prop_map(f32::from_bits).prop_filter("finite", |value| value.is_finite());
    prop_oneof![
        4 => finite.prop_map(|value| format!("{value:e}")),
        1 => select(edges.to_vec()).prop_map(|value| format!("{value:e}")),
        1 => specials(),
    ]
}

fn float8() -> impl Strategy<Value = String> {
    let edges =
        [f64::MIN, f64::MAX, f64::MIN_POSITIVE, f64::from_bits(1), f64::EPSILON, 1e15, 1e16, 1e-5, 0.1, 1e23];
    let finite = any::<u64>().prop_map(f64::from_bits).prop_filter("finite", |value| value.is_finite());
    prop_oneof![
        3 => finite.prop_map(|value| format!("{value:e}")),
        2 => any::<i32>().prop_map(|value| format!("{}", f64::from(value) / 1000.0)),
        1 => select(edges.to_vec()).prop_map(|value| format!("{value:e}")),
        1 => specials(),
    ]
}

fn numeric() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "-?[0-9]{1,40}(\\.[0-9]{1,20})?",
        1 => "-?[1-9]e-?[1-9][0-9]",
        1 => specials(),
        1 => select(vec!["0.000", "-0.10", "1e500", "-1e-300"]).prop_map(str::to_owned),
    ]
}

/// Any text that Postgres stores, with much of what needs escaping, or seems to.
fn text(characters_max: usize) -> BoxedStrategy<String> {
    let odd = "\"\\/\u{1}\u{8}\t\n\u{b}\u{c}\r\u{1f} \u{7f}\u{80}\u{a0}é\u{2028}\u{2029}\u{fffd}\u{ffff}😀\u{10ffff}'{},";
    let character = prop_oneof![
        any::<char>().prop_filter("no NUL", |character| *character != '\0'),
        select(odd.chars().collect::<Vec<_>>()),
    ];
    vec(character, 0..=characters_max).prop_map(|characters| characters.into_iter().collect()).boxed()
}

fn uuid(number: &str) -> String {
    uuid::Uuid::from_u128(number.parse().unwrap()).to_string()
}

/// JSON with white space and numbers as nobody would write them: json keeps them.
fn json() -> impl Strategy<Value = String> {
    let quoted = |text: String| serde_json::to_string(&text).unwrap();
    let leaf = prop_oneof![
        select(vec!["null", "true", "false", "1.00", "-0", "1E5", "0.1e-7", "\"\\u00e9\\/\"", "{}", "[ ]"])
            .prop_map(str::to_owned),
        any::<i64>().prop_map(|number| number.to_string()),
        text(12).prop_map(quoted),
    ];
    leaf.prop_recursive(3, 12, 4, move |inner| {
        let members = vec((text(6), inner.clone()), 0..4).prop_map(move |members| {
            let members: Vec<_> =
                members.into_iter().map(|(name, value)| format!("{} :\t{value}", quoted(name))).collect();
            format!("{{ {} }}", members.join(",\n"))
        });
        prop_oneof![vec(inner, 0..4).prop_map(|elements| format!("[{}]", elements.join(" , "))), members]
    })
}

fn time() -> impl Strategy<Value = String> {
    (0..86_400_u32, fraction())
        .prop_map(|(s, us)| format!("{:02}:{:02}:{:02}.{us:06}", s / 3600, s / 60 % 60, s % 60))
}

/// Microseconds with any number of digits that matter.
fn fraction() -> impl Strategy<Value = u32> {
    (0..1_000_000_u32, 0..=6_u32).prop_map(|(us, digits)| us - us % 10_u32.pow(6 - digits))
}

/// Days from 2000-01-01, and microseconds of the day.
fn stamp() -> impl Strategy<Value = String> {
    let days = prop_oneof![
        -2_451_507..=106_751_982_i32,
        -40_000..40_000_i32,
        select(vec![-2_451_507, -730_120, -730_119, 0, 59, 106_751_982]),
    ];
    (days, 0..86_400_u64, fraction())
        .prop_map(|(days, s, us)| format!("{days} {}", s * 1_000_000 + u64::from(us)))
}

#[test]
fn every_value_is_written_as_to_json_writes_it_and_every_row_as_postgres_writes_rows() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let columns = columns();
    let (database, server, superuser) = runtime.block_on(arrange(&columns));

    let row: Vec<_> = columns.iter().map(|column| option::weighted(0.95, column.texts.clone())).collect();
    let config =
        Config { cases: CASES, failure_persistence: None, max_shrink_iters: 300, ..Config::default() };
    let outcome = TestRunner::new(config)
        .run(&vec(row, 1..ROWS), |rows| runtime.block_on(check(&columns, &rows, &server, &superuser)));
    runtime.block_on(async {
        drop(superuser);
        drop(server);
        drop(database);
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

async fn arrange(columns: &[Column]) -> (Database, Server, Client) {
    let database = Database::demo().await;
    let list: Vec<_> =
        columns.iter().enumerate().map(|(index, column)| format!("c{index} {}", column.type_name)).collect();
    database
        .as_owner(&format!(
            "{TYPES}
            create table api.encoded (tenant_id uuid not null, n int4 not null, {});
            alter table api.encoded enable row level security;
            alter table api.encoded force row level security;
            create policy select_tenant on api.encoded for select to rowhouse_app
                using (tenant_id = (select tenancy.current_tenant_id()));
            grant select on api.encoded to rowhouse_app;
            select tenancy.declare('api.encoded', 'tenant', 'A test.');",
            list.join(", ")
        ))
        .await;
    let server = Server::with(&database, ServerOptions::default().set("stream_bytes_min", 65_536)).await;
    let superuser = database.superuser().await;
    superuser.batch_execute("set timezone = 'UTC'").await.unwrap();
    (database, server, superuser)
}

/// Stores `rows`, and compares what the service says of them with what Postgres says.
async fn check(
    columns: &[Column],
    rows: &[Vec<Option<String>>],
    server: &Server,
    superuser: &Client,
) -> Result<(), TestCaseError> {
    let mut params: Vec<Vec<Option<&str>>> = vec![Vec::new(); columns.len()];
    for row in rows {
        for (column, value) in params.iter_mut().zip(row) {
            column.push(value.as_deref());
        }
    }
    let names: Vec<_> = (0..columns.len()).map(|index| format!("c{index}")).collect();
    let arrays: Vec<_> = (1..=columns.len()).map(|number| format!("${number}::text[]")).collect();
    let made: Vec<_> = columns
        .iter()
        .zip(&names)
        .map(|(column, name)| {
            format!("(select {} from (select t.{name} as x) as t where x is not null)", column.expression)
        })
        .collect();
    let insert = format!(
        "insert into api.encoded select '{PAWNEE}', n, {} from unnest({}) with ordinality as t ({}, n)",
        made.join(", "),
        arrays.join(", "),
        names.join(", ")
    );
    let binds: Vec<&(dyn ToSql + Sync)> = params.iter().map(|param| param as &(dyn ToSql + Sync)).collect();
    superuser.batch_execute("truncate api.encoded").await.unwrap();
    superuser.execute(&insert, &binds).await.unwrap_or_else(|error| panic!("{error:?}"));

    let expected: Vec<_> =
        names.iter().map(|name| format!("coalesce(to_json({name})::text, 'null')")).collect();
    let expected = superuser
        .query(&format!("select {} from api.encoded order by n", expected.join(", ")), &[])
        .await
        .unwrap();
    as_records(&names, server, superuser).await?;
    without_nulls(&names, server, superuser).await?;
    one_line_each(rows.len(), server).await?;
    let answer = server.get("/encoded?order=n", &Token::leslie()).send().await;
    prop_assert_eq!(answer.status, 200, "{}", answer.text);
    let answered: Vec<BTreeMap<String, Box<RawValue>>> = serde_json::from_str(&answer.text)
        .map_err(|error| TestCaseError::fail(format!("no JSON, {error}: {}", answer.text)))?;
    prop_assert_eq!(answered.len(), rows.len());
    for ((answered, expected), row) in answered.iter().zip(&expected).zip(rows) {
        for (index, name) in names.iter().enumerate() {
            let (ours, theirs) = (answered[name].get(), expected.get::<_, String>(index));
            // White space around a json value is not the value's.
            let (type_name, made_of) = (columns[index].type_name, &row[index]);
            prop_assert_eq!(ours, theirs.trim(), "{} of {:?}", type_name, made_of);
        }
    }
    Ok(())
}

/// Compares the CSV with the rows as Postgres itself makes text of them.
async fn as_records(names: &[String], server: &Server, superuser: &Client) -> Result<(), TestCaseError> {
    let expected = superuser
        .query_one(
            &format!(
                "select string_agg(substring(r::text, 2, length(r::text) - 2), e'\\n' order by n) \
                 from (select row({}) as r, n from api.encoded) as t",
                names.join(", ")
            ),
            &[],
        )
        .await
        .unwrap();
    let path = format!("/encoded?order=n&select={}", names.join(","));
    let answer = server.get(&path, &Token::leslie()).header("accept", "text/csv").send().await;
    prop_assert_eq!(answer.status, 200, "{}", answer.text);
    let expected = format!("{}\n{}", names.join(","), expected.get::<_, String>(0));
    prop_assert_eq!(answer.text, expected);
    Ok(())
}

/// Compares an answer without nulls with what `json_strip_nulls` makes of each row.
async fn without_nulls(names: &[String], server: &Server, superuser: &Client) -> Result<(), TestCaseError> {
    let expected = superuser
        .query_one(
            &format!(
                "select string_agg(json_strip_nulls(row_to_json(r))::text, e'\\n' order by r.n) \
                 from (select n, {} from api.encoded) as r",
                names.join(", ")
            ),
            &[],
        )
        .await
        .unwrap();
    let path = format!("/encoded?order=n&select=n,{}", names.join(","));
    let accept = "application/vnd.pgrst.array+json;nulls=stripped";
    let answer = server.get(&path, &Token::leslie()).header("accept", accept).send().await;
    prop_assert_eq!(answer.status, 200, "{}", answer.text);
    let rows: Vec<Box<RawValue>> = serde_json::from_str(&answer.text)
        .map_err(|error| TestCaseError::fail(format!("no JSON, {error}: {}", answer.text)))?;
    let answered: Vec<_> = rows.iter().map(|row| row.get()).collect();
    prop_assert_eq!(answered.join("\n"), expected.get::<_, String>(0));
    Ok(())
}

/// Reads an answer of lines: whatever the values hold, a row is one line, and the same as in an array.
async fn one_line_each(rows: usize, server: &Server) -> Result<(), TestCaseError> {
    let request = server.get("/encoded?order=n", &Token::leslie());
    let answer = request.header("accept", "application/x-ndjson").send().await;
    prop_assert_eq!(answer.status, 200, "{}", answer.text);
    let lines: Vec<_> = answer.text.split_terminator('\n').collect();
    prop_assert_eq!(lines.len(), rows);
    let array = server.get("/encoded?order=n", &Token::leslie()).send().await;
    prop_assert_eq!(format!("[{}]", lines.join(",")), array.text.replace(['\n', '\r'], " "));
    Ok(())
}
