//! Writes the SQL of a [`Plan`]: text and binds. Cannot fail on user input, because it sees none: values are binds, names
//! are identifiers that the catalog quoted, and the rest is fixed text.

pub mod attempt;
mod call;
mod explain;
mod form;
mod mutate;
mod nested;
mod probe;
mod read;
mod settings;
mod sql;
mod version;

pub use call::{TOLD, pre_request};
pub use form::Form;
pub use probe::{probe, set_role};
pub use settings::{AboutRequest, Access, Prologue, SettingMode, quote_literal};
pub use sql::{Param, Sql};

use crate::catalog::{Encoding, Identifier, Returns};
use crate::plan::{Operation, Plan};
use crate::request::Media;

/// A statement ready to run: its text is the same for all requests of the same shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    pub text: String,
    pub params: Vec<Param>,
}

/// The statements of a plan.
#[derive(Debug)]
pub struct Query {
    pub statement: Statement,
    /// Counts what a read would give without its window.
    pub count: Option<Statement>,
    /// What the planner expects of a read without its window.
    pub planned: Option<Statement>,
    pub columns: Columns,
}

impl Query {
    /// How the members of its rows are read.
    pub fn encodings(&self) -> Vec<Encoding> {
        self.columns.members.iter().map(|(_, encoding)| *encoding).collect()
    }
}

/// What the columns of a row are, in their order: members of the answer's objects first, then what the service itself
/// asked for.
#[derive(Debug, Default)]
pub struct Columns {
    /// The name and the encoding of each member.
    pub members: Vec<(String, Encoding)>,
    pub form: Form,
    /// How many columns, all as text, make up `Location`.
    pub location: usize,
    /// Whether a column behind them tells if the row was inserted.
    pub tells_inserted: bool,
    /// Whether the very last column is the version of the row.
    pub version: bool,
}

/// What the rows that come back are for: the representation, and the schema of PostGIS.
type MediaOf<'a> = (Media, Option<&'a Identifier>);

/// Writes the statements of `plan`.
pub fn query(plan: &Plan<'_>) -> Query {
    let form = (plan.media, plan.postgis);
    let query = match &plan.operation {
        Operation::Read(read) => read::query(read, form),
        Operation::Write(mutation) => mutate::query(plan.relation, mutation, form),
        Operation::Call(call) => {
            let mut query = read::query(&call.read, form);
            // No object is made of a plain value.
            if call.function.returns == Returns::Value
                && matches!(query.columns.form, Form::Members | Form::Stripped)
            {
                query.columns.form = Form::Value;
            }
            query
        }
    };
    match plan.media {
        Media::Plan(options) => explain::query(query, options),
        _ => query,
    }
}
