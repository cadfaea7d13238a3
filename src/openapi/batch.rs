//! The path of batches: `POST /batch`.

use serde_json::{Value, json};

use super::object::Object;
use super::operations::{ANY, BODY, READ, WRITE, responses};
use super::shared::{headers, parameter};
use crate::config::Config;

/// The tag of the operation.
pub(super) const BATCHES: &str = "Several requests at once";

/// Adds the path.
pub(super) fn add(paths: &mut Object, config: &Config) {
    let mut answers = responses(vec![("200", answer())], &[ANY, READ, WRITE, BODY, &[412]]);
    // A function that is called, or a trigger, may say any.
    answers.insert(
        "default".to_owned(),
        json!({"description": "The first operation that failed, in its own words."}),
    );
    let operation = json!({
        "tags": [BATCHES],
        "operationId": "batch",
        "summary": "All of these requests or none, in one transaction",
        "description": "They are done in their order, and each sees what those before it wrote. The answer of the first that \
            fails is the answer, with the member `operation`: which it was, counted from 0.",
        "requestBody": {
            "required": true,
            "content": {"application/json": {"schema": {
                "type": "array",
                "maxItems": config.batch_max,
                "items": item(),
            }}},
        },
        "responses": answers,
    });
    paths.put("/batch", &json!({"post": operation, "parameters": [parameter("tenant")]}));
}

fn item() -> Value {
    json!({
        "type": "object",
        "required": ["method", "path"],
        "additionalProperties": false,
        "properties": {
            "method": {"type": "string", "enum": ["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE"]},
            "path": {
                "type": "string",
                "description": "Path and query, without a tenant: `/items?select=id`.",
            },
            "headers": {
                "type": "object",
                "description": "`Prefer`, `Accept`, `Range` and the like; no credentials.",
                "additionalProperties": {"type": "string"},
            },
            "body": {"description": "As the request has it: JSON, or a text of its `Content-Type`."},
        },
    })
}

fn answer() -> Value {
    json!({
        "description": "The answers, in the order of the requests.",
        "headers": headers(&["Preference-Applied", "X-Request-Id"]),
        "content": {"application/json": {"schema": {"type": "array", "items": {
            "type": "object",
            "required": ["status", "headers", "body"],
            "properties": {
                "status": {"type": "integer"},
                "headers": {"type": "object"},
                "body": {"description": "JSON as it is, any other representation as a text; null where there is none."},
            },
        }}}},
    })
}
