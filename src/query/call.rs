//! The call of a function as what a statement reads from.

use super::read::array_literal;
use super::sql::{Param, Sql};
use crate::catalog::{Identifier, Returns};
use crate::plan::{Given, Invocation};

/// `pg_catalog.json_to_record($1) as body ("a" integer), "api"."f"("a" => body."a") as t0`, the alias being `table`.
pub(super) fn from(sql: &mut Sql, call: &Invocation<'_>, table: usize) {
    let members = || {
        let given = call.given.iter().filter(|(_, given)| matches!(given, Given::Member));
        given.filter_map(|(argument, _)| Some((*argument, argument.name.as_ref()?)))
    };
    if let Some(json) = &call.json {
        sql.push("pg_catalog.json_to_record(").bind(Param::Bytes(json.clone())).push(") as body (");
        sql.list(members(), ", ", |sql, (argument, name)| {
            sql.identifier(name).push(" ").type_of_argument(argument);
        });
        sql.push("), ");
    }
    let function = call.function;
    sql.identifier(&function.schema).push(".").identifier(&function.name).push("(");
    sql.list(&call.given, ", ", |sql, (argument, given)| {
        if argument.variadic {
            sql.push("variadic ");
        }
        if let Some(name) = &argument.name {
            sql.identifier(name).push(" => ");
        }
        let text = match given {
            Given::Member => {
                if let Some(name) = &argument.name {
                    sql.push("body.").identifier(name);
                }
                return;
            }
            Given::Text(text) => Param::Text((*text).to_owned()),
            Given::List(elements) => Param::Text(array_literal(elements)),
            Given::Whole(bytes) => Param::Bytes(bytes.clone()),
            Given::Binary(bytes) => Param::Text(hexadecimal(bytes)),
        };
        sql.bind(text).push("::").type_of_argument(argument);
    });
    sql.push(") as ").table(table);
    if function.returns == Returns::Value {
        sql.push(" (").identifier(&function.name).push(")");
    }
}

/// The text form of bytea (Postgres manual, 8.4.1).
fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(2 + 2 * bytes.len());
    text.push_str("\\x");
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// Calls the function that goes before every request's statement. In FROM, so that its type is of no concern.
pub fn pre_request(schema: &Identifier, name: &Identifier) -> String {
    let mut sql = Sql::default();
    sql.push("select 1 from ").identifier(schema).push(".").identifier(name).push("() as called");
    sql.finish().text
}

/// What functions have said of the answer: the status, the headers. NULL or empty where nothing was said.
pub const TOLD: &str = "select pg_catalog.current_setting('response.status', true), \
    pg_catalog.current_setting('response.headers', true)";
