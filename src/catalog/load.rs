//! Reads the catalog over one connection of the request role, and lets the gate judge it.

use std::collections::{BTreeMap, HashMap, HashSet};

use tokio_postgres::{Client, Row};

use super::gate::{self, Facts, Nobody, Reason, Refusal, ViewRead};
use super::relation::{
    Cardinality, Column, Encoding, Identifier, Privileges, Relation, RelationKind, Relationship,
};
use super::{Catalog, RoleFault, Server};
use crate::config::Config;

const RELATIONS: &str = include_str!("../../sql/catalog/relations.sql");
const COLUMNS: &str = include_str!("../../sql/catalog/columns.sql");
const KEYS: &str = include_str!("../../sql/catalog/keys.sql");
const FOREIGN_KEYS: &str = include_str!("../../sql/catalog/foreign_keys.sql");
const VIEW_READS: &str = include_str!("../../sql/catalog/view_reads.sql");
const ROLE: &str = include_str!("../../sql/catalog/role.sql");

/// Why no catalog could be made. The service does not start on one; a reload keeps the old catalog.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the catalog could not be read{}", migrate_hint(.0))]
    Postgres(#[source] tokio_postgres::Error),
    #[error("the request role {role} is unfit: {}", list(.faults))]
    Role { role: String, faults: Vec<RoleFault> },
    #[error("the name {name} is served twice, by {first} and {second}: rename one, or expose only one")]
    NameTwice { name: String, first: String, second: String },
    #[error("a name of the catalog is not one that Postgres makes: {0:?}")]
    Name(String),
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        Error::Postgres(error)
    }
}

fn migrate_hint(error: &tokio_postgres::Error) -> &'static str {
    use tokio_postgres::error::SqlState;
    match error.code() {
        Some(code) if *code == SqlState::UNDEFINED_TABLE || *code == SqlState::INSUFFICIENT_PRIVILEGE => {
            " (has `rowhouse migrate` been run on this database?)"
        }
        _ => "",
    }
}

