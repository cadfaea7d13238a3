//! Reads the catalog over one connection of the request role, and lets the gate judge it.

use std::collections::{HashMap, HashSet};

use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row};

use super::function::{self, Argument, Function, Returns, Route, RouteFault, Row as ReturnedRow, Volatility};
use super::gate::{self, Facts, Faults, FunctionFacts, Nobody, Reason, Refusal, ViewRead};
use super::relation::{
    Cardinality, Column, Encoding, FunctionName, Identifier, Link, Privileges, Relation, RelationId,
    RelationKind, Relationship, Takes,
};
use super::relationship::{self, Key, Side};
use super::shape::{self, Shape};
use super::view::{self, Views};
use super::{Catalog, RoleFault, Server};
use crate::audit::{self, Contract, Granted, Standing};
use crate::config::Config;
use crate::query;

const RELATIONS: &str = include_str!("../../sql/catalog/relations.sql");
const COLUMNS: &str = include_str!("../../sql/catalog/columns.sql");
const KEYS: &str = include_str!("../../sql/catalog/keys.sql");
const FOREIGN_KEYS: &str = include_str!("../../sql/catalog/foreign_keys.sql");
const VIEWS: &str = include_str!("../../sql/catalog/views.sql");
const COMPUTED: &str = include_str!("../../sql/catalog/computed.sql");
const VIEW_READS: &str = include_str!("../../sql/catalog/view_reads.sql");
const FUNCTIONS: &str = include_str!("../../sql/catalog/functions.sql");
const ROLE: &str = include_str!("../../sql/catalog/role.sql");
const ROLE_SETTINGS: &str = include_str!("../../sql/catalog/role_settings.sql");

/// Why no catalog could be made. The service does not start on one; a reload keeps the old catalog.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the catalog could not be read{}", migrate_hint(.0))]
    Postgres(#[source] tokio_postgres::Error),
    #[error("the role {role} is unfit to serve requests: {}", list(.faults))]
    Role { role: String, faults: Vec<RoleFault> },
    #[error("pre_request: there is no function {0}() that the role of the requests may call")]
    PreRequest(String),
    #[error("the gate could not judge: {0}")]
    Audit(#[from] audit::Error),
    #[error("a name of the catalog is not one that Postgres makes: {0:?}")]
    Name(String),
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        Error::Postgres(error)
    }
}

/// `rowhouse migrate` makes what tells the contract: where that is not there, the error is to say so.
fn not_granted(error: audit::Error) -> Error {
    match error {
        audit::Error::Postgres(error) => Error::Postgres(error),
        other => Error::Audit(other),
    }
}

