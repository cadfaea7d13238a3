//! The OpenAPI 3.1 document of what is served: from the [`Catalog`], which holds only what the request role may use.
//!
//! Made once for a catalog, at the first request for it, and kept as the text that is sent. The values are written with `json!`, so that the document
//! reads here as it does on the wire, and put together as text (`object.rs`): types of our own or a builder's would only
//! restate it, and a tree of thousands of relations would be many times its size. Pure.
//! <https://spec.openapis.org/oas/v3.1.1.html>; the marks of keys in descriptions are those of
//! <https://docs.postgrest.org/en/stable/references/api/openapi.html>.

mod batch;
mod check;
mod functions;
mod object;
mod operations;
mod schema;
mod shared;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::OnceLock;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use self::functions::Overloads;
use self::object::Object;
use crate::catalog::{Catalog, Relation};
use crate::config::Config;

/// The media type of the document.
pub const MEDIA_TYPE: &str = "application/openapi+json";

/// The path at which it is served, below the tenant where there is one; `/` has it, too.
pub const PATH: &str = "/openapi.json";

/// The documents of one catalog, each made when it is first asked for: that of everything, and one for each schema that a
/// request may name.
#[derive(Debug, Default)]
pub struct Documents {
    whole: OnceLock<Document>,
    of_profiles: BTreeMap<String, OnceLock<Document>>,
}

/// One document, as it is sent.
#[derive(Debug)]
pub struct Document {
    text: Bytes,
    /// An entity tag, with its quotes (RFC 9110 8.8.3).
    pub etag: String,
}

impl Documents {
    /// For a catalog with these schemas to choose among; none is made yet.
    pub fn of(profiles: &[String]) -> Self {
        let of_profiles = profiles.iter().map(|profile| (profile.clone(), OnceLock::new())).collect();
        Documents { whole: OnceLock::new(), of_profiles }
    }
}

/// The document of the relations of `profile`, or of what each name means where a request has none. None where there is no
/// such schema to choose.
pub fn document<'a>(catalog: &'a Catalog, config: &Config, profile: Option<&str>) -> Option<&'a Document> {
    let document = match profile {
        None => &catalog.documents.whole,
        Some(profile) => catalog.documents.of_profiles.get(profile)?,
    };
    Some(document.get_or_init(|| make(catalog, config, profile)))
}

impl Document {
    fn new(text: String) -> Self {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Document { etag: format!("\"{:016x}\"", hasher.finish()), text: text.into() }
    }

    /// The document, with paths below `tenant` where the request named it in its path.
    pub fn text(&self, tenant: Option<Uuid>) -> Bytes {
        match tenant {
            None => self.text.clone(),
            Some(tenant) => {
                let servers = format!("{{\"servers\":[{{\"url\":\"/{tenant}\"}}],");
                [servers.as_bytes(), &self.text[1..]].concat().into()
            }
        }
    }
}

fn make(catalog: &Catalog, config: &Config, profile: Option<&str>) -> Document {
    let relations = served(catalog, profile);
    let profiles = profiles(catalog, profile);

    let mut paths = Object::new();
    paths.put(PATH, &json!({"get": own_operation(), "parameters": [shared::parameter("ifNoneMatch"), shared::parameter("tenant")]}));
    let mut parameters = Object::new();
    shared::add_parameters(&mut parameters, config, &profiles);
    let mut schemas = Object::new();
    shared::add_schemas(&mut schemas);
    let mut responses = Object::new();
    shared::add_responses(&mut responses);
    let mut tags = vec![json!({"name": TAG})];
    for relation in relations {
        operations::add(&mut paths, relation, !profiles.is_empty());
        operations::add_parameters(&mut parameters, relation);
        operations::add_schemas(&mut schemas, relation);
        operations::add_responses(&mut responses, relation);
        tags.push(tag(relation));
    }

    let names: BTreeSet<&str> = catalog
        .functions()
        .filter(|function| profile.is_none_or(|profile| function.schema.name() == profile))
        .map(|function| function.name.name())
        .collect();
    if !names.is_empty() {
        tags.push(json!({"name": functions::FUNCTIONS}));
    }
    for name in names {
        let overloads = Overloads::of(catalog, profile, name);
        overloads.add_schemas(&mut schemas);
        overloads.add(&mut paths, !profiles.is_empty());
    }

    if config.batch_max > 0 {
        tags.push(json!({"name": batch::BATCHES}));
        batch::add(&mut paths, config);
    }

    let mut components = Object::new();
    components.put("securitySchemes", &shared::security_schemes());
    components.put_object("schemas", schemas);
    components.put_object("parameters", parameters);
    components.put("headers", &shared::all_headers());
    components.put_object("responses", responses);

    let mut document = Object::new();
    document.put("openapi", &"3.1.1");
    document.put("info", &info(catalog, profile));
    // Where there is an anonymous role, no token is needed for what that may do.
    let security =
        if config.anonymous_role.is_empty() { json!([{"bearer": []}]) } else { json!([{"bearer": []}, {}]) };
    document.put("security", &security);
    document.put("tags", &tags);
    document.put_object("paths", paths);
    document.put_object("components", components);
    Document::new(document.close())
}

