//! The one way to make SQL text: fixed text, quoted identifiers, placeholders. There is no way to push a `String`.

use bytes::{Bytes, BytesMut};
use tokio_postgres::types::{Format, IsNull, ToSql, Type};

use super::Statement;
use crate::catalog::{Argument, Column, FunctionName, Identifier, Relation};

/// A value bound to a placeholder: always text, of unknown type, so that Postgres infers the type from where it stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Param {
    Text(String),
    /// A request body, not copied.
    Bytes(Bytes),
}

impl ToSql for Param {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Param::Text(text) => out.extend_from_slice(text.as_bytes()),
            Param::Bytes(bytes) => out.extend_from_slice(bytes),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    fn to_sql_checked(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        self.to_sql(ty, out)
    }
}

/// SQL in the making.
#[derive(Debug, Default)]
pub struct Sql {
    text: String,
    params: Vec<Param>,
}

impl Sql {
    pub fn push(&mut self, fixed: &'static str) -> &mut Self {
        self.text.push_str(fixed);
        self
    }

    pub fn identifier(&mut self, identifier: &Identifier) -> &mut Self {
        self.text.push_str(identifier.quoted());
        self
    }

    /// `"schema"."relation"`.
    pub fn relation(&mut self, relation: &Relation) -> &mut Self {
        self.identifier(&relation.schema).push(".").identifier(&relation.name)
    }

    /// The alias of a node's table: `t0`, `t1`, ….
    pub fn table(&mut self, number: usize) -> &mut Self {
        self.text.push('t');
        self.integer(i64::try_from(number).unwrap_or(i64::MAX))
    }

    /// How much is written, for [`Sql::again`].
    pub fn mark(&self) -> usize {
        self.text.len()
    }

    /// Writes once more what was written between two marks, with the same placeholders.
    pub fn again(&mut self, (from, to): (usize, usize)) -> &mut Self {
        self.text.extend_from_within(from..to);
        self
    }

    /// `"schema"."function"`.
    pub fn function(&mut self, function: &FunctionName) -> &mut Self {
        self.identifier(&function.schema).push(".").identifier(&function.name)
    }

    pub fn integer(&mut self, integer: i64) -> &mut Self {
        self.text.push_str(&integer.to_string());
        self
    }

    /// The type of a column, as Postgres' own `format_type` wrote it when the catalog was loaded.
    pub fn type_of(&mut self, column: &Column) -> &mut Self {
        self.text.push_str(&column.type_name);
        self
    }

    /// What `column` gets where nothing is said, as Postgres' own `pg_get_expr` wrote it when the catalog was loaded.
    pub fn default_of(&mut self, column: &Column) -> &mut Self {
        match &column.default {
            Some(expression) => {
                self.text.push('(');
                self.text.push_str(expression);
                self.text.push(')');
            }
            None => self.text.push_str("null"),
        }
        self
    }

    /// The type of an argument, as `format_type` wrote it.
    pub fn type_of_argument(&mut self, argument: &Argument) -> &mut Self {
        self.text.push_str(&argument.type_name);
        self
    }

    /// A placeholder, and the value bound to it.
    pub fn bind(&mut self, param: Param) -> &mut Self {
        self.params.push(param);
        self.text.push('$');
        self.integer(i64::try_from(self.params.len()).unwrap_or(i64::MAX))
    }

    /// Writes each of `items`, `separator` between them.
    pub fn list<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        separator: &'static str,
        mut write: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                self.push(separator);
            }
            write(self, item);
        }
        self
    }

    pub fn finish(self) -> Statement {
        Statement { text: self.text, params: self.params }
    }
}
