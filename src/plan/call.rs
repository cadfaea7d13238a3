//! What is called: the one function that the names of the arguments choose, and a read of what it returns.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::read::{ReadPlan, Source};
use super::{Error, Planner, Veto};
use crate::catalog::{Argument, Function, Relation, Returns};
use crate::request::{self, CallBody, Count, SelectItem, WholeKind, Window};

/// A call and the read of its rows.
#[derive(Debug)]
pub struct CallPlan<'a> {
    pub function: &'a Function,
    pub read: ReadPlan<'a>,
    /// The transaction is read only.
    pub only_reads: bool,
    /// The client wants all rows counted; `read.count` says whether that can be asked of a second statement.
    pub count: bool,
    pub veto: Option<Veto>,
}

/// A function with its arguments: where the rows of a node come from.
#[derive(Debug)]
pub struct Invocation<'a> {
    pub function: &'a Function,
    /// In the order of the function's own list.
    pub given: Vec<(&'a Argument, Given<'a>)>,
    /// The body, where a member of it is given.
    pub json: Option<Bytes>,
}

/// What one argument is given.
#[derive(Debug)]
pub enum Given<'a> {
    /// A member of the body, which has the argument's name.
    Member,
    Text(&'a str),
    /// The elements of a list.
    List(Vec<&'a str>),
    /// The whole body.
    Whole(Bytes),
    /// The whole body, which is no text.
    Binary(Bytes),
}

impl<'a> Planner<'a, '_> {
    pub(super) fn call(
        &self,
        call: &'a request::Call,
        columns: Option<&'a [String]>,
    ) -> Result<(&'a Relation, CallPlan<'a>), Error> {
        let path = &self.request.path;
        let routed = path.call.as_ref().and_then(|call| call.schema.as_deref());
        let profile = routed.or(self.request.profile.as_deref());
        let candidates = self.catalog.functions_named(profile, &path.relation);
        let invocation = choose(&candidates, call, columns)
            .unwrap_or_else(|| Err(self.unknown(profile, &candidates, call, columns)))?;
        let function = invocation.function;
        let shaped = !matches!(self.request.select.as_slice(), [SelectItem::All]);
        match function.returns {
            Returns::Record => {
                return Err(Error::NotImplemented {
                    what: "a function that returns records of unknown columns",
                });
            }
            Returns::Value if shaped => {
                return Err(Error::NotImplemented { what: "select where a function returns plain values" });
            }
            Returns::Void if shaped => {
                return Err(Error::NotImplemented { what: "select where a function returns nothing" });
            }
            Returns::Value | Returns::Void | Returns::Row => {}
        }
        // Postgres does not call a function of which no row is wanted: an answer of success would be a lie.
        let acts = !function.only_reads() || function.returns == Returns::Void;
        if acts && self.request.window.limit == Some(0) {
            return Err(Error::NotImplemented {
                what: "limit=0 of a function that is called for what it does",
            });
        }
        let veto = self.call_veto(function, call)?;
        let relation = self.catalog.row_of(function);
        let mut read = self.called(relation, Source::Call(Box::new(invocation)), call.head)?;
        let wanted = self.request.preferences.count.filter(|_| function.returns_set);
        // Counting calls it once more, which only a function that promises the same rows may be.
        read.count = wanted.filter(|_| function.only_reads());
        let count = wanted == Some(Count::Exact);
        if veto.is_some() || !function.returns_set {
            read.root.limit = self.request.window.limit;
        }
        let only_reads = call.only_reads || function.only_reads();
        Ok((relation, CallPlan { function, read, only_reads, count, veto }))
    }

    /// When the number of rows undoes what the function has done.
    fn call_veto(&self, function: &Function, call: &request::Call) -> Result<Option<Veto>, Error> {
        if call.only_reads {
            return Ok(None);
        }
        match self.request.preferences.max_affected {
            Some(_) if !function.returns_set => Err(Error::MaxAffectedOfOne),
            Some(_) if self.request.window != Window::default() || !self.request.filters.is_empty() => {
                Err(Error::NotImplemented { what: "filters, limit and offset of a call with max-affected" })
            }
            Some(rows) => Ok(Some(Veto::Above(rows))),
            None if function.returns_set && !function.only_reads() && self.request.media.is_singular() => {
                Ok(Some(Veto::UnlessOne))
            }
            None => Ok(None),
        }
    }

    fn unknown(
        &self,
        profile: Option<&str>,
        candidates: &[&Function],
        call: &request::Call,
        columns: Option<&[String]>,
    ) -> Error {
        let given = names(call, columns);
        // The overload that shares most names, else a function of a name like this one.
        let overload = candidates
            .iter()
            .filter(|function| function.unnamed().is_none())
            .max_by_key(|function| given.iter().filter(|name| function.argument(name).is_some()).count());
        let name = &self.request.path.relation;
        let similar = overload.copied().or_else(|| self.catalog.similar_function(profile, name));
        Error::UnknownFunction {
            name: name.clone(),
            given: given.into_iter().map(str::to_owned).collect(),
            whole: matches!(call.body, CallBody::Whole { .. }),
            similar: similar.map(signature),
        }
    }
}

