//! EXPLAIN of a statement, instead of the statement.

use super::{Columns, Form, Query, Statement};
use crate::catalog::Encoding;
use crate::request::{Explain, ExplainFormat};

/// The plan of `query` instead of its rows (Postgres manual, EXPLAIN).
pub(super) fn query(query: Query, options: Explain) -> Query {
    let (format, encoding) = match options.format {
        ExplainFormat::Text => ("format text", Encoding::Text),
        ExplainFormat::Json => ("format json", Encoding::Json),
    };
    let words = options.options().filter_map(|(word, is_set)| is_set.then_some(word));
    let words: Vec<&'static str> = std::iter::once(format).chain(words).collect();
    Query {
        statement: explained(query.statement, &words),
        count: None,
        planned: None,
        columns: Columns { members: vec![(String::new(), encoding)], form: Form::Line, ..Columns::default() },
    }
}

/// One row: the plan of `statement` as JSON, in which the planner says how many rows it expects.
pub(super) fn rows(statement: Statement) -> Statement {
    explained(statement, &["format json"])
}

fn explained(statement: Statement, options: &[&'static str]) -> Statement {
    let text = format!("explain ({}) {}", options.join(", "), statement.text);
    Statement { text, params: statement.params }
}
