//! The judges of policies against the truth: what the request role really sees.
//!
//! Each expression is the only policy of a table of its own. It is judged from its node tree (`audit::audit`) and from its text
//! (`audit::statement`), and it is tried: in every state of the request, as every tenant, with every other setting as an
//! attacker would have it. What a judge calls sound never shows a row of another tenant, or of any without one; what
//! is written down here as open does.

use std::collections::BTreeMap;
use std::fmt::Write;

use rowhouse::audit::{self, Contract, Slot};
use serde_json::json;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::support::TestCluster;

const SETTING: &str = "app.current_tenant_id";

/// What is known of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// It shows a tenant its own rows, and nothing else.
    Sound,
    /// The same; but only its tree tells: its text is refused, or unproven.
    Exact,
    /// It never shows anything.
    Silent,
    /// It shows rows of others, and is refused.
    Open,
    /// It is refused, though it shows nothing in these tables.
    Refused,
    /// Nobody has proven it.
    Unproven,
}

use Known::{Exact, Open, Refused, Silent, Sound, Unproven};

/// A table of expressions over one type of tenants.
struct Family {
    /// Of the database and the role.
    name: &'static str,
    /// As the contract has it.
    setting_type: &'static str,
    /// What the tenant column is, and its name.
    columns: &'static [Column],
    /// Before the tables.
    setup: &'static str,
    /// What the setting is, and the tenant that it names, as text; null is none.
    requests: &'static [(&'static str, Option<&'static str>)],
    /// Tenants with rows.
    tenants: &'static [&'static str],
    /// By the column's key, as (judgement, expression). `$T` is the tenant as text or null, `$R` the bare setting.
    expressions: &'static [(&'static str, Known, &'static str)],
}

/// A tenant column.
struct Column {
    key: &'static str,
    name: &'static str,
    declared: &'static str,
}

const A: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const B: &str = "bbbbbbbb-0000-4000-8000-000000000002";

