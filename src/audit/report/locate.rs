//! Where an object was last created or altered: the file and the line of the migration.
//!
//! The database is what is audited; the files only give a place to show. So they are read loosely: comments, strings and
//! function bodies are skipped, and of each statement only what it creates or alters is looked at.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::audit::Finding;

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Location {
    /// As it was given, with `/` between its parts.
    pub file: String,
    /// The first is 1.
    pub line: usize,
}

/// What was created or altered where, the last place of each.
#[derive(Debug, Default)]
pub struct Sources(BTreeMap<Key, Location>);

/// A name, as Postgres folds it, below the schema and, of a policy, the relation that it belongs to.
type Key = Vec<String>;

/// The largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

impl Sources {
    /// Reads the SQL files of a folder, in the order of their names, in which numbers count as numbers.
    ///
    /// # Errors
    /// Where the folder or one of its files cannot be read.
    pub fn read(&mut self, folder: &Path) -> std::io::Result<()> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "sql")
                && path.metadata()?.len() <= FILE_BYTES_MAX
            {
                files.push(path);
            }
        }
        files.sort_by_cached_key(|path| order(&path.file_name().unwrap_or_default().to_string_lossy()));
        for path in files {
            let text = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
            self.add(&path.to_string_lossy().replace('\\', "/"), &text);
        }
        Ok(())
    }

    /// Reads the text of one file, which comes after those before.
    pub fn add(&mut self, file: &str, text: &str) {
        for statement in statements(text) {
            for key in named(&statement) {
                self.0.insert(key, Location { file: file.to_owned(), line: statement[0].1 });
            }
        }
    }

    /// Where the finding's object is made: its own place, else that of the relation that it belongs to.
    pub fn locate(&self, finding: &Finding) -> Option<Location> {
        let own = parts(&finding.object);
        let relation = finding.relation.as_deref().map(parts);
        std::iter::once(own).chain(relation).find_map(|key| {
            // A policy or constraint without a place of its own is where its relation is.
            (1..=key.len())
                .rev()
                .map(|length| &key[..length])
                .filter(|key| key.len() > 1 || own_name(finding))
                .find_map(|key| {
                    // A migration may leave the schema to the search path.
                    self.0.get(key).or_else(|| self.0.get(&key[1..])).cloned()
                })
        })
    }
}

/// Whether the object is known by one name: a role or a schema.
fn own_name(finding: &Finding) -> bool {
    matches!(finding.object_type.as_str(), "role" | "schema")
}

/// A name with the numbers in it as numbers: V10 comes after V9.
fn order(name: &str) -> Vec<(u64, String)> {
    let mut parts = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let text_end = rest.find(|character: char| character.is_ascii_digit()).unwrap_or(rest.len());
        let (text, numbered) = rest.split_at(text_end);
        let number_end =
            numbered.find(|character: char| !character.is_ascii_digit()).unwrap_or(numbered.len());
        let (number, after) = numbered.split_at(number_end);
        parts.push((0, text.to_owned()));
        parts.push((number.parse().unwrap_or(u64::MAX), String::new()));
        rest = after;
    }
    parts
}

/// The parts of `schema."Table"/policy` or `schema.function(types)`.
fn parts(identity: &str) -> Key {
    let tokens = tokens(identity);
    let mut key = Vec::new();
    for (token, _) in tokens {
        match token {
            Token::Word(name) | Token::Quoted(name) => key.push(name),
            // The arguments of a function are not looked at: its last definition is the place.
            Token::Punctuation('(') => break,
            Token::Punctuation(_) => {}
        }
    }
    key
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// In lower case, as Postgres folds it.
    Word(String),
    /// A quoted identifier.
    Quoted(String),
    Punctuation(char),
}

impl Token {
    fn is(&self, word: &str) -> bool {
        matches!(self, Token::Word(text) if text == word)
    }

    fn name(&self) -> Option<&str> {
        match self {
            Token::Word(text) | Token::Quoted(text) => Some(text),
            Token::Punctuation(_) => None,
        }
    }
}

