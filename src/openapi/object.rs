//! A JSON object in the making, its members in the order in which they were put: paths and columns come as people wrote
//! them, and a document of thousands of relations is never in memory as a tree.

use serde::Serialize;

/// An object that is not closed yet.
#[derive(Debug)]
pub(super) struct Object {
    text: String,
}

impl Object {
    pub fn new() -> Self {
        Object { text: "{".to_owned() }
    }

    pub fn is_empty(&self) -> bool {
        self.text.len() == 1
    }

    pub fn put(&mut self, name: &str, value: &impl Serialize) {
        self.name(name);
        self.text.push_str(&json(value));
    }

    pub fn put_object(&mut self, name: &str, object: Object) {
        self.name(name);
        self.text.push_str(&object.close());
    }

    pub fn close(mut self) -> String {
        self.text.push('}');
        self.text
    }

    fn name(&mut self, name: &str) {
        if !self.is_empty() {
            self.text.push(',');
        }
        self.text.push_str(&json(&name));
        self.text.push(':');
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("values made here have texts for keys")
}