const UUIDS: Family = Family {
    name: "judge_uuid",
    setting_type: "uuid",
    columns: &[
        Column { key: "plain", name: "tenant_id", declared: "uuid not null" },
        Column { key: "null", name: "tenant_id", declared: "uuid" },
        Column { key: "domain", name: "tenant_id", declared: "api.tenant_key not null" },
        Column { key: "text", name: "tenant_id", declared: "text not null" },
        Column { key: "short", name: "tenant_id", declared: "varchar(36) not null" },
        Column { key: "odd", name: "tenant = \"{t}\" or true", declared: "uuid not null" },
        Column { key: "select", name: "select", declared: "uuid not null" },
    ],
    setup: "
        create domain api.uuid_key as uuid;
        create domain api.tenant_key as api.uuid_key;
        create function api.current_tenant() returns uuid language sql stable
        as $$select nullif(current_setting('app.current_tenant_id', true), '')::uuid$$;
        create function api.yes(uuid, uuid) returns boolean language sql stable return true;
        create operator api.= (leftarg = uuid, rightarg = uuid, function = api.yes);
        create function api.may_see(uuid) returns boolean language sql stable return true;
        create function api.is_odd(int) returns boolean language sql stable return $1 % 2 = 1;
        create table api.members (tenant_id uuid not null, user_id text not null, item int not null);
        alter table api.members enable row level security;
        alter table api.members force row level security;
        create policy tenant on api.members using (tenant_id = nullif(current_setting('app.current_tenant_id', true), '')::uuid);
        insert into api.members
        select t, 'u', n from unnest(array['aaaaaaaa-0000-4000-8000-000000000001', 'bbbbbbbb-0000-4000-8000-000000000002']::uuid[]) as t
        cross join generate_series(1, 2) as n;
        create table api.everyone (tenant_id uuid not null, user_id text not null, item int not null);
        alter table api.everyone enable row level security;
        create policy everything on api.everyone using (true);
        insert into api.everyone table api.members;
        grant select on api.members, api.everyone to $app;
        ",
    requests: &[
        (A, Some(A)),
        (B, Some(B)),
        ("AAAAAAAA-0000-4000-8000-000000000001", Some(A)),
        ("99999999-0000-4000-8000-000000000009", None),
        ("00000000-0000-0000-0000-000000000000", None),
    ],
    tenants: &[A, B],
    expressions: &[
        // As it should be.
        ("plain", Sound, "tenant_id = $T::uuid"),
        ("plain", Sound, "$T::uuid = tenant_id"),
        ("plain", Sound, "tenant_id = (select $T::uuid)"),
        ("plain", Sound, "tenant_id = (select $T)::uuid"),
        ("plain", Sound, "tenant_id = $R::uuid"),
        ("plain", Sound, "tenant_id = (current_setting('app.current_tenant_id'))::uuid"),
        ("plain", Sound, "tenant_id::text = $R"),
        ("plain", Sound, "tenant_id::text = $T"),
        ("plain", Sound, "tenant_id::varchar = $R"),
        ("plain", Sound, "tenant_id::text = $T::uuid::text"),
        ("plain", Sound, "tenant_id = api.current_tenant()"),
        ("plain", Sound, "tenant_id = (select api.current_tenant())"),
        ("plain", Sound, "tenant_id = (select api.current_tenant() as tenant)"),
        ("plain", Sound, "tenant_id = $T::api.tenant_key"),
        ("plain", Sound, "tenant_id in ($T::uuid)"),
        ("plain", Sound, "tenant_id = any (array[$T::uuid])"),
        ("plain", Sound, "tenant_id = any (array[$T]::uuid[])"),
        ("plain", Sound, "tenant_id in ($T::uuid, api.current_tenant())"),
        ("plain", Sound, "tenant_id = all (array[$T::uuid, $R::uuid])"),
        ("plain", Exact, "tenant_id = any (array(select $T::uuid))"),
        ("plain", Sound, "tenant_id in (select $T::uuid)"),
        ("plain", Sound, "(tenant_id, id) = ($T::uuid, 1)"),
        ("plain", Sound, "(tenant_id, id) in (($T::uuid, 1), ($T::uuid, 2))"),
        ("plain", Sound, "current_setting('APP.Current_Tenant_ID', true) = tenant_id::text"),
        ("plain", Exact, "tenant_id::text = coalesce($R, '')"),
        ("plain", Sound, "tenant_id = coalesce($T::uuid, null)"),
        ("plain", Sound, "tenant_id = coalesce($T::uuid, api.current_tenant())"),
        ("plain", Sound, "tenant_id = $T::uuid and published"),
        ("plain", Sound, "published and (tenant_id = $T::uuid and state <> 'z')"),
        ("plain", Sound, "tenant_id = $T::uuid and (published or state = 'x' or true)"),
        ("plain", Sound, "tenant_id = $T::uuid and tenant_id is not null"),
        ("plain", Sound, "$R is not null and tenant_id = $T::uuid"),
        ("plain", Sound, "$R <> '' and tenant_id = $T::uuid"),
        ("plain", Sound, "tenant_id = $T::uuid and api.is_odd(id)"),
        ("plain", Sound, "tenant_id = $T::uuid and current_setting('app.admin', true) = 'on'"),
        ("plain", Sound, "tenant_id = $T::uuid or false"),
        ("plain", Sound, "tenant_id = $T::uuid or null"),
        ("plain", Sound, "(tenant_id = $T::uuid and published) or (tenant_id = $T::uuid and id > 0)"),
        ("plain", Sound, "(tenant_id = $T::uuid or tenant_id = $T::uuid) and id > 0"),
        ("plain", Sound, "(tenant_id = $T::uuid) is true"),
        ("plain", Sound, "(tenant_id = $T::uuid) is not false and tenant_id = $T::uuid"),
        ("plain", Sound, "coalesce(tenant_id = $T::uuid, false)"),
        ("plain", Exact, "(tenant_id = $T::uuid) = true"),
        ("plain", Sound, "not (not (tenant_id = $T::uuid))"),
        ("plain", Sound, "not (tenant_id is distinct from $T::uuid) and $T is not null"),
        ("plain", Sound, "case when published then tenant_id = $T::uuid else false end"),
        ("plain", Sound, "case when tenant_id = $T::uuid then true else false end"),
        ("plain", Sound, "case when tenant_id = $T::uuid then true end"),
        ("plain", Sound, "case when $R is null then false else tenant_id = $T::uuid end"),
        ("plain", Sound, "case state when 'x' then tenant_id = $T::uuid else tenant_id = $R::uuid end"),
        ("plain", Sound, "(select tenant_id = $T::uuid)"),
        ("plain", Sound, "exists (select where tenant_id = $T::uuid)"),
        ("plain", Exact, "tenant_id = (case when $R = '' then null else $R end)::uuid"),
        ("null", Sound, "tenant_id = $T::uuid"),
        ("null", Exact, "tenant_id is not null and tenant_id is not distinct from $T::uuid"),
        ("plain", Sound, "tenant_id is not distinct from $T::uuid"),
        ("domain", Exact, "tenant_id = $T::uuid"),
        ("domain", Exact, "tenant_id = $T::api.tenant_key"),
        ("domain", Sound, "tenant_id::text = $R"),
        ("text", Sound, "tenant_id = $T::uuid::text"),
        ("text", Sound, "tenant_id = (select $T::uuid)::text"),
        ("text", Exact, "tenant_id = $R collate \"C\" and id > 0"),
        ("short", Sound, "tenant_id = $T::uuid::text"),
        ("short", Sound, "tenant_id = $T::uuid::varchar"),
        ("odd", Sound, "\"tenant = \"\"{t}\"\" or true\" = $T::uuid"),
        ("odd", Sound, "$table.\"tenant = \"\"{t}\"\" or true\" = (select $T::uuid)"),
        ("select", Sound, "\"select\" = $T::uuid"),
        ("select", Sound, "\"select\" = (select $T::uuid) and \"order = {Y}\" = ''"),
        // By another table, which shows a tenant its own rows.
        ("plain", Sound, "exists (select from api.members as m where m.tenant_id = $table.tenant_id)"),
        ("plain", Sound, "exists (select from api.members as m where m.tenant_id = $table.tenant_id and m.user_id = 'u')"),
        ("plain", Sound, "exists (select from api.members where members.tenant_id = $table.tenant_id and item = id)"),
        ("plain", Sound, "tenant_id in (select m.tenant_id from api.members as m)"),
        ("plain", Sound, "tenant_id in (select m.tenant_id from api.members as m where m.user_id = 'u')"),
        ("plain", Sound, "tenant_id = any (array(select m.tenant_id from api.members as m))"),
        ("plain", Sound, "tenant_id = (select m.tenant_id from api.members as m limit 1)"),
        ("plain", Sound, "(tenant_id, id) in (select m.tenant_id, m.item from api.members as m)"),
        ("plain", Sound, "id in (select m.item from api.members as m where m.tenant_id = $table.tenant_id)"),
        (
            "plain",
            Sound,
            "exists (select from api.members as m inner join api.members as n on n.item = m.item where n.tenant_id = $table.tenant_id)",
        ),
        ("plain", Unproven, "exists (select from api.everyone as e where e.tenant_id = $table.tenant_id and e.tenant_id = $T::uuid)"),
        ("plain", Sound, "exists (select from api.everyone where $table.tenant_id = $T::uuid)"),
        // Nothing at all.
        ("plain", Silent, "false"),
        ("plain", Silent, "null"),
        ("plain", Silent, "false and published"),
        ("plain", Silent, "tenant_id = (select $T::uuid where false)"),
        ("plain", Silent, "$T::uuid is null and tenant_id = $T::uuid"),
        // Open.
        ("plain", Open, "true"),
        ("plain", Open, "true or tenant_id = $T::uuid"),
        ("plain", Open, "not false"),
        ("plain", Open, "1 = 1"),
        ("plain", Open, "published"),
        ("plain", Open, "state = 'x'"),
        ("plain", Open, "tenant_id is not null"),
        ("plain", Open, "tenant_id = tenant_id"),
        ("plain", Open, "tenant_id <> $T::uuid"),
        ("plain", Open, "not (tenant_id = $T::uuid)"),
        ("plain", Open, "tenant_id is distinct from $T::uuid"),
        ("plain", Open, "tenant_id >= $T::uuid"),
        ("plain", Open, "tenant_id != all (array[$T::uuid])"),
        ("plain", Open, "not (tenant_id = any (array[$T::uuid]))"),
        ("plain", Open, "tenant_id::text like $R || '%'"),
        ("plain", Open, "tenant_id::text ~ $R"),
        ("plain", Open, "tenant_id::text ^@ $R"),
        ("plain", Open, "left(tenant_id::text, 0) = left($R, 0)"),
        ("plain", Open, "starts_with(tenant_id::text, $R)"),
        ("plain", Open, "tenant_id::char(1) = $R::char(1) or starts_with(tenant_id::text, left($R, 1))"),
        ("plain", Open, "$R = '' or tenant_id = $T::uuid"),
        ("plain", Open, "$R is null or tenant_id = $T::uuid"),
        ("plain", Open, "tenant_id = coalesce($T::uuid, tenant_id)"),
        ("plain", Open, "coalesce(tenant_id = $T::uuid, true)"),
        ("plain", Open, "(tenant_id = $T::uuid) is not false"),
        ("plain", Open, "(tenant_id = $T::uuid) is unknown"),
        ("plain", Open, "(tenant_id = $T::uuid) is not true"),
        ("plain", Open, "(tenant_id = $T::uuid) = false"),
        ("plain", Open, "(tenant_id = $T::uuid) is null"),
        ("plain", Open, "(tenant_id = $T::uuid) is not null"),
        ("plain", Open, "tenant_id = $T::uuid or published"),
        ("plain", Open, "tenant_id = $T::uuid or current_setting('app.admin', true) = 'on'"),
        ("plain", Open, "current_setting('app.admin', true) = 'on'"),
        ("plain", Open, "tenant_id = current_setting('app.tenant_id', true)::uuid"),
        ("plain", Open, "tenant_id::text in ($R, current_setting('app.tenant_id', true))"),
        ("plain", Refused, "tenant_id in ($T::uuid, billing_tenant_id)"),
        ("plain", Open, "billing_tenant_id = $T::uuid"),
        ("plain", Open, "(billing_tenant_id, id) = ($T::uuid, 1)"),
        ("plain", Open, "$T is not null"),
        ("plain", Open, "$T::uuid = (select $T::uuid)"),
        ("plain", Open, "written_by = current_user"),
        ("plain", Open, "case when published then true else tenant_id = $T::uuid end"),
        ("plain", Open, "case when tenant_id = $T::uuid then true else published end"),
        ("plain", Open, "case when tenant_id = $T::uuid then false else true end"),
        ("plain", Open, "case when $R = '' then true else tenant_id = $T::uuid end"),
        ("plain", Open, "case state when 'x' then tenant_id = $T::uuid else true end"),
        ("plain", Open, "tenant_id = (case when published then billing_tenant_id else tenant_id end)"),
        ("plain", Open, "exists (select from api.everyone where tenant_id = $T::uuid)"),
        ("plain", Open, "exists (select from api.members where tenant_id = tenant_id)"),
        ("plain", Open, "exists (select from api.members as m where m.item = id)"),
        ("plain", Open, "exists (select from api.everyone as e where e.tenant_id = $table.tenant_id)"),
        ("plain", Open, "tenant_id in (select e.tenant_id from api.everyone as e)"),
        ("plain", Open, "tenant_id not in (select m.tenant_id from api.members as m)"),
        ("plain", Open, "not exists (select from api.members as m where m.tenant_id = $table.tenant_id)"),
        ("plain", Open, "tenant_id in (select m.tenant_id from api.members as m union select e.tenant_id from api.everyone as e)"),
        ("plain", Open, "tenant_id <> all (select m.tenant_id from api.members as m)"),
        ("plain", Open, "tenant_id = all (select m.tenant_id from api.members as m where m.user_id = 'nobody')"),
        ("plain", Open, "exists (select count(*) from api.members as m where m.tenant_id = $table.tenant_id)"),
        (
            "plain",
            Open,
            "exists (select from api.everyone as e left join api.members as m on m.tenant_id = $table.tenant_id)",
        ),
        (
            "plain",
            Open,
            "set_config('app.current_tenant_id', tenant_id::text, true) is not null and tenant_id = $T::uuid",
        ),
        ("null", Open, "tenant_id is null or tenant_id = $T::uuid"),
        ("null", Open, "tenant_id is not distinct from $T::uuid"),
        ("null", Open, "not (tenant_id is distinct from $T::uuid)"),
        ("null", Open, "coalesce(tenant_id, $T::uuid) = $T::uuid"),
        ("domain", Open, "tenant_id = $T::uuid or published"),
        ("odd", Open, "\"tenant = \"\"{t}\"\" or true\" is not null"),
        ("odd", Open, "state = '{Y}' or published"),
        ("select", Open, "\"select\" = \"select\""),
        ("select", Open, "\"order = {Y}\" = ''"),
        ("select", Open, "\"order = {Y}\" = '' and state <> '(tenant_id = current_setting(''app.current_tenant_id''::text))'"),
        // What nobody has proven.
        ("plain", Unproven, "tenant_id = $T::uuid or api.may_see(tenant_id)"),
        ("plain", Open, "api.may_see(tenant_id)"),
        ("plain", Unproven, "md5(tenant_id::text) = md5($R)"),
        ("plain", Unproven, "uuid_eq(tenant_id, api.current_tenant()) and api.is_odd(1)"),
        ("text", Unproven, "lower(tenant_id) = lower($R)"),
        // By another operator, and by a cast of the column.
        ("plain", Sound, "tenant_id between $T::uuid and $T::uuid"),
        ("plain", Open, "tenant_id operator(api.=) $T::uuid"),
        ("text", Refused, "tenant_id::uuid = $T::uuid"),
    ],
};