fn list(faults: &[RoleFault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Reads everything that `config` exposes.
///
/// `client` must be a fresh connection of the request role: the gate asks it what it sees with no tenant set.
///
/// # Errors
/// Every variant of [`Error`]; a relation that fails the gate is no error but an entry of [`Catalog::refused`].
pub async fn load(client: &Client, config: &Config) -> Result<Catalog, Error> {
    let role = client.query_one(ROLE, &[]).await?;
    let relations = client.query(RELATIONS, &[&config.schemas, &config.relations]).await?;
    let facts = relations.iter().map(facts).collect::<Result<Vec<_>, _>>()?;

    let faults = gate::judge_role(&role, &facts)?;
    if !faults.is_empty() {
        return Err(Error::Role { role: role.try_get("role_name")?, faults });
    }

    let views: Vec<u32> = facts.iter().filter(|facts| facts.is_view()).map(|facts| facts.oid).collect();
    let mut reads: HashMap<u32, Vec<ViewRead>> = HashMap::new();
    for row in client.query(VIEW_READS, &[&views]).await? {
        reads.entry(row.try_get("view_oid")?).or_default().push(ViewRead {
            reads: row.try_get("reads")?,
            as_caller: row.try_get("as_caller")?,
            isolated: row.try_get::<_, bool>("rls_active")? || row.try_get::<_, bool>("declared_global")?,
        });
    }

    let none = Vec::new();
    let mut judged: Vec<(Facts, Result<(), Reason>)> = facts
        .into_iter()
        .map(|facts| {
            let verdict = gate::judge(&facts, reads.get(&facts.oid).unwrap_or(&none));
            (facts, verdict)
        })
        .collect();
    // Each nobody for all relations, the unset one first: a session that has set the tenant once has it empty for good.
    for nobody in [Nobody::Unset, Nobody::Empty, Nobody::Unknown] {
        for (facts, verdict) in &mut judged {
            if verdict.is_ok() && facts.kept_apart() {
                *verdict = gate::probe(client, facts, nobody, config).await?;
            }
        }
    }
    let mut refused = Vec::new();
    let mut served: Vec<Facts> = Vec::new();
    for (facts, verdict) in judged {
        match verdict {
            Ok(()) => served.push(facts),
            Err(reason) => refused.push(Refusal { relation: facts.qualified_name(), reason }),
        }
    }

    let mut catalog = assemble(client, served).await?;
    catalog.refused = refused;
    catalog.server = Server {
        version: role.try_get("server_version")?,
        citus: role.try_get("citus")?,
        utility_tracked: role.try_get("utility_tracked")?,
    };
    Ok(catalog)
}

fn facts(row: &Row) -> Result<Facts, Error> {
    Ok(Facts {
        oid: row.try_get("oid")?,
        schema: identifier(row.try_get("schema_name")?)?,
        name: identifier(row.try_get("relation_name")?)?,
        kind: row.try_get::<_, &str>("relation_kind")?.chars().next().unwrap_or('?'),
        comment: row.try_get("comment")?,
        declared_kind: row.try_get("declared_kind")?,
        declared_tenant_column: row.try_get("declared_tenant_column")?,
        owner: row.try_get("owner_name")?,
        owner_reachable: row.try_get("owner_reachable")?,
        rls_enabled: row.try_get("rls_enabled")?,
        rls_active: row.try_get("rls_active")?,
        has_policy: row.try_get("has_policy")?,
        open_policy: row.try_get("open_policy")?,
        security_invoker: row.try_get("security_invoker")?,
        privileges: Privileges {
            select: row.try_get("may_select")?,
            select_system: row.try_get("may_select_system")?,
            insert: row.try_get("may_insert")?,
            update: row.try_get("may_update")?,
            delete: row.try_get("may_delete")?,
        },
    })
}

fn identifier(name: String) -> Result<Identifier, Error> {
    Identifier::new(&name).ok_or(Error::Name(name))
}

/// Puts columns, keys and relationships to the relations that the gate let through.
async fn assemble(client: &Client, served: Vec<Facts>) -> Result<Catalog, Error> {
    let oids: Vec<u32> = served.iter().map(|facts| facts.oid).collect();
    let mut names: HashMap<u32, String> = HashMap::new();
    let mut taken: HashMap<String, String> = HashMap::new();
    for facts in &served {
        let name = facts.name.name().to_owned();
        if let Some(first) = taken.insert(name.clone(), facts.qualified_name()) {
            return Err(Error::NameTwice { name, first, second: facts.qualified_name() });
        }
        names.insert(facts.oid, name);
    }

    let mut columns: HashMap<u32, Vec<Column>> = HashMap::new();
    for row in client.query(COLUMNS, &[&oids]).await? {
        columns.entry(row.try_get("relation_oid")?).or_default().push(column(&row)?);
    }
    let mut keys: HashMap<u32, Vec<String>> = HashMap::new();
    for row in client.query(KEYS, &[&oids]).await? {
        keys.insert(row.try_get("relation_oid")?, row.try_get("column_names")?);
    }
    let mut relationships = relationships(&client.query(FOREIGN_KEYS, &[&oids]).await?, &names)?;

    let relations = served
        .into_iter()
        .map(|facts| {
            let columns = columns.remove(&facts.oid).unwrap_or_default();
            let tenant_column = facts.tenant_column(&columns);
            let relation = Relation {
                kind: if facts.is_view() { RelationKind::View } else { RelationKind::Table },
                schema: facts.schema,
                name: facts.name,
                comment: facts.comment,
                primary_key: keys.remove(&facts.oid).unwrap_or_default(),
                tenant_column,
                privileges: facts.privileges,
                relationships: relationships.remove(&facts.oid).unwrap_or_default(),
                columns,
            };
            (relation.name.name().to_owned(), relation)
        })
        .collect::<BTreeMap<_, _>>();
    Ok(Catalog { relations, ..Catalog::default() })
}

fn column(row: &Row) -> Result<Column, Error> {
    let base_type: Option<String> = row.try_get("base_type")?;
    let encoding = base_type.as_deref().map_or(Encoding::ToJson, Encoding::of_builtin);
    Ok(Column {
        name: identifier(row.try_get("column_name")?)?,
        type_name: row.try_get("type_name")?,
        is_json: matches!(encoding, Encoding::Json | Encoding::Jsonb),
        encoding,
        not_null: row.try_get("not_null")?,
        generated: row.try_get("generated")?,
        may_select: row.try_get("may_select")?,
        may_insert: row.try_get("may_insert")?,
        may_update: row.try_get("may_update")?,
        comment: row.try_get("comment")?,
    })
}

/// Each foreign key is two relationships: from the referencing side to one row, and back to one or many.
fn relationships(
    rows: &[Row],
    names: &HashMap<u32, String>,
) -> Result<HashMap<u32, Vec<Relationship>>, Error> {
    let mut relationships: HashMap<u32, Vec<Relationship>> = HashMap::new();
    let mut seen = HashSet::new();
    for row in rows {
        let constraint: String = row.try_get("constraint_name")?;
        let (referencing, referenced): (u32, u32) =
            (row.try_get("referencing_oid")?, row.try_get("referenced_oid")?);
        let ours: Vec<String> = row.try_get("referencing_columns")?;
        let theirs: Vec<String> = row.try_get("referenced_columns")?;
        let (Some(from), Some(to)) = (names.get(&referencing), names.get(&referenced)) else { continue };
        if !seen.insert((referencing, constraint.clone())) {
            continue;
        }
        let mut columns = Vec::new();
        for (ours, theirs) in ours.into_iter().zip(theirs) {
            columns.push((identifier(ours)?, identifier(theirs)?));
        }
        let turned = columns.iter().map(|(ours, theirs)| (theirs.clone(), ours.clone())).collect();
        let back = if row.try_get("referencing_unique")? { Cardinality::One } else { Cardinality::Many };
        relationships.entry(referencing).or_default().push(Relationship {
            constraint: constraint.clone(),
            target: to.clone(),
            cardinality: Cardinality::One,
            columns,
        });
        relationships.entry(referenced).or_default().push(Relationship {
            constraint,
            target: from.clone(),
            cardinality: back,
            columns: turned,
        });
    }
    Ok(relationships)
}