/// The names that a call gives.
fn names<'a>(call: &'a request::Call, columns: Option<&'a [String]>) -> BTreeSet<&'a str> {
    let keys = match &call.body {
        CallBody::Object { keys, .. } => columns.unwrap_or(keys),
        CallBody::Empty | CallBody::Whole { .. } => &[],
    };
    let pairs = call.pairs.iter().map(|(name, _)| name);
    pairs.chain(keys).map(String::as_str).collect()
}

/// The function whose arguments are those given: all that it requires, and none that it has not. Where there is none, one
/// that takes the whole body. None: neither.
fn choose<'a>(
    candidates: &[&'a Function],
    call: &'a request::Call,
    columns: Option<&'a [String]>,
) -> Option<Result<Invocation<'a>, Error>> {
    let given = names(call, columns);
    let named: Vec<&'a Function> = match call.body {
        CallBody::Whole { .. } => Vec::new(),
        CallBody::Empty | CallBody::Object { .. } => {
            candidates.iter().copied().filter(|function| fits(function, &given)).collect()
        }
    };
    match named.as_slice() {
        [function] => return Some(Ok(invocation(function, call, &given))),
        [] => {}
        several => return Some(Err(ambiguous(several))),
    }
    let (types, bytes, binary): (&[&str], _, _) = match &call.body {
        CallBody::Empty => return None,
        CallBody::Object { json, .. } => (&["json", "jsonb"], json, false),
        CallBody::Whole { kind: WholeKind::Json, bytes } => (&["json", "jsonb"], bytes, false),
        CallBody::Whole { kind: WholeKind::Text, bytes } => (&["text"], bytes, false),
        CallBody::Whole { kind: WholeKind::Xml, bytes } => (&["xml"], bytes, false),
        CallBody::Whole { kind: WholeKind::Binary, bytes } => (&["bytea"], bytes, true),
    };
    let takes_it = |function: &&'a Function| {
        let base_type = function.unnamed().and_then(|argument| argument.base_type.as_deref());
        call.pairs.is_empty() && base_type.is_some_and(|base_type| types.contains(&base_type))
    };
    let whole: Vec<&'a Function> = candidates.iter().copied().filter(takes_it).collect();
    match whole.as_slice() {
        [function] => {
            let given = if binary { Given::Binary(bytes.clone()) } else { Given::Whole(bytes.clone()) };
            let given = function.unnamed().map(|argument| (argument, given));
            Some(Ok(Invocation { function, given: given.into_iter().collect(), json: None }))
        }
        [] => None,
        several => Some(Err(ambiguous(several))),
    }
}

fn fits(function: &Function, given: &BTreeSet<&str>) -> bool {
    let is_given =
        |argument: &Argument| argument.name.as_ref().is_some_and(|name| given.contains(name.name()));
    function.unnamed().is_none()
        && given.iter().all(|name| function.argument(name).is_some())
        && function.arguments.iter().all(|argument| !argument.required || is_given(argument))
}

fn invocation<'a>(function: &'a Function, call: &'a request::Call, names: &BTreeSet<&str>) -> Invocation<'a> {
    let mut json = None;
    let mut given = Vec::new();
    for argument in &function.arguments {
        let Some(name) = argument.name.as_ref().map(|name| name.name()).filter(|name| names.contains(name))
        else {
            continue;
        };
        let texts: Vec<&'a str> =
            call.pairs.iter().filter(|(pair, _)| pair == name).map(|(_, value)| value.as_str()).collect();
        let value = match (texts.as_slice(), &call.body) {
            ([], CallBody::Object { json: body, .. }) => {
                json = Some(body.clone());
                Given::Member
            }
            // The path goes before the query, and stands before it.
            ([first, ..], _) if call.path_names.iter().any(|path| path == name) => Given::Text(first),
            (_, _) if argument.variadic => Given::List(texts),
            ([.., last], _) => Given::Text(last),
            ([], CallBody::Empty | CallBody::Whole { .. }) => continue,
        };
        given.push((argument, value));
    }
    Invocation { function, given, json }
}

fn ambiguous(candidates: &[&Function]) -> Error {
    Error::AmbiguousFunction { candidates: candidates.iter().map(|function| signature(function)).collect() }
}

/// `find_tickets(status => text, priority => text)`.
fn signature(function: &Function) -> String {
    let arguments: Vec<String> = function
        .arguments
        .iter()
        .map(|argument| match &argument.name {
            Some(name) => format!("{} => {}", name.name(), argument.type_name),
            None => argument.type_name.clone(),
        })
        .collect();
    format!("{}.{}({})", function.schema.name(), function.name.name(), arguments.join(", "))
}