const TEXTS: Family = Family {
    name: "judge_text",
    setting_type: "text",
    columns: &[
        Column { key: "text", name: "tenant_id", declared: "text not null" },
        Column { key: "varchar", name: "tenant_id", declared: "varchar(20) not null" },
        Column { key: "char", name: "tenant_id", declared: "char(8) not null" },
        Column { key: "name", name: "tenant_id", declared: "name not null" },
        Column { key: "c", name: "tenant_id", declared: "text collate \"C\" not null" },
        Column { key: "domain", name: "tenant_id", declared: "api.label not null" },
    ],
    setup: "
        create domain api.label as text;
        create domain api.short as varchar(1);
        create function api.current_tenant() returns text language sql stable
        as $$select nullif(current_setting('app.current_tenant_id', true), '')$$;
        ",
    requests: &[
        ("a", Some("a")),
        ("A", Some("A")),
        ("ab", Some("ab")),
        ("1", Some("1")),
        ("01", Some("01")),
        ("nobody", None),
        ("%", None),
    ],
    tenants: &["a", "A", "ab", "1", "01"],
    expressions: &[
        ("text", Sound, "tenant_id = $T"),
        ("text", Sound, "tenant_id = $R"),
        ("text", Sound, "tenant_id = (select $R)"),
        ("text", Sound, "tenant_id = (select api.current_tenant())"),
        ("text", Sound, "tenant_id = $R::varchar"),
        ("text", Sound, "tenant_id = $T::api.label"),
        ("text", Sound, "tenant_id::varchar = $R"),
        ("text", Exact, "tenant_id = coalesce($R, '')"),
        ("text", Exact, "tenant_id = $R collate \"C\""),
        ("text", Exact, "tenant_id collate \"C\" = $R"),
        ("varchar", Sound, "tenant_id = $T"),
        ("varchar", Sound, "tenant_id = $R::varchar"),
        ("varchar", Sound, "(tenant_id)::text = (select $T)"),
        ("char", Sound, "tenant_id::text = $T"),
        ("char", Sound, "tenant_id = $T::bpchar"),
        ("name", Sound, "tenant_id = $T"),
        ("name", Sound, "tenant_id::text = $T"),
        ("c", Sound, "tenant_id = $T"),
        ("domain", Sound, "tenant_id = $T"),
        ("domain", Sound, "tenant_id = $T::api.label"),
        ("text", Open, "tenant_id = $T::varchar(1)"),
        ("text", Open, "tenant_id = $T::char(1)::text"),
        ("text", Open, "tenant_id = $T::api.short"),
        ("text", Open, "tenant_id::varchar(1) = $T::varchar(1)"),
        ("text", Open, "tenant_id = $T::int::text"),
        ("text", Open, "tenant_id = (($T::int)::text)::varchar"),
        ("text", Open, "tenant_id = upper($T)"),
        ("text", Open, "upper(tenant_id) = upper($T)"),
        ("text", Open, "tenant_id like $T || '%'"),
        ("text", Open, "tenant_id ~~* $T"),
        ("text", Open, "$T like tenant_id || '%'"),
        ("text", Open, "tenant_id = any (string_to_array($T || ',a', ','))"),
        ("text", Open, "position(tenant_id in $T) > 0"),
        ("text", Open, "tenant_id = coalesce($T, 'a')"),
        ("text", Open, "tenant_id = nullif($T, 'a') or tenant_id = 'a'"),
        ("text", Open, "tenant_id = concat($T, '') or tenant_id = 'a'"),
        ("text", Open, "tenant_id in ($T, 'a')"),
        ("text", Open, "tenant_id = $T or 'a' = tenant_id"),
        ("text", Open, "tenant_id = $T || 'b'"),
        ("varchar", Open, "tenant_id >= $T"),
        ("char", Open, "tenant_id < $T || 'zz'"),
        ("text", Refused, "tenant_id = $T::name"),
        ("text", Unproven, "tenant_id = trim($T)"),
    ],
};