fn migrate_hint(error: &tokio_postgres::Error) -> &'static str {
    use tokio_postgres::error::SqlState;
    match error.code() {
        Some(code)
            if [
                SqlState::UNDEFINED_TABLE,
                SqlState::UNDEFINED_FUNCTION,
                SqlState::INVALID_SCHEMA_NAME,
                SqlState::INSUFFICIENT_PRIVILEGE,
            ]
            .contains(code) =>
        {
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
    let granted = Granted::read(client).await.map_err(not_granted)?;
    read(client, config, granted, None).await
}

/// The same for `role`, which the request role becomes: the connection stays that role's.
///
/// # Errors
/// As [`load`]; a role that cannot be become is unfit.
pub async fn load_as(client: &Client, config: &Config, role: &Identifier) -> Result<Catalog, Error> {
    let granted = Granted::read(client).await.map_err(not_granted)?;
    if let Err(error) = client.batch_execute(&query::set_role(role)).await {
        return match error.code() {
            Some(_) => {
                Err(Error::Role { role: role.name().to_owned(), faults: vec![RoleFault::Unreachable] })
            }
            None => Err(error.into()),
        };
    }
    let mut catalog = read(client, config, granted, Some(role)).await?;
    for row in client.query(ROLE_SETTINGS, &[]).await? {
        catalog.role_settings.push((identifier(row.try_get("name")?)?, row.try_get("value")?));
    }
    Ok(catalog)
}

/// Reads as whoever `client` is by now: the request role, or `other`.
async fn read(
    client: &Client,
    config: &Config,
    mut granted: Granted,
    other: Option<&Identifier>,
) -> Result<Catalog, Error> {
    let role = client.query_one(ROLE, &[]).await?;
    // Judged is whoever asks, by the setting that the service sets.
    granted.contract.role = role.try_get("role_name")?;
    granted.contract.setting = Contract::new("").setting;
    let faults = Faults::new(audit::audit_of(client, &granted.contract, gate::judges).await?);
    let role_faults = gate::judge_role(&role, &faults, other)?;
    if !role_faults.is_empty() {
        return Err(Error::Role { role: granted.contract.role, faults: role_faults });
    }

    let Standing { oids, kinds, tenant_columns, functions: vouched } =
        Standing::read(client, granted).await?;
    let parameters =
        [&config.schemas as &(dyn ToSql + Sync), &config.relations, &oids, &kinds, &tenant_columns];
    let relations = client.query(RELATIONS, &parameters).await?;
    let facts = relations.iter().map(facts).collect::<Result<Vec<_>, _>>()?;

    let views: Vec<u32> = facts.iter().filter(|facts| facts.is_view()).map(|facts| facts.oid).collect();
    let mut reads: HashMap<u32, Vec<ViewRead>> = HashMap::new();
    for row in client.query(VIEW_READS, &[&views, &oids, &kinds, &vouched]).await? {
        reads.entry(row.try_get("view_oid")?).or_default().push(ViewRead {
            reads: row.try_get("reads")?,
            is_view: row.try_get("is_view")?,
            as_caller: row.try_get("as_caller")?,
            declared_kind: row.try_get("declared_kind")?,
            rls_active: row.try_get("rls_active")?,
        });
    }

    let none = Vec::new();
    let mut judged: Vec<(Facts, Result<(), Reason>)> = facts
        .into_iter()
        .map(|facts| {
            let verdict = gate::judge(&facts, reads.get(&facts.oid).unwrap_or(&none), &faults);
            (facts, verdict)
        })
        .collect();
    for nobody in Nobody::ALL {
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

    // In the order in which the configuration exposes their schemas, single relations last.
    let position = |facts: &Facts| {
        let schema = facts.schema.name();
        config.schemas.iter().position(|exposed| exposed == schema).unwrap_or(config.schemas.len())
    };
    served.sort_by_key(position);
    let mut profiles = config.schemas.clone();
    profiles.extend(config.relations.iter().filter_map(|name| Some(name.split_once('.')?.0.to_owned())));
    let ids = served.iter().enumerate().map(|(index, facts)| (facts.oid, RelationId(index))).collect();
    let schema_comments = shape::schema_comments(client, &profiles).await?;
    let mut catalog = Catalog::new(assemble(client, served, config).await?, profiles);
    catalog.schema_comments = schema_comments;
    catalog.refused = refused;
    functions(client, config, (&vouched, &faults), &mut catalog, &ids).await?;
    catalog.pre_request = pre_request(client, config).await?;
    catalog.server = Server {
        version: role.try_get("server_version")?,
        citus: role.try_get("citus")?,
        utility_tracked: role.try_get("utility_tracked")?,
    };
    catalog.postgis = role.try_get::<_, Option<String>>("postgis_schema")?.map(identifier).transpose()?;
    Ok(catalog)
}

fn facts(row: &Row) -> Result<Facts, Error> {
    Ok(Facts {
        oid: row.try_get("oid")?,
        schema: identifier(row.try_get("schema_name")?)?,
        name: identifier(row.try_get("relation_name")?)?,
        identity: row.try_get("identity")?,
        kind: row.try_get::<_, &str>("relation_kind")?.chars().next().unwrap_or('?'),
        comment: row.try_get("comment")?,
        declared_kind: row.try_get("declared_kind")?,
        declared_tenant_column: row.try_get("declared_tenant_column")?,
        rls_active: row.try_get("rls_active")?,
        has_policy: row.try_get("has_policy")?,
        referencing_keys: row.try_get("referencing_keys")?,
        privileges: Privileges {
            select: row.try_get("may_select")?,
            select_system: row.try_get("may_select_system")?,
            insert: row.try_get("may_insert")?,
            update: row.try_get("may_update")?,
            delete: row.try_get("may_delete")?,
        },
        takes: Takes {
            insert: row.try_get("takes_insert")?,
            update: row.try_get("takes_update")?,
            delete: row.try_get("takes_delete")?,
        },
    })
}

fn identifier(name: String) -> Result<Identifier, Error> {
    Identifier::new(&name).ok_or(Error::Name(name))
}

/// Puts columns, keys and relationships to the relations that the gate let through.
async fn assemble(client: &Client, served: Vec<Facts>, config: &Config) -> Result<Vec<Relation>, Error> {
    let oids: Vec<u32> = served.iter().map(|facts| facts.oid).collect();
    let mut columns: HashMap<u32, Vec<(i16, Column)>> = HashMap::new();
    for row in client.query(COLUMNS, &[&oids]).await? {
        let numbered = (row.try_get("column_number")?, column(&row)?);
        columns.entry(row.try_get("relation_oid")?).or_default().push(numbered);
    }

    // Behind a view stand tables that need not be served themselves.
    let views = views(client, &served).await?;
    let tables: Vec<u32> = oids.iter().copied().chain(views.tables()).collect();
    let mut table_keys: HashMap<u32, Vec<i16>> = HashMap::new();
    for row in client.query(KEYS, &[&tables]).await? {
        table_keys.insert(row.try_get("relation_oid")?, row.try_get("column_numbers")?);
    }
    let foreign_keys = client.query(FOREIGN_KEYS, &[&tables]).await?;
    let foreign_keys = foreign_keys.iter().map(key).collect::<Result<Vec<_>, _>>()?;

    let mut relations = Vec::new();
    let mut sides: Vec<Side> = Vec::new();
    for (index, facts) in served.into_iter().enumerate() {
        let columns = columns.remove(&facts.oid).unwrap_or_default();
        let name = |number: i16| {
            columns.iter().find(|(known, _)| *known == number).map(|(_, column)| column.name.clone())
        };
        let numbers = || columns.iter().map(|(number, _)| *number);
        let origins = match facts.is_view() {
            true => views.origins(facts.oid),
            false => vec![view::Origin::table(facts.oid, numbers())],
        };
        for origin in origins {
            let columns = origin.columns.into_iter().filter_map(|(theirs, ours)| Some((theirs, name(ours)?)));
            sides.push(Side { table: origin.table, relation: RelationId(index), columns: columns.collect() });
        }
        let key = match facts.is_view() {
            true => views.key(facts.oid, &table_keys),
            false => table_keys.get(&facts.oid).cloned(),
        };
        let primary_key = key.unwrap_or_default().into_iter().filter_map(name);
        let primary_key = primary_key.map(|name| name.name().to_owned()).collect();
        let columns: Vec<Column> = columns.into_iter().map(|(_, column)| column).collect();
        relations.push(Relation {
            kind: if facts.is_view() { RelationKind::View } else { RelationKind::Table },
            tenant_column: facts.tenant_column(&columns),
            schema: facts.schema,
            name: facts.name,
            comment: facts.comment,
            primary_key,
            privileges: facts.privileges,
            takes: facts.takes,
            computed: Vec::new(),
            relationships: Vec::new(),
            columns,
            checks: Vec::new(),
        });
    }
    shape::add(client, &oids, &mut relations).await?;
    relationship::connect(&mut relations, &foreign_keys, &sides);
    for row in client.query(COMPUTED, &[&oids, &config.schemas]).await? {
        computed(&mut relations, &oids, &row)?;
    }
    Ok(relations)
}

/// What the served views are made of.
async fn views(client: &Client, served: &[Facts]) -> Result<Views, Error> {
    let oids: Vec<u32> = served.iter().filter(|facts| facts.is_view()).map(|facts| facts.oid).collect();
    let mut views = Views::default();
    for row in client.query(VIEWS, &[&oids]).await? {
        views.add(row.try_get("view_oid")?, row.try_get("query_tree")?);
    }
    Ok(views)
}

fn key(row: &Row) -> Result<Key, Error> {
    let ours: Vec<i16> = row.try_get("referencing_columns")?;
    let theirs: Vec<i16> = row.try_get("referenced_columns")?;
    Ok(Key {
        constraint: row.try_get("constraint_name")?,
        referencing: row.try_get("referencing_oid")?,
        referenced: row.try_get("referenced_oid")?,
        columns: ours.into_iter().zip(theirs).collect(),
        unique: row.try_get("referencing_unique")?,
    })
}

/// Gives a computed field or relationship to its relation; of two with one name, the first exposed schema has it.
fn computed(relations: &mut [Relation], oids: &[u32], row: &Row) -> Result<(), Error> {
    let position = |oid: u32| oids.iter().position(|known| *known == oid);
    let function = FunctionName {
        schema: identifier(row.try_get("schema_name")?)?,
        name: identifier(row.try_get("function_name")?)?,
    };
    let Some(relation) = position(row.try_get("relation_oid")?).map(|at| &mut relations[at]) else {
        return Ok(());
    };
    match row.try_get::<_, Option<u32>>("target_oid")?.and_then(position) {
        Some(target) => {
            let single: bool = row.try_get("single")?;
            let gives_set = row.try_get("gives_set")?;
            relation.relationships.push(Relationship {
                target: RelationId(target),
                cardinality: if single { Cardinality::One } else { Cardinality::Many },
                link: Link::Function { function, gives_set },
            });
        }
        // A column proper hides the function.
        None if relation.column(function.name.name()).is_none() => {
            let base_type: Option<String> = row.try_get("base_type")?;
            let encoding = base_type.as_deref().map_or(Encoding::ToJson, Encoding::of_builtin);
            if relation.computed.iter().all(|known| known.name != function.name) {
                relation.computed.push(Column {
                    name: function.name.clone(),
                    type_name: row.try_get("type_name")?,
                    is_json: matches!(encoding, Encoding::Json | Encoding::Jsonb),
                    encoding,
                    not_null: false,
                    default: None,
                    generated: true,
                    may_select: true,
                    may_insert: false,
                    may_update: false,
                    comment: row.try_get("comment")?,
                    shape: Shape::default(),
                    function: Some(function),
                });
            }
        }
        None => {}
    }
    Ok(())
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
        default: row.try_get("default_expression")?,
        generated: row.try_get("generated")?,
        may_select: row.try_get("may_select")?,
        may_insert: row.try_get("may_insert")?,
        may_update: row.try_get("may_update")?,
        comment: row.try_get("comment")?,
        shape: Shape::default(),
        function: None,
    })
}

