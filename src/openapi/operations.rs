//! The paths of a relation, with the operations that the role's privileges allow.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::object::Object;
use super::schema::{self, Use};
use super::shared::{error_response, headers, parameter, response};
use super::{component, described};
use crate::catalog::{Column, Privileges, Relation};

/// What stays as it is in a path (RFC 3986 2.3).
pub(super) const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What can be answered to any request with a token, to those that read, and to those that write.
pub(super) const ANY: &[u16] = &[400, 401, 403, 404, 406, 500, 503, 504];
pub(super) const READ: &[u16] = &[300, 416];
pub(super) const WRITE: &[u16] = &[300, 405, 409, 416, 422];
pub(super) const BODY: &[u16] = &[413, 415];
/// Of one row, which has versions.
const VERSIONED: &[u16] = &[412];

/// What a request may send: JSON of this schema, or the same as CSV with a header or as a form.
fn body(json: &Value) -> Value {
    json!({
        "required": true,
        "content": {
            "application/json": {"schema": json},
            "text/csv": {"schema": {"type": "string"}},
            "application/x-www-form-urlencoded": {"schema": {"type": "object"}},
        },
    })
}

/// Rows in each form that they come in. With `nulls=stripped` a member that is null is left out.
pub(super) fn rows(row: &Value) -> Value {
    let some = json!({"type": "object"});
    json!({
        "application/json": {"schema": {"type": "array", "items": row}},
        "application/vnd.pgrst.object+json": {"schema": row},
        "application/vnd.pgrst.array+json;nulls=stripped": {"schema": {"type": "array", "items": some}},
        "application/vnd.pgrst.object+json;nulls=stripped": {"schema": some},
        "text/csv": {"schema": {"type": "string"}},
        "application/x-ndjson": {"schema": {"type": "string"}},
    })
}

/// Names of query parameters that are no columns: a column of such a name has no filter of its own.
pub(super) const RESERVED: &[&str] =
    &["select", "order", "limit", "offset", "and", "or", "columns", "on_conflict", "access_token"];

/// Adds the paths of `relation`. `profiled`: the document has parameters that name the schema.
pub(super) fn add(paths: &mut Object, relation: &Relation, profiled: bool) {
    let writer = Writer { relation, name: component(relation.name.name()), profiled };
    let path = format!("/{}", utf8_percent_encode(relation.name.name(), KEPT));
    let collection = writer.collection();
    if !collection.is_empty() {
        paths.put_object(&path, collection.close_with_parameters(vec![parameter("tenant")]));
    }
    let key = writer.key();
    let row = writer.row(&key);
    if !key.is_empty() && !row.is_empty() {
        let names: Vec<String> = key.iter().map(|(name, _)| format!("{{{name}}}")).collect();
        let mut parameters: Vec<Value> = key.into_iter().map(|(_, parameter)| parameter).collect();
        parameters.push(parameter("tenant"));
        paths.put_object(&format!("{path}/{}", names.join(",")), row.close_with_parameters(parameters));
    }
}

/// The name of the parameter for the filter of a column.
fn filter_name(relation: &str, column: &str) -> String {
    format!("rowFilter.{relation}.{}", component(column))
}

/// Adds the parameters of `relation`: a filter for each column.
pub(super) fn add_parameters(parameters: &mut Object, relation: &Relation) {
    let name = component(relation.name.name());
    for column in filtered(relation) {
        let mut filter = json!({
            "name": column.name.name(),
            "in": "query",
            "schema": schema::reference("rowhouse.Filter"),
        });
        filter["description"] = match column.comment.as_deref() {
            Some(comment) => format!("{comment} (`{}`)", column.type_name),
            None => format!("`{}`", column.type_name),
        }
        .into();
        parameters.put(&filter_name(&name, column.name.name()), &filter);
    }
}

/// The columns that have a filter; computed fields, too.
fn filtered(relation: &Relation) -> impl Iterator<Item = &Column> {
    let columns = relation.columns.iter().chain(&relation.computed);
    columns.filter(|column| column.may_select && !RESERVED.contains(&column.name.name()))
}