/// The statements of a text, each token with its line. A body between `begin atomic` and `end` falls into several, of which
/// only the first says what is made.
fn statements(text: &str) -> Vec<Vec<(Token, usize)>> {
    tokens(text)
        .split(|(token, _)| *token == Token::Punctuation(';'))
        .filter(|statement| !statement.is_empty())
        .map(<[_]>::to_vec)
        .collect()
}

fn tokens(text: &str) -> Vec<(Token, usize)> {
    let characters: Vec<char> = text.chars().collect();
    let at = |index: usize| characters.get(index).copied().unwrap_or('\0');
    let mut tokens = Vec::new();
    let (mut index, mut line) = (0, 1);
    while index < characters.len() {
        let began = line;
        match at(index) {
            '\n' => {
                line += 1;
                index += 1;
            }
            '-' if at(index + 1) == '-' => {
                while index < characters.len() && at(index) != '\n' {
                    index += 1;
                }
            }
            '/' if at(index + 1) == '*' => {
                let mut depth = 0;
                while index < characters.len() {
                    match (at(index), at(index + 1)) {
                        ('/', '*') => {
                            depth += 1;
                            index += 1;
                        }
                        ('*', '/') => {
                            depth -= 1;
                            index += 1;
                        }
                        ('\n', _) => line += 1,
                        _ => {}
                    }
                    index += 1;
                    if depth == 0 {
                        break;
                    }
                }
            }
            quote @ ('\'' | '"') => {
                // Only E'...' knows backslashes.
                let escapes = quote == '\''
                    && index > 0
                    && matches!(at(index - 1), 'e' | 'E')
                    && !(index > 1 && at(index - 2).is_alphanumeric());
                let mut name = String::new();
                index += 1;
                while index < characters.len() {
                    match at(index) {
                        '\\' if escapes => index += 1,
                        '\n' => line += 1,
                        found if found == quote => {
                            if at(index + 1) != quote {
                                break;
                            }
                            name.push(quote);
                            index += 1;
                        }
                        other => name.push(other),
                    }
                    index += 1;
                }
                index += 1;
                if quote == '"' {
                    tokens.push((Token::Quoted(name), began));
                }
            }
            '$' => {
                let mut end = index + 1;
                while at(end).is_alphanumeric() || at(end) == '_' {
                    end += 1;
                }
                if at(end) == '$' {
                    let tag = &characters[index..=end];
                    index = end + 1;
                    while index < characters.len() && !characters[index..].starts_with(tag) {
                        line += usize::from(at(index) == '\n');
                        index += 1;
                    }
                    index += tag.len();
                } else {
                    index += 1;
                }
            }
            character if character.is_alphabetic() || character == '_' => {
                let mut word = String::new();
                while at(index).is_alphanumeric() || matches!(at(index), '_' | '$') {
                    word.extend(at(index).to_lowercase());
                    index += 1;
                }
                tokens.push((Token::Word(word), began));
            }
            character => {
                if !character.is_whitespace() {
                    tokens.push((Token::Punctuation(character), line));
                }
                index += 1;
            }
        }
    }
    tokens
}

/// What a statement creates or alters.
fn named(statement: &[(Token, usize)]) -> Vec<Key> {
    let tokens: Vec<&Token> = statement.iter().map(|(token, _)| token).collect();
    let Some((first, rest)) = tokens.split_first() else { return Vec::new() };
    if !first.is("create") && !first.is("alter") {
        return Vec::new();
    }
    // What stands between the verb and the name of the kind.
    let modifiers = [
        "or",
        "replace",
        "unique",
        "temp",
        "temporary",
        "unlogged",
        "materialized",
        "foreign",
        "recursive",
        "constraint",
        "force",
        "local",
        "global",
    ];
    let kind_at = rest.iter().position(|token| !modifiers.iter().any(|word| token.is(word)));
    let Some((kind, after)) = kind_at.and_then(|at| rest[at..].split_first()) else { return Vec::new() };
    match kind.name() {
        Some(
            "table" | "view" | "function" | "procedure" | "sequence" | "role" | "user" | "schema" | "type",
        ) => path(after).map(|(key, _)| key).into_iter().collect(),
        Some("policy" | "trigger" | "index" | "rule") => {
            let Some((own, behind)) = path(after) else { return Vec::new() };
            let on = behind.iter().position(|token| token.is("on") || token.is("to"));
            let relation = on.and_then(|on| path(&behind[on + 1..])).map(|(key, _)| key);
            match (kind.name(), relation) {
                // An index lives in the schema of its relation.
                (Some("index"), Some(relation)) => {
                    let schema = relation.split_last().map(|(_, schema)| schema).unwrap_or_default();
                    vec![schema.iter().cloned().chain(own).collect()]
                }
                (_, Some(relation)) => vec![relation.into_iter().chain(own).collect()],
                (_, None) => vec![own],
            }
        }
        _ => Vec::new(),
    }
}

