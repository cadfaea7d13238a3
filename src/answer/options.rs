//! OPTIONS: the methods that a path has for the request role, by the catalog alone.

use super::{Body, Reply};
use crate::catalog::Catalog;
use crate::error::Error;
use crate::plan;
use crate::request::{self, Path};

/// What `Allow` says of `path`, which stands below the tenant selector.
///
/// # Errors
/// What any request to the path would be told: no such path, relation, profile or key.
pub fn options(
    path: Result<Path, request::Error>,
    profile: Option<&str>,
    catalog: &Catalog,
) -> Result<Reply, Error> {
    let path = match path {
        Ok(path) => path,
        Err(request::Error::Root) => return Ok(allow([("GET", true), ("HEAD", true)])),
        Err(error) => return Err(error.into()),
    };
    if let Some(call) = &path.call {
        return function(call.schema.as_deref().or(profile), &path.relation, catalog);
    }
    let relation = plan::relation(catalog, profile, &path.relation)?;
    let (may, takes) = (relation.privileges, relation.takes);
    let (insert, update) = (may.insert && takes.insert, may.update && takes.update);
    if let Some(values) = &path.key {
        plan::key_columns(relation, values)?;
    }
    Ok(allow([
        ("GET", may.select),
        ("HEAD", may.select),
        ("POST", insert && path.key.is_none()),
        ("PUT", insert && update && !relation.primary_key.is_empty()),
        ("PATCH", update),
        ("DELETE", may.delete && takes.delete),
    ]))
}

/// One that may write is not had by GET.
fn function(profile: Option<&str>, name: &str, catalog: &Catalog) -> Result<Reply, Error> {
    let functions = catalog.functions_named(profile, name);
    if functions.is_empty() {
        return Err(plan::Error::UnknownFunction {
            name: name.to_owned(),
            given: Vec::new(),
            whole: false,
            similar: None,
        }
        .into());
    }
    let reads = functions.iter().any(|function| function.only_reads());
    Ok(allow([("GET", reads), ("HEAD", reads), ("POST", true)]))
}

/// An answer that allows OPTIONS and, of `methods`, those that are true.
pub fn allow<const N: usize>(methods: [(&'static str, bool); N]) -> Reply {
    let had = methods.into_iter().filter_map(|(method, is_had)| is_had.then_some(method));
    let methods: Vec<_> = std::iter::once("OPTIONS").chain(had).collect();
    Reply { status: 200, headers: vec![("allow", methods.join(", "))], told: Vec::new(), body: Body::Empty }
}