/// Adds the answers of `relation`: its rows, one row, and what was written.
pub(super) fn add_responses(responses: &mut Object, relation: &Relation) {
    let name = component(relation.name.name());
    let row = schema::reference(&Use::Row.name(relation));
    let read = ["Content-Location", "Content-Profile", "Content-Range", "Preference-Applied", "X-Request-Id"];
    let written = ["Content-Profile", "Content-Range", "Location", "Preference-Applied", "X-Request-Id"];
    let several = rows(&row);
    let may = may(relation);
    if may.select {
        responses.put(
            &format!("{name}.rows"),
            &json!({"description": "The rows.", "headers": headers(&read), "content": several}),
        );
        let mut one = rows(&row);
        one["application/json"] = json!({"schema": row});
        responses.put(
            &format!("{name}.row"),
            &json!({"description": "The row.", "headers": headers(&read), "content": one}),
        );
        if may.insert || may.update || may.delete {
            responses.put(
            &format!("{name}.written"),
            &json!({
                "description": "Done. The rows as they are now, with `Prefer: return=representation`; else nothing.",
                "headers": headers(&written),
                "content": several,
            }),
        );
        }
    }
}

/// What the role may do with `relation`, and the relation can take.
fn may(relation: &Relation) -> Privileges {
    let (may, takes) = (relation.privileges, relation.takes);
    Privileges {
        insert: may.insert && takes.insert,
        update: may.update && takes.update,
        delete: may.delete && takes.delete,
        ..may
    }
}

/// Adds the schemas of `relation`.
pub(super) fn add_schemas(schemas: &mut Object, relation: &Relation) {
    let may = may(relation);
    for (of, is_used) in [(Use::Row, may.select), (Use::New, may.insert), (Use::Change, may.update)] {
        if is_used {
            schemas.put_object(&of.name(relation), schema::relation(relation, of));
        }
    }
}

/// The first line of a comment is its summary, the rest the description, as PostgREST has it.
pub(super) fn split_comment(comment: &str) -> (&str, Option<&str>) {
    match comment.split_once('\n') {
        None => (comment.trim(), None),
        Some((summary, rest)) => (summary.trim(), Some(rest.trim()).filter(|rest| !rest.is_empty())),
    }
}

struct Writer<'a> {
    relation: &'a Relation,
    /// The relation's name in components.
    name: String,
    profiled: bool,
}

/// A path's operations.
struct PathItem(Object);

impl PathItem {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn close_with_parameters(mut self, parameters: Vec<Value>) -> Object {
        self.0.put("parameters", &parameters);
        self.0
    }
}

