//! The paths of functions: `/rpc/{function}`, and the routes that their comments declare.

use serde_json::{Map, Value, json};

use super::object::Object;
use super::operations::{ANY, BODY, KEPT, READ, RESERVED, WRITE, responses, rows, split_comment};
use super::schema::{self, Use};
use super::shared::{parameter, response};
use super::{component, described};
use crate::catalog::{Argument, Catalog, Function, Returns, RouteMethod, Segment};

/// The functions of one name, of which the arguments choose.
pub(super) struct Overloads<'a> {
    catalog: &'a Catalog,
    functions: Vec<&'a Function>,
    /// Their name in components.
    name: String,
}

impl<'a> Overloads<'a> {
    /// Those that `name` means to a request of `profile`.
    pub fn of(catalog: &'a Catalog, profile: Option<&str>, name: &str) -> Self {
        let functions = catalog.functions_named(profile, name);
        Overloads { catalog, functions, name: component(name) }
    }

    /// Adds what they return, where it is rows.
    pub fn add_schemas(&self, schemas: &mut Object) {
        if let [function] = self.functions.as_slice()
            && function.returns == Returns::Row
        {
            schemas.put_object(&self.row(), schema::relation(self.catalog.row_of(function), Use::Row));
        }
    }

    /// Adds their paths. `profiled`: the document has parameters that name the schema.
    pub fn add(&self, paths: &mut Object, profiled: bool) {
        let Some(first) = self.functions.first() else { return };
        let mut path = Object::new();
        let profile = |kind: &str| profiled.then(|| parameter(kind)).into_iter();
        if self.functions.iter().any(|function| function.only_reads()) {
            let mut parameters = self.query_arguments();
            parameters.extend(self.window());
            parameters.push(parameter("preferRead"));
            parameters.extend(profile("acceptProfile"));
            path.put("get", &self.operation("call", &parameters, None));
            path.put("head", &self.operation("head", &parameters, None));
        }
        let mut parameters = self.window();
        parameters.push(parameter("preferChange"));
        parameters.extend(profile("contentProfile"));
        path.put("post", &self.operation("post", &parameters, Some(self.body())));
        path.put("parameters", &[parameter("tenant")]);
        let name = percent_encoding::utf8_percent_encode(first.name.name(), KEPT);
        paths.put_object(&format!("/rpc/{name}"), path);

        for function in &self.functions {
            for (index, route) in self.catalog.routes_of(function).enumerate() {
                let mut parameters = vec![parameter("tenant")];
                let mut template = String::new();
                for segment in &route.segments {
                    template.push('/');
                    match segment {
                        Segment::Fixed(word) => {
                            template.extend(percent_encoding::utf8_percent_encode(word, KEPT));
                        }
                        Segment::Argument(name) => {
                            template.push_str(&format!("{{{name}}}"));
                            let schema = function.argument(name).map(value).unwrap_or_default();
                            parameters.push(
                                json!({"name": name, "in": "path", "required": true, "schema": schema}),
                            );
                        }
                    }
                }
                let (method, body) = match route.method {
                    RouteMethod::Get => ("get", None),
                    RouteMethod::Post => ("post", Some(self.body())),
                };
                let operation = self.operation(&format!("route{}", index + 1), &[], body);
                let mut path = Object::new();
                path.put(method, &operation);
                path.put("parameters", &parameters);
                paths.put_object(&template, path);
            }
        }
    }

    fn row(&self) -> String {
        format!("rpc.{}.row", self.name)
    }

    /// What chooses among rows that are returned.
    fn window(&self) -> Vec<Value> {
        let returns_rows = self.functions.iter().any(|function| function.returns == Returns::Row);
        let names: &[&str] = if returns_rows { &["select", "order", "limit", "offset"] } else { &[] };
        names.iter().map(|name| parameter(name)).collect()
    }

    /// The arguments as query parameters. Of several functions, no argument is always needed.
    fn query_arguments(&self) -> Vec<Value> {
        let mut parameters: Vec<Value> = Vec::new();
        for argument in self.functions.iter().flat_map(|function| &function.arguments) {
            let Some(name) = argument.name.as_ref().map(|name| name.name()) else { continue };
            // An argument of such a name can be given in a body only.
            let is_known = RESERVED.contains(&name) || parameters.iter().any(|known| known["name"] == name);
            if !is_known {
                parameters.push(json!({
                    "name": name,
                    "in": "query",
                    "required": argument.required && self.functions.len() == 1,
                    "description": format!("`{}`", argument.type_name),
                    "schema": value(argument),
                }));
            }
        }
        parameters
    }

