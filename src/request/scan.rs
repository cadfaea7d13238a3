//! A cursor over one query parameter, and the small words that filter, select and order share.

use super::Error;
use super::filter::JsonStep;

/// Reads one parameter's text from left to right, never backwards by more than a word.
pub(super) struct Scan<'a> {
    parameter: &'a str,
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    pub(super) fn new(parameter: &'a str, text: &'a str) -> Self {
        Self { parameter, text, at: 0 }
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn done(&self) -> bool {
        self.at == self.text.len()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn looking_at(&self, word: &str) -> bool {
        self.rest().starts_with(word)
    }

    /// Steps over `word` if it comes next.
    pub(super) fn eat(&mut self, word: &str) -> bool {
        let found = self.looking_at(word);
        if found {
            self.at += word.len();
        }
        found
    }

    pub(super) fn expect(&mut self, word: &str, expected: &'static str) -> Result<(), Error> {
        if self.eat(word) { Ok(()) } else { Err(self.error(expected)) }
    }

    pub(super) fn skip_spaces(&mut self) {
        while self.eat(" ") {}
    }

    /// The longest run of characters that `belongs` accepts; may be empty.
    pub(super) fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// Where the cursor is, for [`Scan::error_at`].
    pub(super) fn mark(&self) -> usize {
        self.at
    }

    pub(super) fn error(&self, expected: &'static str) -> Error {
        self.error_at(self.at, expected)
    }

    /// The error that something else was expected where the cursor was at `mark`.
    pub(super) fn error_at(&self, mark: usize, expected: &'static str) -> Error {
        Error::Query {
            parameter: self.parameter.to_owned(),
            expected,
            position: self.text[..mark].chars().count() + 1,
            found: self.text[mark..].chars().take(20).collect(),
        }
    }

    /// A quoted text, the cursor on its opening quote; a backslash takes the next character as it is.
    pub(super) fn quoted(&mut self) -> Result<String, Error> {
        self.expect("\"", "a double quote")?;
        let mut value = String::new();
        let mut characters = self.rest().char_indices();
        while let Some((index, character)) = characters.next() {
            match character {
                '"' => {
                    self.at += index + 1;
                    return Ok(value);
                }
                '\\' => match characters.next() {
                    Some((_, escaped)) => value.push(escaped),
                    None => break,
                },
                other => value.push(other),
            }
        }
        self.at = self.text.len();
        Err(self.error("a closing double quote"))
    }

    /// The name of a column or relation: quoted, or letters, digits, `_`, `$`, spaces within, and `-` not before `>`.
    pub(super) fn name(&mut self) -> Result<String, Error> {
        if self.peek() == Some('"') {
            return self.quoted();
        }
        let start = self.at;
        loop {
            self.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | ' '));
            if self.looking_at("-") && !self.looking_at("->") {
                self.at += 1;
            } else {
                break;
            }
        }
        let name = self.text[start..self.at].trim();
        if name.is_empty() { Err(self.error("a name")) } else { Ok(name.to_owned()) }
    }

    /// `->key`, `->>key`, `->0`, any number of them; the operator `->>` only at the end of a path makes sense, and
    /// Postgres says so otherwise.
    pub(super) fn json_path(&mut self) -> Result<Vec<JsonStep>, Error> {
        let mut path = Vec::new();
        while self.eat("->") {
            let as_text = self.eat(">");
            let key = if self.peek() == Some('"') { self.quoted()? } else { self.json_key() };
            if key.is_empty() {
                return Err(self.error("a JSON key or index"));
            }
            path.push(JsonStep { key, as_text });
        }
        Ok(path)
    }

    /// A JSON key ends at `.,:()>` or where the next arrow or a cast begins; a dash within it is part of it.
    fn json_key(&mut self) -> String {
        let start = self.at;
        loop {
            self.take_while(|c| !matches!(c, '.' | ',' | ':' | '(' | ')' | '>' | '-'));
            if self.looking_at("-") && !self.looking_at("->") {
                self.at += 1;
            } else {
                break;
            }
        }
        self.text[start..self.at].to_owned()
    }
}