const NUMBERS: Family = Family {
    name: "judge_number",
    setting_type: "bigint",
    columns: &[
        Column { key: "int", name: "tenant_id", declared: "int not null" },
        Column { key: "bigint", name: "tenant_id", declared: "bigint not null" },
        Column { key: "small", name: "tenant_id", declared: "smallint not null" },
        Column { key: "numeric", name: "tenant_id", declared: "numeric not null" },
        Column { key: "text", name: "tenant_id", declared: "text not null" },
        Column { key: "float", name: "tenant_id", declared: "float8 not null" },
    ],
    setup: "",
    requests: &[("1", Some("1")), ("2", Some("2")), ("9", None), ("1.4", None)],
    tenants: &["1", "2"],
    expressions: &[
        ("int", Sound, "tenant_id = $T::int"),
        ("int", Sound, "tenant_id = $T::bigint"),
        ("int", Sound, "tenant_id::bigint = $T::bigint"),
        ("int", Sound, "tenant_id = $T::smallint"),
        ("int", Sound, "tenant_id = $T::numeric"),
        ("int", Sound, "tenant_id::text = $R"),
        ("int", Sound, "tenant_id = $T::bigint::int"),
        ("bigint", Sound, "tenant_id = $T::bigint"),
        ("bigint", Sound, "tenant_id = $T::int"),
        ("bigint", Sound, "tenant_id = (select $T)::bigint"),
        ("small", Sound, "tenant_id = $T::int"),
        ("small", Sound, "tenant_id::int = $T::int"),
        ("numeric", Sound, "tenant_id = $T::numeric"),
        ("numeric", Sound, "tenant_id = $T::bigint"),
        ("text", Sound, "tenant_id = $T::bigint::text"),
        ("text", Sound, "tenant_id = $T"),
        ("float", Sound, "tenant_id = $T::float8"),
        ("int", Open, "tenant_id = $T::numeric::int"),
        ("int", Open, "tenant_id = ($T::numeric)::bigint"),
        ("int", Open, "tenant_id = round($T::numeric)"),
        ("int", Open, "tenant_id <= $T::int"),
        ("int", Open, "tenant_id % 1 = $T::int % 1"),
        ("int", Open, "tenant_id = $T::int or tenant_id = 1"),
        ("int", Open, "tenant_id = coalesce($T::int, 1)"),
        ("int", Open, "tenant_id + 1 = $T::int"),
        ("int", Sound, "tenant_id between $T::int and $T::int"),
    ],
};