    /// The arguments as a body: the members of an object, or all of it for one argument without a name.
    fn body(&self) -> Value {
        let mut objects = Vec::new();
        let mut content = Map::new();
        for function in &self.functions {
            match function.unnamed() {
                None => objects.push(arguments(function)),
                Some(whole) => {
                    let media_type = match whole.base_type.as_deref() {
                        Some("text") => "text/plain",
                        Some("xml") => "text/xml",
                        Some("bytea") => "application/octet-stream",
                        _ => "application/json",
                    };
                    content.insert(media_type.to_owned(), json!({"schema": {}}));
                }
            }
        }
        let schema = match objects.len() {
            0 => None,
            1 => objects.pop(),
            _ => Some(json!({"anyOf": objects})),
        };
        if let Some(schema) = schema {
            content.insert("application/json".to_owned(), json!({"schema": schema}));
        }
        let is_needed =
            self.functions.iter().all(|function| function.arguments.iter().any(|one| one.required));
        json!({"required": is_needed, "content": content})
    }

    fn operation(&self, verb: &str, parameters: &[Value], body: Option<Value>) -> Value {
        let mut answers = match verb {
            "head" => {
                responses(vec![("200", response("rowhouse.Head")), ("206", response("rowhouse.Head"))], &[])
            }
            _ => self.answers(),
        };
        answers.append(&mut responses(Vec::new(), &[ANY, READ, WRITE, BODY]));
        // Functions may answer with any status, headers and media type (`response.status`, `PT402`).
        answers.insert("default".to_owned(), json!({"description": "What the function itself says."}));
        let comment = self.functions.iter().find_map(|function| function.comment.as_deref());
        // A route is said by its path.
        let lines =
            comment.into_iter().flat_map(str::lines).filter(|line| !line.trim_start().starts_with("@route"));
        let comment = lines.collect::<Vec<_>>().join("\n");
        let (summary, description) = split_comment(comment.trim());
        let mut operation = json!({
            "tags": [FUNCTIONS],
            "operationId": format!("rpc.{}.{verb}", self.name),
            "summary": summary,
            "parameters": parameters,
            "responses": answers,
        });
        described(&mut operation, description);
        if let Some(body) = body {
            operation["requestBody"] = body;
        }
        operation
    }

    /// What is answered where all goes well. Nothing can be said of several functions at once.
    fn answers(&self) -> Map<String, Value> {
        let [function] = self.functions.as_slice() else {
            let any = json!({"description": "What the function returns."});
            return responses(vec![("200", any.clone()), ("204", any.clone()), ("206", any)], &[]);
        };
        let one = match function.returns {
            Returns::Void => {
                return responses(vec![("204", json!({"description": "Done."}))], &[]);
            }
            Returns::Row => schema::reference(&self.row()),
            Returns::Value | Returns::Record => json!({}),
        };
        let content = match (function.returns, function.returns_set) {
            (Returns::Row, true) => rows(&one),
            (Returns::Row, false) => {
                let mut content = rows(&one);
                // A function may return no row at all.
                content["application/json"] = json!({"schema": {"anyOf": [one, {"type": "null"}]}});
                content
            }
            (_, true) => json!({"application/json": {"schema": {"type": "array", "items": one}}}),
            (_, false) => json!({"application/json": {"schema": one}}),
        };
        let answer = json!({"description": "What the function returns.", "content": content});
        responses(vec![("200", answer.clone()), ("206", answer)], &[])
    }
}

/// The tag of all functions.
pub(super) const FUNCTIONS: &str = "Functions";

fn arguments(function: &Function) -> Value {
    let named = || function.arguments.iter().filter_map(|one| Some((one.name.as_ref()?.name(), one)));
    let required: Vec<&str> = named().filter(|(_, one)| one.required).map(|(name, _)| name).collect();
    let properties: Map<String, Value> = named().map(|(name, one)| (name.to_owned(), value(one))).collect();
    let mut schema = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}

/// What an argument takes; a variadic one a list.
fn value(argument: &Argument) -> Value {
    let schema = Value::Object(schema::of_type(argument.base_type.as_deref(), &argument.type_name));
    if argument.variadic { json!({"type": "array", "items": {}}) } else { schema }
}