/// Reads the functions of the exposed schemas, judges them, and gives the catalog those that may be called.
async fn functions(
    client: &Client,
    config: &Config,
    (vouched, faults): (&Vec<u32>, &Faults),
    catalog: &mut Catalog,
    relations: &HashMap<u32, RelationId>,
) -> Result<(), Error> {
    let rows = client.query(FUNCTIONS, &[&config.schemas, vouched]).await?;
    let composites: Vec<u32> =
        rows.iter().map(|row| row.try_get("return_relation_oid")).collect::<Result<_, _>>()?;
    let mut columns: HashMap<u32, Vec<Column>> = HashMap::new();
    for row in client.query(COLUMNS, &[&composites]).await? {
        let base_type: Option<String> = row.try_get("base_type")?;
        let name = identifier(row.try_get("column_name")?)?;
        let column = function::returned_column(name, row.try_get("type_name")?, base_type.as_deref());
        columns.entry(row.try_get("relation_oid")?).or_default().push(column);
    }

    let mut served: Vec<(String, Function)> = Vec::new();
    for row in &rows {
        let (arguments, outputs) = arguments(row)?;
        if !Function::is_callable(&arguments) {
            continue;
        }
        let oid: u32 = row.try_get("return_relation_oid")?;
        let relation = relations.get(&oid).filter(|id| catalog.get(**id).privileges.select);
        let name = format!(
            "{}.{}({})",
            row.try_get::<_, &str>("schema_name")?,
            row.try_get::<_, &str>("function_name")?,
            row.try_get::<_, &str>("signature")?
        );
        let facts = FunctionFacts {
            identity: row.try_get("identity")?,
            declared: row.try_get("is_declared")?,
            security_definer: row.try_get("is_definer")?,
            fixed_setting: row.try_get("fixed_setting")?,
            unserved_relation: match relation {
                None => row.try_get("returns_relation")?,
                Some(_) => None,
            },
        };
        match gate::judge_function(&facts, faults) {
            Ok(()) => {
                let own = columns.get(&oid).map_or(&[][..], Vec::as_slice);
                served.push((name, function(row, arguments, outputs, relation.copied(), own)?));
            }
            Err(reason) => catalog.refused.push(Refusal { relation: name, reason }),
        }
    }
    // In the order in which the configuration exposes their schemas.
    served.sort_by_key(|(_, function)| {
        config.schemas.iter().position(|exposed| exposed == function.schema.name())
    });

    let routes = routes(&served, catalog);
    catalog.add_functions(served.into_iter().map(|(_, function)| function).collect(), routes);
    Ok(())
}

