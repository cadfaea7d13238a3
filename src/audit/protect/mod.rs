//! `rowhouse protect`: the SQL that makes an existing table a tenant's, in steps that are safe while the table is used.
//!
//! Writes the steps from a look at the catalog; `trial.rs` then tries them in a transaction that is rolled back. No step holds a lock that stops readers or writers for longer than a
//! change of the catalog takes: rows are filled in batches, indexes are built CONCURRENTLY, constraints are added NOT VALID
//! and validated afterwards, and whoever waits for a lock gives up after two seconds, so that nobody queues behind it.

mod trial;

use std::fmt::Write;

use serde::Deserialize;
use tokio_postgres::Client;
pub use trial::{NotTried, Trial, trial};

use crate::catalog::Identifier;
use crate::query::quote_literal;

const TABLE: &str = include_str!("../../../sql/protect/table.sql");

/// Why there is nothing to print.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}", crate::app::cause(.0))]
    Postgres(#[from] tokio_postgres::Error),
    #[error("the catalog describes something that is not understood: {0}")]
    Description(#[source] serde_json::Error),
    #[error("there is no table {0}, or no role {1}")]
    Unknown(String, String),
    #[error("{table} cannot be protected like this: {why}")]
    Unfit { table: String, why: String },
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// `schema.table`.
    pub table: String,
    pub role: String,
    pub tenant_column: Identifier,
    /// The setting that says the tenant, where the database has no `tenancy.current_tenant_id()`.
    pub setting: String,
    /// Whose the rows are that are there already.
    pub rows: Rows,
    /// Rows of one batch.
    pub batch_rows: u32,
}

/// Whose the rows are that are there already.
#[derive(Debug, Clone)]
pub enum Rows {
    /// Of the row that a foreign key leads to, which has the tenant column.
    Parent,
    /// All of one tenant.
    Tenant(String),
}

#[derive(Debug, Deserialize)]
struct Table {
    schema: String,
    name: String,
    relation: String,
    /// As the planner has it; below zero where nobody has counted.
    rows_expected: f64,
    kind: String,
    is_partition: bool,
    has_children: bool,
    rls_forced: bool,
    owner: String,
    role_owns: bool,
    registry: bool,
    helper: bool,
    declares: bool,
    tenant_column: Option<TenantColumn>,
    privileges: Vec<String>,
    column_privileges: Vec<(String, String)>,
    policies: Vec<String>,
    keys: Vec<Key>,
    foreign_keys: Vec<ForeignKey>,
    referenced_by: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct TenantColumn {
    type_name: String,
    not_null: bool,
    has_default: bool,
    refers: bool,
}

#[derive(Debug, Deserialize)]
struct Key {
    index: String,
    constraint: Option<String>,
    primary: bool,
    plain: bool,
    referenced: bool,
    columns: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct ForeignKey {
    name: String,
    schema: String,
    table: String,
    on_update: String,
    on_delete: String,
    matches_simple: bool,
    deferrable: bool,
    deferred: bool,
    target_has_tenant: bool,
    target_key: bool,
    columns: Vec<(String, String)>,
}

/// The steps that make a table a tenant's.
#[derive(Debug)]
pub struct Protection {
    /// All of them, for psql.
    pub sql: String,
    /// The table, as findings name it.
    relation: String,
    role: String,
    rows_expected: f64,
    steps: Vec<Step>,
}

/// Describes the table and writes the steps.
///
/// # Errors
/// [`Error`].
pub async fn protect(client: &Client, options: &Options) -> Result<Protection, Error> {
    let column = options.tenant_column.name();
    let row = client.query_opt(TABLE, &[&options.table, &options.role, &column]).await?;
    let row = row.ok_or_else(|| Error::Unknown(options.table.clone(), options.role.clone()))?;
    let table: Table = serde_json::from_str(row.try_get("description")?).map_err(Error::Description)?;
    steps(&table, options)
}

/// One step: a transaction, or one statement that cannot stand in any.
#[derive(Debug)]
struct Step {
    title: String,
    /// What it locks, and for how long.
    lock: &'static str,
    kind: Kind,
    sql: String,
    /// The same where it may stand in a transaction: not CONCURRENTLY, and without its own COMMIT.
    tried: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Transaction,
    /// It must not stand in a transaction: it commits itself, or is CONCURRENTLY.
    Alone,
}

const MOMENT: &str = "ACCESS EXCLUSIVE, for a change of the catalog; rows are neither read nor written";
const MOMENT_BOTH: &str = "SHARE ROW EXCLUSIVE on both tables, for a change of the catalog";
const VALIDATES: &str = "SHARE UPDATE EXCLUSIVE: reads every row while others read and write";
/// In a block that fills rows: so ends a batch.
const COMMIT: &str = "        commit;\n";
const CONCURRENT: &str = "SHARE UPDATE EXCLUSIVE: builds while others read and write";

fn steps(table: &Table, options: &Options) -> Result<Protection, Error> {
    let name = sql_name(&table.schema, &table.name);
    let unfit = |why: &str| Error::Unfit { table: name.clone(), why: why.to_owned() };
    if table.kind != "r" || table.is_partition || table.has_children {
        return Err(unfit("it is no plain table; a partitioned one cannot have indexes built CONCURRENTLY"));
    }
    if table.role_owns {
        return Err(unfit(&format!(
            "{} owns it, or can become {}: give it to a role that nobody logs in as, first",
            options.role, table.owner
        )));
    }
    if let Some(column) = &table.tenant_column
        && column.type_name != "uuid"
    {
        return Err(unfit(&format!(
            "its column {} is {}, not uuid",
            options.tenant_column.name(),
            column.type_name
        )));
    }
    let mut plan = Plan { table, options, name, steps: Vec::new(), notes: Vec::new() };
    plan.column()?;
    plan.keys();
    plan.foreign_keys();
    plan.policies();
    Ok(Protection {
        sql: plan.print(),
        relation: table.relation.clone(),
        role: options.role.clone(),
        rows_expected: table.rows_expected,
        steps: plan.steps,
    })
}

struct Plan<'a> {
    table: &'a Table,
    options: &'a Options,
    name: String,
    steps: Vec<Step>,
    notes: Vec<String>,
}

impl Plan<'_> {
    fn step(&mut self, kind: Kind, lock: &'static str, title: impl Into<String>, sql: impl Into<String>) {
        let sql = sql.into();
        let tried = match kind {
            Kind::Transaction => sql.clone(),
            Kind::Alone => sql.replacen(" index concurrently ", " index ", 1).replacen(COMMIT, "", 1),
        };
        self.steps.push(Step { title: title.into(), lock, kind, sql, tried });
    }

    fn tenant(&self) -> &str {
        self.options.tenant_column.quoted()
    }

    fn current_tenant(&self) -> String {
        match self.table.helper {
            true => "tenancy.current_tenant_id()".to_owned(),
            false => {
                format!(
                    "nullif(pg_catalog.current_setting({}, true), '')::uuid",
                    literal(&self.options.setting)
                )
            }
        }
    }

    /// The column, filled and never null.
    fn column(&mut self) -> Result<(), Error> {
        let (name, tenant) = (self.name.clone(), self.tenant().to_owned());
        let known = self.table.tenant_column.as_ref();
        if known.is_none() {
            let sql = format!(
                "alter table {name} add column {tenant} uuid;\ncomment on column {name}.{tenant} is 'Whose it is.';"
            );
            self.step(
                Kind::Transaction,
                MOMENT,
                "the column; without a default, so that no row is written",
                sql,
            );
        }
        if known.is_none_or(|column| !column.has_default) {
            let sql =
                format!("alter table {name} alter column {tenant} set default {};", self.current_tenant());
            self.step(Kind::Transaction, MOMENT, "new rows are the tenant's that adds them", sql);
        }
        if known.is_none_or(|column| !column.not_null) {
            let fill = self.fill()?;
            if self.table.rls_forced {
                self.notes
                    .push("Row-level security is forced already: fill the column as a superuser.".to_owned());
            }
            let batches = "ROW EXCLUSIVE and the rows of one batch, committed before the next";
            self.step(Kind::Alone, batches, "the rows that are there, in batches", fill.clone());
            let check = quoted(&short(&self.table.name, "tenant_given"));
            self.step(
                Kind::Transaction,
                MOMENT,
                "no new row without a tenant: from here on whoever writes must say whose it is",
                format!("alter table {name} add constraint {check} check ({tenant} is not null) not valid;"),
            );
            self.step(Kind::Alone, batches, "the rows that came in between", fill);
            self.step(
                Kind::Transaction,
                VALIDATES,
                "the old rows, too",
                format!("alter table {name} validate constraint {check};"),
            );
            self.step(
                Kind::Transaction,
                MOMENT,
                "NOT NULL, which the constraint proves without a look at the rows",
                format!(
                    "alter table {name} alter column {tenant} set not null;\nalter table {name} drop constraint {check};"
                ),
            );
        }
        if self.table.registry && known.is_none_or(|column| !column.refers) {
            let key = quoted(&short(&self.table.name, "tenant_fkey"));
            self.step(
                Kind::Transaction,
                MOMENT_BOTH,
                "every tenant exists; with a tenant its rows go",
                format!(
                    "alter table {name} add constraint {key}\n    foreign key ({tenant}) references tenancy.tenants (id) on delete cascade\n    not valid;"
                ),
            );
            self.step(
                Kind::Transaction,
                VALIDATES,
                "of the old rows, too",
                format!("alter table {name} validate constraint {key};"),
            );
        }
        Ok(())
    }

    /// Fills the column of the rows that have none.
    fn fill(&self) -> Result<String, Error> {
        let (name, tenant, batch) = (&self.name, self.tenant(), self.options.batch_rows);
        let (update, rows) = match &self.options.rows {
            Rows::Tenant(id) => (
                format!("set {tenant} = {}::uuid\n        where t.ctid", literal(id)),
                format!("select s.ctid from {name} as s where s.{tenant} is null limit {batch}"),
            ),
            Rows::Parent => {
                let mut parents = self.table.foreign_keys.iter().filter(|key| {
                    key.target_has_tenant && !(key.schema == "tenancy" && key.table == "tenants")
                });
                let parent = parents.next().ok_or_else(|| Error::Unfit {
                    table: name.clone(),
                    why: "nothing says whose its rows are: no foreign key leads to a table with the tenant column; \
                          say --rows-of TENANT"
                        .to_owned(),
                })?;
                let on = |alias: &str| -> String {
                    let pairs = parent.columns.iter();
                    let pairs: Vec<String> = pairs
                        .map(|(ours, theirs)| format!("p.{} = {alias}.{}", quoted(theirs), quoted(ours)))
                        .collect();
                    pairs.join(" and ")
                };
                let from = sql_name(&parent.schema, &parent.table);
                (
                    format!(
                        "set {tenant} = p.{tenant}\n        from {from} as p\n        where {} and t.ctid",
                        on("t")
                    ),
                    // A row that leads nowhere would be looked at again for ever: only those that can be filled are taken.
                    format!(
                        "select s.ctid from {name} as s inner join {from} as p on {} where s.{tenant} is null limit {batch}",
                        on("s")
                    ),
                )
            }
        };
        Ok(format!(
            "do $$\ndeclare\n    filled pg_catalog.int8;\nbegin\n    loop\n        update {name} as t\n        {update} = any (array(\n            \
             {rows}\n        ));\n        get diagnostics filled = row_count;\n        exit when filled = 0;\n{COMMIT}    \
             end loop;\nend\n$$;"
        ))
    }

    /// Keys that lead with the tenant: the index serves the policy, and a duplicate tells nothing of others.
    fn keys(&mut self) {
        let (name, tenant) = (self.name.clone(), self.tenant().to_owned());
        let has_tenant =
            |key: &Key| key.columns.iter().any(|column| column == self.options.tenant_column.name());
        let mut leading = self.table.keys.iter().any(|key| {
            key.plain && key.columns.first().is_some_and(|first| first == self.options.tenant_column.name())
        });
        let mut steps = Vec::new();
        let mut notes = Vec::new();
        for key in self.table.keys.iter().filter(|key| !has_tenant(key)) {
            if !key.plain {
                notes.push(format!(
                    "The unique index {} is not of plain columns alone: give it {tenant} by hand, since a duplicate \
                     tells one tenant what another has.",
                    key.index
                ));
                continue;
            }
            let columns: Vec<String> = key.columns.iter().map(|column| quoted(column)).collect();
            let new = short(&self.table.name, &format!("tenant_{}_key", key.columns.join("_")));
            let index = quoted(&new);
            steps.push((
                Kind::Alone,
                CONCURRENT,
                format!("the key of {} within a tenant", key.columns.join(", ")),
                format!(
                    "create unique index concurrently {index} on {name} ({tenant}, {});",
                    columns.join(", ")
                ),
            ));
            let mut sql = format!("alter table {name} add constraint {index} unique using index {index};");
            let mut title = "the index as a constraint, for foreign keys to lead to".to_owned();
            if !key.primary && !key.referenced {
                title.push_str(", in the place of the old one");
                let _ = match &key.constraint {
                    Some(constraint) => {
                        write!(sql, "\nalter table {name} drop constraint {};", quoted(constraint))
                    }
                    None => write!(sql, "\ndrop index {};", sql_name(&self.table.schema, &key.index)),
                };
            } else if !key.primary {
                notes.push(format!(
                    "The unique key {} stays, because foreign keys lead to it: drop it when they lead to {new}.",
                    key.index
                ));
            }
            steps.push((Kind::Transaction, MOMENT, title, sql));
            leading = true;
        }
        if !leading {
            let index = quoted(&short(&self.table.name, "tenant_idx"));
            steps.push((
                Kind::Alone,
                CONCURRENT,
                "an index that serves the policies".to_owned(),
                format!("create index concurrently {index} on {name} ({tenant});"),
            ));
        }
        for (kind, lock, title, sql) in steps {
            self.step(kind, lock, title, sql);
        }
        self.notes.append(&mut notes);
    }

    /// Foreign keys with the tenant in them: checks of foreign keys do not ask policies.
    fn foreign_keys(&mut self) {
        let (name, tenant) = (self.name.clone(), self.tenant().to_owned());
        let table = self.table;
        for key in &table.foreign_keys {
            let composite = key.columns.iter().any(|(ours, _)| ours == self.options.tenant_column.name());
            if composite || !key.target_has_tenant {
                continue;
            }
            let target = sql_name(&key.schema, &key.table);
            if !key.matches_simple {
                self.notes
                    .push(format!("The foreign key {} is MATCH FULL: give it {tenant} by hand.", key.name));
                continue;
            }
            let ours: Vec<String> = key.columns.iter().map(|(ours, _)| quoted(ours)).collect();
            let theirs: Vec<String> = key.columns.iter().map(|(_, theirs)| quoted(theirs)).collect();
            if !key.target_key {
                let columns: Vec<&str> = key.columns.iter().map(|(_, theirs)| theirs.as_str()).collect();
                let index = quoted(&short(&key.table, &format!("tenant_{}_key", columns.join("_"))));
                self.step(
                    Kind::Alone,
                    CONCURRENT,
                    format!("a key of {target} for it to lead to"),
                    format!(
                        "create unique index concurrently {index} on {target} ({tenant}, {});",
                        theirs.join(", ")
                    ),
                );
            }
            let new = quoted(&short(&table.name, &format!("tenant_{}_fkey", key.columns[0].0)));
            let mut actions = String::new();
            for (event, action) in [("update", key.on_update.as_str()), ("delete", key.on_delete.as_str())] {
                let _ = match (event, action) {
                    (_, "r") => write!(actions, " on {event} restrict"),
                    (_, "c") => write!(actions, " on {event} cascade"),
                    // The tenant stays what it is.
                    ("delete", "n") => write!(actions, " on delete set null ({})", ours.join(", ")),
                    ("delete", "d") => write!(actions, " on delete set default ({})", ours.join(", ")),
                    _ => Ok(()),
                };
            }
            if matches!(key.on_update.as_str(), "n" | "d") {
                self.notes.push(format!(
                    "{} had ON UPDATE SET NULL or DEFAULT, which would unset the tenant, too.",
                    key.name
                ));
            }
            if key.deferrable {
                actions.push_str(if key.deferred { " deferrable initially deferred" } else { " deferrable" });
            }
            self.step(
                Kind::Transaction,
                MOMENT_BOTH,
                format!("{} with the tenant, so that no row leads to another tenant's", key.name),
                format!(
                    "alter table {name} add constraint {new}\n    foreign key ({tenant}, {}) references {target} ({tenant}, {}){actions}\n    not valid;",
                    ours.join(", "),
                    theirs.join(", ")
                ),
            );
            self.step(
                Kind::Transaction,
                VALIDATES,
                "of the old rows, too",
                format!("alter table {name} validate constraint {new};"),
            );
            self.step(
                Kind::Transaction,
                MOMENT_BOTH,
                "the old one goes",
                format!("alter table {name} drop constraint {};", quoted(&key.name)),
            );
        }
        if !table.referenced_by.is_empty() {
            self.notes.push(format!(
                "Protect what refers to it, too, or its foreign keys cross tenants: {}.",
                table.referenced_by.join(", ")
            ));
        }
    }

    /// Policies, rights and the declaration: all at once, so that nobody sees the table half protected.
    fn policies(&mut self) {
        let (name, tenant, role) = (self.name.clone(), self.tenant().to_owned(), quoted(&self.options.role));
        let own = format!("{tenant} = (select {})", self.current_tenant());
        let mut sql = String::new();
        if self.table.policies.is_empty() {
            for (policy, command, clauses, comment) in [
                ("select_tenant", "select", format!("using ({own})"), "A tenant reads its own rows."),
                ("insert_tenant", "insert", format!("with check ({own})"), "A tenant adds rows of its own."),
                (
                    "update_tenant",
                    "update",
                    format!("using ({own})\n    with check ({own})"),
                    "A tenant changes its own rows, and they stay its own.",
                ),
                ("delete_tenant", "delete", format!("using ({own})"), "A tenant deletes its own rows."),
            ] {
                let _ = writeln!(
                    sql,
                    "create policy {policy} on {name}\n    for {command}\n    to {role}\n    {clauses};\n\
                     comment on policy {policy} on {name} is {};\n",
                    literal(comment)
                );
            }
        } else {
            // Whatever the others permit, not more than this.
            let _ = writeln!(
                sql,
                "create policy all_same_tenant on {name}\n    as restrictive\n    for all\n    to public\n    using ({own})\n    \
                 with check ({own});\ncomment on policy all_same_tenant on {name} is {};\n",
                literal("Whatever another policy permits: a tenant's own rows only.")
            );
            self.notes.push(format!(
                "The policies that are there stay, within the new one: {}.",
                self.table.policies.join(", ")
            ));
        }
        let _ = writeln!(
            sql,
            "alter table {name} enable row level security;\n-- Else the owner, and what runs as the owner, would see all rows.\n\
             alter table {name} force row level security;\n\n\
             -- No TRUNCATE, TRIGGER or REFERENCES: no policy governs them.\nrevoke all on {name} from public, {role};"
        );
        if !self.table.privileges.is_empty() {
            let privileges: Vec<String> =
                self.table.privileges.iter().map(|one| one.to_lowercase()).collect();
            let _ = writeln!(sql, "grant {} on {name} to {role};", privileges.join(", "));
        }
        for privilege in ["SELECT", "INSERT", "UPDATE"] {
            let granted = self.table.column_privileges.iter().filter(|(of, _)| of == privilege);
            let columns: Vec<String> = granted.map(|(_, column)| quoted(column)).collect();
            if !columns.is_empty() {
                let privilege = privilege.to_lowercase();
                let _ = writeln!(sql, "grant {privilege} ({}) on {name} to {role};", columns.join(", "));
            }
        }
        if self.table.privileges.is_empty() && self.table.column_privileges.is_empty() {
            self.notes.push(format!("{role} has no right to the table: grant what requests need."));
        }
        if self.table.declares {
            let _ = write!(
                sql,
                "\nselect tenancy.declare({}, 'tenant', 'Its rows belong to tenants.', {});",
                literal(&name),
                literal(self.options.tenant_column.name())
            );
        } else {
            let _ = write!(sql, "\ncomment on table {name} is {};", literal(&format!("@tenant({tenant})")));
            self.notes.push(
                "The declaration @tenant stands in the table's comment: keep it when the comment changes."
                    .to_owned(),
            );
        }
        self.step(Kind::Transaction, MOMENT, "row-level security, policies, rights and the declaration", sql);
    }

    fn print(&self) -> String {
        let mut out = format!(
            "-- Makes {} a tenant's. Written by `rowhouse protect`; run it with psql, as a superuser, or as {} where that\n-- may call tenancy.declare.\n--\n\
             -- Each step stands alone and may be repeated if it was refused: one that waits two seconds for a lock gives up, so\n\
             -- that nobody queues behind it. Steps in a transaction say begin and commit; those marked ALONE cannot be in one,\n\
             -- so no runner of migrations that opens a transaction can run the whole. A CONCURRENTLY that failed leaves an\n\
             -- invalid index: drop it before it is tried again.\n",
            self.name, self.table.owner
        );
        for note in &self.notes {
            let _ = write!(out, "--\n-- Note: {note}\n");
        }
        for (number, step) in self.steps.iter().enumerate() {
            let alone = if step.kind == Kind::Alone { " ALONE" } else { "" };
            let _ =
                write!(out, "\n-- Step {}{alone}: {}.\n-- Lock: {}.\n", number + 1, step.title, step.lock);
            let _ = match step.kind {
                Kind::Transaction => {
                    write!(
                        out,
                        "begin;\nset local lock_timeout = '2s';\n\n{}\n\ncommit;\n",
                        step.sql.trim_end()
                    )
                }
                Kind::Alone => writeln!(out, "{}", step.sql),
            };
        }
        out.push_str("\n-- Then look at it (rowhouse audit) and try it, where nobody works (rowhouse prove --write).\n");
        out
    }
}

/// A name as Postgres keeps it: what is too long is cut in the middle of the table's name.
fn short(table: &str, suffix: &str) -> String {
    let whole = format!("{table}_{suffix}");
    if whole.len() <= Identifier::BYTES_MAX {
        return whole;
    }
    // Two long names may begin alike, so the end tells them apart.
    let digest = suffix.bytes().chain(table.bytes()).fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut end = Identifier::BYTES_MAX - 17;
    while !whole.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}_{digest:016x}", &whole[..end])
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn sql_name(schema: &str, name: &str) -> String {
    format!("{}.{}", quoted(schema), quoted(name))
}

fn literal(text: &str) -> String {
    let mut out = String::new();
    quote_literal(&mut out, text);
    out
}
