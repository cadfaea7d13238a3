//! Writes the SQL of a [`Plan`]: text and binds. Cannot fail on user input, because it sees none: values are binds, names
//! are identifiers that the catalog quoted, and the rest is fixed text.

mod mutate;
mod probe;
mod read;
mod settings;
mod sql;

pub use probe::probe;
pub use settings::{Access, Prologue, SettingMode, quote_literal};
pub use sql::{Param, Sql};

use crate::catalog::Encoding;
use crate::plan::{Operation, Plan};

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
    pub columns: Columns,
}

/// What the columns of a row are, in their order: members of the answer's objects first, then what the service itself
/// asked for.
#[derive(Debug, Default)]
pub struct Columns {
    /// The name and the encoding of each member.
    pub members: Vec<(String, Encoding)>,
    /// How many columns, all as text, make up `Location`.
    pub location: usize,
    /// Whether a last column tells if the row was inserted.
    pub tells_inserted: bool,
}

/// Writes the statements of `plan`.
pub fn query(plan: &Plan<'_>) -> Query {
    match &plan.operation {
        Operation::Read(read) => read::query(read),
        Operation::Write(mutation) => mutate::query(plan.relation, mutation),
    }
}