/// The relations that a request can reach: of each name one, unless it names the schema.
fn served<'a>(catalog: &'a Catalog, profile: Option<&'a str>) -> impl Iterator<Item = &'a Relation> {
    let mut names = HashSet::new();
    catalog.relations().filter(move |relation| {
        profile.is_none_or(|profile| relation.schema.name() == profile) && names.insert(relation.name.name())
    })
}

/// The schemas that a request may choose among; none where there is no choice.
fn profiles<'a>(catalog: &'a Catalog, profile: Option<&'a str>) -> Vec<&'a str> {
    if let Some(profile) = profile {
        return vec![profile];
    }
    let mut seen = HashSet::new();
    let schemas: Vec<&str> = catalog
        .relations()
        .map(|relation| relation.schema.name())
        .filter(|schema| seen.insert(*schema))
        .collect();
    if schemas.len() > 1 { schemas } else { Vec::new() }
}

/// Title and description are the comment of the schema, as PostgREST has it: its first line, and the rest.
fn info(catalog: &Catalog, profile: Option<&str>) -> Value {
    let schema = profile.or(catalog.profiles().first().map(String::as_str)).unwrap_or_default();
    let comment = catalog.schema_comments.get(schema).map_or("", String::as_str);
    let (title, description) = operations::split_comment(comment);
    let mut info = Map::new();
    info.insert("title".to_owned(), if title.is_empty() { "Rowhouse" } else { title }.into());
    let about = "Tables and views of one tenant, in PostgREST's dialect. Which tenant, the token says.";
    info.insert("description".to_owned(), description.unwrap_or(about).into());
    info.insert("version".to_owned(), env!("CARGO_PKG_VERSION").into());
    Value::Object(info)
}

const TAG: &str = "This document";

fn own_operation() -> Value {
    let answer = json!({
        "description": "OpenAPI 3.1.",
        "headers": shared::headers(&["ETag", "X-Request-Id"]),
        "content": {MEDIA_TYPE: {"schema": {"type": "object"}}, "application/json": {"schema": {"type": "object"}}},
    });
    json!({
        "tags": [TAG],
        "operationId": "openapi",
        "summary": "What is served, as far as the role that asks may use it",
        "responses": operations::responses(
            vec![("200", answer), ("304", shared::response("rowhouse.Unchanged"))],
            &[&[400, 401, 403, 404, 406, 500, 503, 504]],
        ),
    })
}

/// Gives `operation` a description, if there is one.
fn described(operation: &mut Value, description: Option<&str>) {
    if let Some(description) = description {
        operation["description"] = description.into();
    }
}

fn tag(relation: &Relation) -> Value {
    match &relation.comment {
        Some(comment) => json!({"name": relation.name.name(), "description": comment}),
        None => json!({"name": relation.name.name()}),
    }
}

/// A name as a part of the name of a component, which may hold letters, digits, `.`, `-` and `_` (OpenAPI 4.8.7). The dot
/// is ours to separate parts.
fn component(name: &str) -> String {
    let mut component = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => component.push(char::from(byte)),
            byte => {
                let _ = write!(component, "-{byte:02X}");
            }
        }
    }
    component
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_gives_a_component_of_its_own() {
        assert_eq!(component("support_tickets"), "support_tickets");
        assert_eq!(component("it ems"), "it-20ems");
        assert_eq!(component("a.b-c"), "a-2Eb-2Dc");
        assert_eq!(component("é"), "-C3-A9");
    }
}