/// What a function takes, and the columns that its OUT, INOUT and TABLE arguments make.
fn arguments(row: &Row) -> Result<(Vec<Argument>, Vec<Column>), Error> {
    let names: Vec<String> = row.try_get("argument_names")?;
    let types: Vec<String> = row.try_get("argument_types")?;
    let base_types: Vec<Option<String>> = row.try_get("argument_base_types")?;
    let modes: Vec<String> = row.try_get("argument_modes")?;
    let (mut arguments, mut outputs) = (Vec::new(), Vec::new());
    for (((name, type_name), base_type), mode) in names.into_iter().zip(types).zip(base_types).zip(modes) {
        if matches!(mode.as_str(), "i" | "b" | "v") {
            arguments.push(Argument {
                name: Identifier::new(&name),
                type_name: type_name.clone(),
                base_type: base_type.clone(),
                required: true,
                variadic: mode == "v",
            });
        }
        if matches!(mode.as_str(), "o" | "b" | "t") {
            // Postgres' own name for an output without one.
            let name = match name.as_str() {
                "" => format!("column{}", outputs.len() + 1),
                _ => name,
            };
            outputs.push(function::returned_column(identifier(name)?, type_name, base_type.as_deref()));
        }
    }
    let defaults = usize::try_from(row.try_get::<_, i32>("default_count")?).unwrap_or(0);
    for argument in arguments.iter_mut().rev().take(defaults) {
        argument.required = false;
    }
    Ok((arguments, outputs))
}