#[tokio::test]
async fn policies_of_uuid_tenants_are_judged_as_they_are() {
    check(&UUIDS).await;
}

#[tokio::test]
async fn policies_of_text_tenants_are_judged_as_they_are() {
    check(&TEXTS).await;
}

#[tokio::test]
async fn policies_of_numbered_tenants_are_judged_as_they_are() {
    check(&NUMBERS).await;
}

#[test]
fn no_expression_stands_twice() {
    for family in [&UUIDS, &TEXTS, &NUMBERS] {
        let mut seen = BTreeMap::new();
        for (key, _, expression) in family.expressions {
            assert!(seen.insert((key, expression), ()).is_none(), "{}: {key}: {expression}", family.name);
            assert!(family.columns.iter().any(|column| column.key == *key), "{key}");
        }
    }
}

/// One expression, as a policy of a table of its own.
struct Case {
    relation: String,
    column: &'static Column,
    known: Known,
    expression: String,
}

impl Case {
    fn all(family: &Family) -> Vec<Case> {
        let cases = family.expressions.iter().enumerate().map(|(at, (key, known, expression))| {
            let relation = match *key {
                "odd" => format!("api.\"{{t}} = ' {at}\""),
                _ => format!("api.t{at}"),
            };
            let column = family.columns.iter().find(|column| column.key == *key).expect("a column");
            let expression = expression
                .replace("$table", relation.strip_prefix("api.").unwrap_or_default())
                .replace("$T", &format!("nullif(current_setting('{SETTING}', true), '')"))
                .replace("$R", &format!("current_setting('{SETTING}', true)"));
            Case { relation, column, known: *known, expression }
        });
        cases.collect()
    }

