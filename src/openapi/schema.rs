//! Columns and relations as JSON Schemas (draft 2020-12, which OpenAPI 3.1 uses).

use serde_json::{Map, Value, json};

use super::object::Object;
use super::{check, component};
use crate::catalog::{Column, Reference, Relation};

/// What a schema of a relation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// A row that is answered.
    Row,
    /// A row to insert.
    New,
    /// What a PATCH changes.
    Change,
}

impl Use {
    /// The name of the schema of `relation`.
    pub fn name(self, relation: &Relation) -> String {
        let relation = component(relation.name.name());
        match self {
            Use::Row => relation,
            Use::New => format!("{relation}.new"),
            Use::Change => format!("{relation}.change"),
        }
    }

    /// Whether `column` is a member.
    fn has(self, column: &Column) -> bool {
        match self {
            Use::Row => column.may_select,
            Use::New => column.may_insert,
            Use::Change => column.may_update,
        }
    }
}

pub(super) fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

/// The schema of the rows of `relation`.
pub(super) fn relation(relation: &Relation, of: Use) -> Object {
    let mut schema = Object::new();
    schema.put("type", &"object");
    if let (Use::Row, Some(comment)) = (of, description(relation)) {
        schema.put("description", &comment);
    }
    let columns = || relation.columns.iter().filter(|column| of.has(column));
    let required: Vec<&str> =
        columns().filter(|column| is_required(column, of)).map(|column| column.name.name()).collect();
    if !required.is_empty() {
        schema.put("required", &required);
    }
    let mut properties = Object::new();
    for column in columns() {
        properties.put(column.name.name(), &member(relation, column, of));
    }
    schema.put_object("properties", properties);
    if of != Use::Row {
        schema.put("additionalProperties", &false);
    }
    schema
}

/// The comment, and the constraints that speak of several columns.
fn description(relation: &Relation) -> Option<String> {
    let checks = relation.checks.iter().map(|check| format!("Check: `{check}`"));
    let parts: Vec<String> = relation.comment.clone().into_iter().chain(checks).collect();
    (!parts.is_empty()).then(|| parts.join("\n\n"))
}

fn is_required(column: &Column, of: Use) -> bool {
    match of {
        Use::Row => column.not_null,
        Use::New => column.not_null && !column.generated && column.default.is_none(),
        Use::Change => false,
    }
}

fn member(relation: &Relation, column: &Column, of: Use) -> Value {
    let (mut schema, unsaid) = values(column);
    let mut parts: Vec<String> = column.comment.clone().into_iter().collect();
    parts.extend(unsaid.into_iter().map(|check| format!("Check: `{check}`")));
    parts.extend(notes(relation, column));
    if !parts.is_empty() {
        schema.insert("description".to_owned(), parts.join("\n\n").into());
    }
    if of == Use::Row {
        if column.generated {
            schema.insert("readOnly".to_owned(), true.into());
        }
    } else if of == Use::New {
        let shape = &column.shape;
        let default = column.default.as_deref().zip(shape.base_type.as_deref()).filter(|_| !shape.is_array);
        if let Some(value) = default.and_then(|(default, base)| check::literal(default, base)) {
            schema.insert("default".to_owned(), value);
        }
    }
    if !column.not_null {
        allow_null(&mut schema);
    }
    Value::Object(schema)
}

/// What PostgREST's document says of keys, in its words and its marks: tools look for them.
fn notes(relation: &Relation, column: &Column) -> Option<String> {
    let name = column.name.name();
    let mut notes = Vec::new();
    if relation.primary_key.iter().any(|key| key == name) {
        notes.push("This is a Primary Key.<pk/>".to_owned());
    }
    for Reference { relation: target, column: theirs, is_composite } in &column.shape.references {
        // A key that includes the tenant leads where its other columns do.
        if !(*is_composite && Some(name) == relation.tenant_column.as_deref()) {
            notes.push(format!(
                "This is a Foreign Key to `{target}.{theirs}`.<fk table='{target}' column='{theirs}'/>"
            ));
        }
    }
    (!notes.is_empty()).then(|| format!("Note:\n{}", notes.join("\n")))
}

/// What the values of `column` are, null aside, and the checks that this does not say.
pub(super) fn values(column: &Column) -> (Map<String, Value>, Vec<&str>) {
    let shape = &column.shape;
    let mut schema = if shape.enum_values.is_empty() {
        of_type(shape.base_type.as_deref(), &column.type_name)
    } else {
        object(json!({"type": "string", "enum": shape.enum_values}))
    };
    if let Some(length) = shape.max_length {
        schema.insert("maxLength".to_owned(), length.into());
    }
    let mut unsaid = Vec::new();
    if shape.is_array {
        unsaid.extend(shape.checks.iter().map(String::as_str));
        // An element may be null, and nothing in Postgres fixes the number of dimensions.
        allow_null(&mut schema);
        let items = Value::Object(schema);
        return (object(json!({"type": "array", "items": items})), unsaid);
    }
    for check in &shape.checks {
        let keywords =
            shape.base_type.as_deref().and_then(|base| check::keywords(check, column.name.name(), base));
        match keywords {
            Some(keywords) if !keywords.keys().any(|keyword| schema.contains_key(keyword)) => {
                schema.extend(keywords)
            }
            _ => unsaid.push(check.as_str()),
        }
    }
    (schema, unsaid)
}

/// The JSON of a type, by the name of the built-in type behind it, as Postgres' `to_json` writes it.
pub(super) fn of_type(base_type: Option<&str>, type_name: &str) -> Map<String, Value> {
    // Postgres calls an array of int4 _int4. Nothing fixes the number of its dimensions, and an element may be null.
    if base_type.is_some_and(|name| name.starts_with('_')) {
        return object(json!({"type": "array", "items": {}}));
    }
    object(match base_type.unwrap_or_default() {
        "bool" => json!({"type": "boolean"}),
        "int2" => json!({"type": "integer", "format": "int32", "minimum": i16::MIN, "maximum": i16::MAX}),
        "int4" | "oid" => json!({"type": "integer", "format": "int32"}),
        "int8" => json!({"type": "integer", "format": "int64"}),
        "float4" => json!({"type": "number", "format": "float"}),
        "float8" => json!({"type": "number", "format": "double"}),
        "numeric" => json!({"type": "number"}),
        "text" | "varchar" | "bpchar" | "name" => json!({"type": "string"}),
        "uuid" => json!({"type": "string", "format": "uuid"}),
        "date" => json!({"type": "string", "format": "date"}),
        "timestamptz" => json!({"type": "string", "format": "date-time"}),
        // No value of these is what a standard format calls one: a time zone is missing.
        "timestamp" | "time" => json!({"type": "string", "format": type_name}),
        // Anything that is JSON.
        "json" | "jsonb" => json!({}),
        "" => {
            json!({"description": format!("A value of the type `{type_name}`, as Postgres' `to_json` writes it.")})
        }
        _ => json!({"type": "string", "format": type_name}),
    })
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// Lets a schema allow null, too.
fn allow_null(schema: &mut Map<String, Value>) {
    if let Some(Value::String(of)) = schema.get("type") {
        let types = json!([of, "null"]);
        schema.insert("type".to_owned(), types);
        if let Some(Value::Array(values)) = schema.get_mut("enum") {
            values.push(Value::Null);
        }
    }
}