/// A name with dots in it, and what stands behind.
fn path<'a, 'b>(tokens: &'b [&'a Token]) -> Option<(Key, &'b [&'a Token])> {
    let skipped = tokens.iter().position(|token| {
        !["if", "not", "exists", "only", "concurrently"].iter().any(|word| token.is(word))
    })?;
    let mut rest = &tokens[skipped..];
    let mut key = Vec::new();
    loop {
        let (first, after) = rest.split_first()?;
        key.push(first.name()?.to_owned());
        rest = after;
        match rest.first() {
            Some(Token::Punctuation('.')) => rest = &rest[1..],
            _ => return Some((key, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::report::fixture::finding;

    fn place(sources: &Sources, object: &str) -> Option<(String, usize)> {
        let location = sources.locate(&finding("TN201", object))?;
        Some((location.file, location.line))
    }

    #[test]
    fn the_last_place_counts_and_comments_strings_and_bodies_are_no_places() {
        let mut sources = Sources::default();
        let first = "-- create table api.items ()\n/* create /* table */ api.x */\ncreate table API.Items (\n    id uuid\n);\n\
            comment on table api.items is 'create table api.x ();\n';\ncreate policy \"A b\" on api.items using (true);\n\
            create or replace function api.f(a int) returns int language plpgsql as $$\nbegin\n  create table api.x ();\nend\n$$;\n\
            create unique index concurrently if not exists by_id on api.items (id);\n";
        sources.add("V1.sql", first);
        assert_eq!(place(&sources, "api.items"), Some(("V1.sql".into(), 3)));
        assert_eq!(place(&sources, "api.items/\"A b\""), Some(("V1.sql".into(), 8)));
        assert_eq!(place(&sources, "api.f(integer)"), Some(("V1.sql".into(), 9)));
        assert_eq!(place(&sources, "api.by_id"), Some(("V1.sql".into(), 14)));
        assert_eq!(place(&sources, "api.x"), None);
        // What has no place of its own is where its relation is.
        assert_eq!(place(&sources, "api.items/other"), Some(("V1.sql".into(), 3)));
        sources.add("V2.sql", "\nalter table only items enable row level security;");
        assert_eq!(place(&sources, "api.items"), Some(("V1.sql".into(), 3)));
        sources.add("V3.sql", "alter table if exists api.items enable row level security;");
        assert_eq!(place(&sources, "api.items"), Some(("V3.sql".into(), 1)));
        assert_eq!(place(&sources, "public.items"), Some(("V2.sql".into(), 2)));
    }

    #[test]
    fn files_come_in_the_order_of_their_numbers() {
        let mut names = ["V10__b.sql", "V9__a.sql", "V2__c.sql"];
        names.sort_by_cached_key(|name| order(name));
        assert_eq!(names, ["V2__c.sql", "V9__a.sql", "V10__b.sql"]);
    }

    #[test]
    fn texts_that_end_in_the_middle_are_read_to_their_end() {
        for text in [
            "'",
            "\"",
            "$$",
            "$a$ b",
            "/*",
            "create",
            "create policy",
            "alter table a.",
            "e'\\",
            "create view (",
        ] {
            Sources::default().add("x.sql", text);
        }
    }
}