    fn column(&self) -> String {
        format!("\"{}\"", self.column.name.replace('"', "\"\""))
    }
}

async fn check(family: &'static Family) {
    let cluster = TestCluster::from_environment();
    let control = cluster.connect("postgres").await;
    let remove = format!("drop database if exists {} with (force)", family.name);
    let forget = format!("drop role if exists {0}_app", family.name);
    control.batch_execute(&remove).await.unwrap();
    control.batch_execute(&forget).await.unwrap();
    control.batch_execute(&format!("create database {} template template0", family.name)).await.unwrap();

    let cases = Case::all(family);
    let owner = cluster.connect(family.name).await;
    make(&owner, family, &cases).await;
    let contract = contract(family, &cases);
    let exact = verdicts(
        audit::audit(&owner, &contract)
            .await
            .expect("the audit runs")
            .into_iter()
            .map(|finding| (finding.code, finding.object)),
    );
    let statement = audit::statement(Slot::Literal(&contract));
    owner.batch_execute("set search_path = ''; set enable_nestloop = off; set jit = off").await.unwrap();
    let rows = owner.query(statement.as_str(), &[]).await.expect("the audit runs");
    let recognised = verdicts(rows.iter().map(|row| (row.get("code"), row.get("object"))));
    let url = cluster.url_as(&format!("{}_app", family.name), "app", family.name);
    let truths = truths(&url, family, &cases).await;
    let mut wrong = Vec::new();
    for (case, truth) in cases.iter().zip(truths) {
        let policy = format!("{}/tenant", case.relation);
        let (exact, recognised) = (exact.get(&policy), recognised.get(&policy));
        let (exact, recognised) = (verdict(exact), verdict(recognised));
        let mut say = |what: &str| {
            wrong.push(format!(
                "{what}: {} {}: {} (tree: {exact}, text: {recognised}, truth: {truth:?})",
                case.column.declared,
                case.known_as(),
                case.expression
            ));
        };
        if truth.leaks && (exact == "yes" || recognised == "yes") {
            say("LEAKS and is called sound");
        }
        if recognised == "yes" && exact != "yes" {
            say("sound by its text and not by its tree");
        }
        // What only the tree tells is written down as that.
        if recognised.starts_with("no") && exact == "yes" && case.known != Exact {
            say("refused by its text and sound by its tree");
        }
        if recognised == "yes" && case.known == Exact {
            say("sound by its text, too");
        }
        let (verdict, leaks, shows) = match case.known {
            Sound | Exact => ("yes", Some(false), Some(true)),
            Silent => ("yes", Some(false), Some(false)),
            Open => ("no", Some(true), None),
            Refused => ("no", Some(false), None),
            Unproven => ("unproven", None, None),
        };
        // What is open may as well be unproven, as long as it is not sound.
        if exact.split(' ').next() != Some(verdict) && !(case.known == Open && exact.starts_with("unproven"))
        {
            say("judged otherwise");
        }
        if leaks.is_some_and(|leaks| leaks != truth.leaks) || shows.is_some_and(|shows| shows != truth.shows)
        {
            say("does otherwise");
        }
    }
    drop(owner);
    control.batch_execute(&remove).await.unwrap();
    control.batch_execute(&forget).await.unwrap();
    assert!(wrong.is_empty(), "{}:\n{}", family.name, wrong.join("\n"));
}