fn function(
    row: &Row,
    arguments: Vec<Argument>,
    outputs: Vec<Column>,
    relation: Option<RelationId>,
    composite: &[Column],
) -> Result<Function, Error> {
    let schema = identifier(row.try_get("schema_name")?)?;
    let name = identifier(row.try_get("function_name")?)?;
    let base_type: Option<String> = row.try_get("return_base_type")?;
    let (returns, columns) = match row.try_get("return_kind")? {
        "void" => (Returns::Void, Vec::new()),
        _ if !outputs.is_empty() => (Returns::Row, outputs),
        "record" => (Returns::Record, Vec::new()),
        "row" => (Returns::Row, composite.to_vec()),
        _ => {
            let type_name = row.try_get("return_type")?;
            (Returns::Value, vec![function::returned_column(name.clone(), type_name, base_type.as_deref())])
        }
    };
    Ok(Function {
        row: match relation {
            Some(id) if returns == Returns::Row => ReturnedRow::Served(id),
            _ => ReturnedRow::Own(Box::new(function::row_type(&schema, &name, columns))),
        },
        schema,
        name,
        arguments,
        returns,
        returns_set: row.try_get("returns_set")?,
        volatility: match row.try_get("volatility")? {
            "i" => Volatility::Immutable,
            "s" => Volatility::Stable,
            _ => Volatility::Volatile,
        },
        security_definer: row.try_get("is_definer")?,
        comment: row.try_get("comment")?,
    })
}