impl Writer<'_> {
    /// `/{relation}`.
    fn collection(&self) -> PathItem {
        let may = may(self.relation);
        let mut path = Object::new();
        if may.select {
            let mut reading = vec![parameter("select")];
            reading.extend(self.filters());
            reading.extend(["order", "limit", "offset", "preferRead"].map(parameter));
            let rows = self.answer("rows");
            let mut get = reading.clone();
            get.push(parameter("range"));
            let statuses = || responses(vec![("200", rows.clone()), ("206", rows.clone())], &[ANY, READ]);
            path.put("get", &self.operation("read", "Read rows", get, None, statuses()));
            let head = response("rowhouse.Head");
            let statuses = responses(vec![("200", head.clone()), ("206", head)], &[ANY, READ]);
            path.put("head", &self.operation("head", "Count rows", reading, None, statuses));
        }
        if may.insert {
            let new = schema::reference(&Use::New.name(self.relation));
            let body = body(&json!({"oneOf": [new, {"type": "array", "items": new}]}));
            let parameters = ["select", "columns", "onConflict", "preferInsert"].map(parameter).to_vec();
            let statuses = responses(
                vec![("200", self.answer("written")), ("201", self.answer("written"))],
                &[ANY, WRITE, BODY],
            );
            path.put("post", &self.operation("insert", "Insert rows", parameters, Some(body), statuses));
        }
        let changed = || {
            responses(
                vec![("200", self.answer("written")), ("204", response("rowhouse.Done"))],
                &[ANY, WRITE, BODY],
            )
        };
        let changing = || {
            let mut parameters = vec![parameter("select")];
            parameters.extend(self.filters());
            parameters.push(parameter("preferChange"));
            parameters
        };
        if may.update {
            let change = schema::reference(&Use::Change.name(self.relation));
            let each = json!({
                "type": "array",
                "items": {"type": "object"},
                "description": "For each row its key and what changes.",
            });
            let body = body(&json!({"oneOf": [change, each]}));
            let mut parameters = changing();
            parameters.push(parameter("columns"));
            path.put("patch", &self.operation("update", "Update rows", parameters, Some(body), changed()));
        }
        if may.delete {
            path.put("delete", &self.operation("delete", "Delete rows", changing(), None, changed()));
        }
        PathItem(path)
    }

    /// `/{relation}/{key}`.
    fn row(&self, key: &[(String, Value)]) -> PathItem {
        let may = may(self.relation);
        let mut path = Object::new();
        if key.is_empty() || !may.select {
            return PathItem(path);
        }
        let reading = || ["select", "preferRead", "ifNoneMatch"].map(parameter).to_vec();
        let get = responses(
            vec![
                ("200", self.answer("row")),
                ("206", self.answer("row")),
                ("304", response("rowhouse.Unchanged")),
            ],
            &[ANY, READ, VERSIONED],
        );
        path.put("get", &self.operation("readOne", "Read one row", reading(), None, get));
        let head = response("rowhouse.Head");
        let head = responses(
            vec![("200", head.clone()), ("206", head), ("304", response("rowhouse.Unchanged"))],
            &[ANY, READ, VERSIONED],
        );
        path.put(
            "head",
            &self.operation("headOne", "Find out whether a row is there", reading(), None, head),
        );
        let changed = || {
            responses(
                vec![("200", self.answer("row")), ("204", response("rowhouse.Done"))],
                &[ANY, WRITE, BODY, VERSIONED],
            )
        };
        let changing = || ["select", "preferChange", "ifMatch", "ifNoneMatch"].map(parameter).to_vec();
        if may.update {
            let body = body(&schema::reference(&Use::Change.name(self.relation)));
            path.put(
                "patch",
                &self.operation("updateOne", "Update one row", changing(), Some(body), changed()),
            );
        }
        if may.insert && may.update && !self.relation.primary_key.is_empty() {
            let body = body(&schema::reference(&Use::New.name(self.relation)));
            let mut answers = responses(vec![("201", self.answer("row"))], &[]);
            answers.append(&mut changed());
            path.put(
                "put",
                &self.operation("putOne", "Insert or replace one row", changing(), Some(body), answers),
            );
        }
        if may.delete {
            path.put("delete", &self.operation("deleteOne", "Delete one row", changing(), None, changed()));
        }
        PathItem(path)
    }

    /// The parameters of the key: their names in the path, and what they are.
    fn key(&self) -> Vec<(String, Value)> {
        let columns = self.relation.resource_key().into_iter().filter_map(|name| self.relation.column(name));
        let parameters = columns.enumerate().map(|(index, column)| {
            let name = column.name.name();
            let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            // Braces and slashes would be a template's own.
            let name = if is_plain { name.to_owned() } else { format!("key{}", index + 1) };
            let (mut schema, _) = schema::values(column);
            if schema.get("type").is_some_and(|of| of == "string") && !schema.contains_key("minLength") {
                schema.insert("minLength".to_owned(), 1.into());
            }
            let mut parameter = json!({"name": name, "in": "path", "required": true, "schema": schema});
            if let Some(comment) = &column.comment {
                parameter["description"] = comment.as_str().into();
            }
            (name, parameter)
        });
        parameters.collect()
    }

    fn filters(&self) -> Vec<Value> {
        if !self.relation.privileges.select {
            return Vec::new();
        }
        let mut filters: Vec<Value> = filtered(self.relation)
            .map(|column| parameter(&filter_name(&self.name, column.name.name())))
            .collect();
        filters.extend(["and", "or"].map(parameter));
        filters
    }

    /// What is answered; nothing to read where the role may not read.
    fn answer(&self, kind: &str) -> Value {
        match self.relation.privileges.select {
            true => response(&format!("{}.{kind}", self.name)),
            false => response("rowhouse.Done"),
        }
    }

    fn operation(
        &self,
        verb: &str,
        summary: &str,
        mut parameters: Vec<Value>,
        body: Option<Value>,
        responses: Map<String, Value>,
    ) -> Value {
        if self.profiled {
            let reads = matches!(verb, "read" | "head" | "readOne" | "headOne");
            parameters.push(parameter(if reads { "acceptProfile" } else { "contentProfile" }));
        }
        let mut operation = json!({
            "tags": [self.relation.name.name()],
            "operationId": format!("{}.{verb}", self.name),
            "summary": summary,
            "parameters": parameters,
            "responses": responses,
        });
        described(&mut operation, self.relation.comment.as_deref());
        if let Some(body) = body {
            operation["requestBody"] = body;
        }
        operation
    }
}

/// The answers of an operation: these, and the errors of these statuses.
pub(super) fn responses(answers: Vec<(&str, Value)>, errors: &[&[u16]]) -> Map<String, Value> {
    let mut responses: Map<String, Value> =
        answers.into_iter().map(|(status, answer)| (status.to_owned(), answer)).collect();
    for status in errors.iter().copied().flatten() {
        responses.insert(status.to_string(), response(&error_response(*status)));
    }
    responses
}