impl Case {
    fn known_as(&self) -> String {
        format!("{:?}", self.known).to_lowercase()
    }
}

/// Each table has two rows of each tenant, and where the column may be null, two of nobody.
async fn make(owner: &Client, family: &Family, cases: &[Case]) {
    let app = format!("{}_app", family.name);
    let mut sql = format!(
        "create role {app} login password 'app'; create schema api; grant usage on schema api to {app};\n{}\n",
        family.setup.replace("$app", &app)
    );
    for case in cases {
        let (relation, column) = (&case.relation, case.column());
        write!(
            sql,
            "create table {relation} ({column} {declared}, id int not null, published boolean not null,
                 state text not null, written_by name not null, billing_tenant_id {billing}, \"order = {{Y}}\" text not null default '');
             alter table {relation} enable row level security;
             alter table {relation} force row level security;
             grant select on {relation} to {app};
             create policy tenant on {relation} using ({expression});\n",
            declared = case.column.declared,
            billing = case.column.declared.replace(" not null", ""),
            expression = case.expression,
        )
        .unwrap();
        let mut tenants: Vec<String> = family.tenants.iter().map(|tenant| format!("'{tenant}'")).collect();
        let others = tenants.clone();
        if !case.column.declared.contains("not null") {
            tenants.push("null".to_owned());
        }
        for (at, tenant) in tenants.iter().enumerate() {
            let billing = &others[(at + 1) % others.len()];
            writeln!(
                sql,
                "insert into {relation} values ({tenant}, 1, true, 'x', '{app}', {billing}), ({tenant}, 2, false, 'y', 'z', {billing});"
            )
            .unwrap();
        }
    }
    owner.batch_execute(&sql).await.unwrap_or_else(|error| {
        let error = error.as_db_error().expect("the server answers");
        let at = match error.position() {
            Some(tokio_postgres::error::ErrorPosition::Original(at)) => *at as usize,
            _ => 0,
        };
        let around: String = sql.chars().skip(at.saturating_sub(200)).take(400).collect();
        panic!("{}: {around}", error.message())
    });
}