/// The routes that the comments declare. A faulty one is refused, its function is served all the same.
fn routes(functions: &[(String, Function)], catalog: &mut Catalog) -> Vec<(usize, Route)> {
    let mut routes: Vec<(usize, String, Route)> = Vec::new();
    let mut refuse = |name: &str, route: String, fault| {
        let reason = Reason::Route { route, fault };
        catalog.refused.push(Refusal { relation: name.to_owned(), reason });
    };
    let relations: HashSet<String> =
        catalog.relations.iter().map(|relation| relation.name.name().to_owned()).collect();
    for (index, (name, function)) in functions.iter().enumerate() {
        let comment = function.comment.as_deref().unwrap_or_default();
        for (text, route) in Route::declared(comment, &function.arguments) {
            match route {
                Err(fault) => refuse(name, text, fault),
                Ok(route) => match route.fixed_first().filter(|first| relations.contains(*first)) {
                    Some(first) => {
                        let fault = RouteFault::Relation(first.to_owned());
                        refuse(name, text, fault);
                    }
                    None => routes.push((index, text, route)),
                },
            }
        }
    }
    // Of two that say the same neither is served: which one was meant, nobody said.
    let same = |(one, _, route): &(usize, String, Route), (other, _, than): &(usize, String, Route)| {
        functions[*one].1.schema == functions[*other].1.schema && route.shape() == than.shape()
    };
    let mut kept = Vec::new();
    for (at, route) in routes.iter().enumerate() {
        let twin = routes.iter().enumerate().find(|(other, than)| *other != at && same(route, than));
        match twin {
            Some((_, (twin, _, _))) => {
                let fault = RouteFault::Ambiguous(functions[*twin].0.clone());
                refuse(&functions[route.0].0, route.1.clone(), fault);
            }
            None => kept.push((route.0, route.2.clone())),
        }
    }
    kept
}

/// The function that `pre_request` names, which must be one that the request role may call.
async fn pre_request(client: &Client, config: &Config) -> Result<Option<(Identifier, Identifier)>, Error> {
    if config.pre_request.is_empty() {
        return Ok(None);
    }
    let unknown = || Error::PreRequest(config.pre_request.clone());
    let (schema, name) = config.pre_request.split_once('.').ok_or_else(unknown)?;
    let (schema, name) =
        (Identifier::new(schema).ok_or_else(unknown)?, Identifier::new(name).ok_or_else(unknown)?);
    let quoted = format!("{}.{}()", schema.quoted(), name.quoted());
    let known = client.query_one(PRE_REQUEST, &[&quoted]).await?.try_get::<_, Option<bool>>(0)?;
    if known == Some(true) { Ok(Some((schema, name))) } else { Err(unknown()) }
}

/// Whether the request role may call the function that $1 names; null where there is none.
const PRE_REQUEST: &str =
    "select pg_catalog.has_function_privilege(pg_catalog.to_regprocedure($1)::pg_catalog.oid, 'EXECUTE')";