fn contract(family: &Family, cases: &[Case]) -> Contract {
    let declared = |relation: &str, column: &str| json!({"relation": relation, "kind": "tenant", "tenant_column": column});
    let mut relations: Vec<_> = cases.iter().map(|case| declared(&case.relation, case.column.name)).collect();
    if family.setup.contains("api.members") {
        relations.extend(["api.members", "api.everyone"].map(|relation| declared(relation, "tenant_id")));
    }
    serde_json::from_value(json!({
        "role": format!("{}_app", family.name),
        "setting": SETTING,
        "type": family.setting_type,
        "relations": relations,
    }))
    .expect("a contract")
}

/// The code of each policy that is not sound.
fn verdicts(findings: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
    findings
        .filter(|(code, _)| ("TN301".."TN320").contains(&code.as_str()))
        .map(|(code, object)| (object, code))
        .collect()
}

fn verdict(code: Option<&String>) -> String {
    match code.map(String::as_str) {
        None => "yes".to_owned(),
        Some("TN319") => "unproven".to_owned(),
        Some(code) => format!("no {code}"),
    }
}

/// What a table shows.
#[derive(Debug, Clone, Copy, Default)]
struct Truth {
    /// A row of another tenant, or of any where there is none.
    leaks: bool,
    /// A row of the tenant's own.
    shows: bool,
}

/// Tries each table in each state. The first is that in which the setting was never touched.
async fn truths(url: &str, family: &Family, cases: &[Case]) -> Vec<Truth> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect(url);
    tokio::spawn(connection);
    let mut truths = vec![Truth::default(); cases.len()];
    // Whatever else a request may set, it has set.
    let other = family.tenants[family.tenants.len() - 1];
    client
        .batch_execute(&format!(
            "set app.admin = 'on'; set app.tenant_id = '{other}'; set extra_float_digits = -15"
        ))
        .await
        .unwrap();
    look(&client, cases, None, &mut truths).await;
    for (setting, tenant) in family.requests {
        client.batch_execute(&format!("set {SETTING} = '{setting}'")).await.unwrap();
        look(&client, cases, *tenant, &mut truths).await;
    }
    client.batch_execute(&format!("set {SETTING} = ''")).await.unwrap();
    look(&client, cases, None, &mut truths).await;
    truths
}

async fn look(client: &Client, cases: &[Case], tenant: Option<&str>, truths: &mut [Truth]) {
    for (case, truth) in cases.iter().zip(truths) {
        let query = format!("select rtrim({}::text) from {}", case.column(), case.relation);
        match client.simple_query(&query).await {
            Ok(messages) => {
                for message in &messages {
                    if let SimpleQueryMessage::Row(row) = message {
                        match tenant.is_some() && row.get(0) == tenant {
                            true => truth.shows = true,
                            false => truth.leaks = true,
                        }
                    }
                }
            }
            // An error shows nothing. A connection that breaks shows that the test is wrong.
            Err(error) => assert!(error.as_db_error().is_some(), "{}: {error}", case.expression),
        }
    }
}
