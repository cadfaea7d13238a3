//! What a check constraint says in JSON Schema, where it can be said exactly.
//!
//! Reads the few forms that constraints usually have, as Postgres prints them (`pg_get_expr`): comparisons of a column or
//! its length with a literal, lists of values, a regular expression that means the same to everybody, and conjunctions of
//! these. Everything else is left to the description. A check also holds where it is null, as do these keywords.

use serde_json::{Map, Value};

/// The keywords for `check` on a column of the built-in type `base_type`; None where they would not say the same.
pub(super) fn keywords(check: &str, column: &str, base_type: &str) -> Option<Map<String, Value>> {
    let mut keywords = Map::new();
    let subject = Subject { column, base_type };
    subject.add(&parse(check)?, &mut keywords)?;
    Some(keywords)
}

/// The value of a default that is a literal, as JSON.
pub(super) fn literal(default: &str, base_type: &str) -> Option<Value> {
    match (parse(default)?, base_type) {
        (Expression::Number(number), _) if is_number(base_type) => json_number(&number),
        (Expression::Text(text), _) if is_number(base_type) => json_number(&text),
        (Expression::Text(text), "text" | "varchar" | "uuid" | "date") => Some(Value::String(text)),
        (Expression::Text(text), "json" | "jsonb") => serde_json::from_str(&text).ok(),
        (Expression::Name(word), "bool") => word.parse().ok().map(Value::Bool),
        _ => None,
    }
}

fn is_number(base_type: &str) -> bool {
    matches!(base_type, "int2" | "int4" | "int8" | "float4" | "float8" | "numeric")
}

fn is_text(base_type: &str) -> bool {
    matches!(base_type, "text" | "varchar")
}

fn json_number(text: &str) -> Option<Value> {
    let number: serde_json::Number = serde_json::from_str(text).ok()?;
    Some(Value::Number(number))
}

/// The column that a check must be about.
struct Subject<'a> {
    column: &'a str,
    base_type: &'a str,
}

impl Subject<'_> {
    fn add(&self, expression: &Expression, keywords: &mut Map<String, Value>) -> Option<()> {
        use Expression as E;
        match expression {
            E::And(parts) => parts.iter().try_for_each(|part| self.add(part, keywords)),
            E::Compare(left, "=", right) if self.is_column(left) => match right.as_ref() {
                E::Any(list) => self.one_of(list, keywords),
                E::Text(text) if is_text(self.base_type) => {
                    set(keywords, "enum", vec![Value::String(text.clone())].into())
                }
                _ => None,
            },
            E::Compare(left, "~", right) if self.is_column(left) && is_text(self.base_type) => {
                let E::Text(pattern) = right.as_ref() else { return None };
                is_portable(pattern).then(|| set(keywords, "pattern", pattern.as_str().into()))?
            }
            E::Compare(left, "<>", right) if self.is_column(left) && is_text(self.base_type) => {
                matches!(right.as_ref(), E::Text(text) if text.is_empty())
                    .then(|| set(keywords, "minLength", 1.into()))?
            }
            E::Compare(left, operator, right) if self.is_column(left) && is_number(self.base_type) => {
                let (E::Number(bound) | E::Text(bound)) = right.as_ref() else { return None };
                let keyword = match *operator {
                    ">=" => "minimum",
                    ">" => "exclusiveMinimum",
                    "<=" => "maximum",
                    "<" => "exclusiveMaximum",
                    _ => return None,
                };
                set(keywords, keyword, json_number(bound)?)
            }
            E::Compare(left, operator, right) if self.is_length(left) => {
                let E::Number(bound) = right.as_ref() else { return None };
                let bound: u32 = bound.parse().ok()?;
                match *operator {
                    ">=" => set(keywords, "minLength", bound.into()),
                    ">" => set(keywords, "minLength", bound.checked_add(1)?.into()),
                    "<=" => set(keywords, "maxLength", bound.into()),
                    "<" => set(keywords, "maxLength", bound.checked_sub(1)?.into()),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn one_of(&self, list: &Expression, keywords: &mut Map<String, Value>) -> Option<()> {
        let Expression::Array(values) = list else { return None };
        let value = |value: &Expression| match value {
            Expression::Text(text) if is_text(self.base_type) => Some(Value::String(text.clone())),
            Expression::Number(number) if is_number(self.base_type) => json_number(number),
            _ => None,
        };
        set(keywords, "enum", values.iter().map(value).collect::<Option<Vec<_>>>()?.into())
    }

    fn is_column(&self, expression: &Expression) -> bool {
        matches!(expression, Expression::Name(name) if name == self.column || name == "VALUE")
    }

    /// Characters, in Postgres as in JSON Schema.
    fn is_length(&self, expression: &Expression) -> bool {
        match expression {
            Expression::Call(function, of) => {
                matches!(function.as_str(), "length" | "char_length" | "character_length")
                    && self.is_column(of)
                    && is_text(self.base_type)
            }
            _ => false,
        }
    }
}

/// One keyword can be said once.
fn set(keywords: &mut Map<String, Value>, keyword: &str, value: Value) -> Option<()> {
    keywords.insert(keyword.to_owned(), value).is_none().then_some(())
}

/// Whether a regular expression means the same to Postgres (ARE, Postgres manual 9.7.3) and to ECMA-262: no escapes but
/// those of punctuation, no classes by name, no dot, which matches a line feed in the one and not in the other.
fn is_portable(pattern: &str) -> bool {
    if pattern.starts_with("***")
        || pattern.contains("(?")
        || ["[:", "[=", "[."].iter().any(|of| pattern.contains(of))
    {
        return false;
    }
    let (mut in_brackets, mut letters) = (false, pattern.chars());
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if !in_brackets => match letters.next() {
                Some(
                    '.' | '/' | '-' | '+' | '*' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '^' | '$',
                ) => {}
                _ => return false,
            },
            '\\' => return false,
            '[' if in_brackets => return false,
            '[' => in_brackets = true,
            ']' => in_brackets = false,
            '.' if !in_brackets => return false,
            letter if !letter.is_ascii() || letter.is_ascii_control() => return false,
            _ => {}
        }
    }
    !in_brackets
}

#[derive(Debug, PartialEq)]
enum Expression {
    /// A column, or a word such as `true`.
    Name(String),
    Number(String),
    Text(String),
    Call(String, Box<Expression>),
    Array(Vec<Expression>),
    Any(Box<Expression>),
    Compare(Box<Expression>, &'static str, Box<Expression>),
    And(Vec<Expression>),
}

#[derive(Debug, PartialEq, Clone)]
enum Token {
    /// A word, or a quoted name, which is no keyword.
    Word(String),
    Quoted(String),
    Number(String),
    Text(String),
    Mark(&'static str),
}

fn parse(text: &str) -> Option<Expression> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0 };
    let expression = parser.conjunction()?;
    (parser.at == parser.tokens.len()).then_some(expression)
}

/// The longer marks first.
const MARKS: &[&str] = &["::", ">=", "<=", "<>", "(", ")", "[", "]", ",", "=", "<", ">", "~*", "~"];

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = if first == '\'' || first == '"' {
            let (text, length) = quoted(rest, first)?;
            (if first == '"' { Token::Quoted(text) } else { Token::Text(text) }, length)
        } else if first.is_ascii_alphabetic() || first == '_' {
            let word = prefix(rest, |letter| letter.is_alphanumeric() || matches!(letter, '_' | '$' | '.'));
            (Token::Word(word.to_owned()), word.len())
        } else if first.is_ascii_digit() || first == '-' {
            let digits = prefix(&rest[1..], |letter| letter.is_ascii_digit() || letter == '.');
            (Token::Number(rest[..=digits.len()].to_owned()), digits.len() + 1)
        } else {
            let mark = MARKS.iter().find(|mark| rest.starts_with(**mark))?;
            (Token::Mark(mark), mark.len())
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    Some(tokens)
}

fn prefix(text: &str, belongs: impl Fn(char) -> bool) -> &str {
    &text[..text.find(|letter| !belongs(letter)).unwrap_or(text.len())]
}

/// A text or name in quotes, its quotes undoubled, and its length with them. A backslash in a text is one: with
/// `standard_conforming_strings` Postgres prints others as `E'…'`, which is not read.
fn quoted(text: &str, quote: char) -> Option<(String, usize)> {
    let mut content = String::new();
    let mut letters = text.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        if letter != quote {
            content.push(letter);
        } else if letters.next_if(|(_, next)| *next == quote).is_some() {
            content.push(quote);
        } else {
            return Some((content, at + 1));
        }
    }
    None
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn eat(&mut self, mark: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token::Mark(found)) if *found == mark);
        self.at += usize::from(found);
        found
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token::Word(found)) if found == word);
        self.at += usize::from(found);
        found
    }

    fn conjunction(&mut self) -> Option<Expression> {
        let first = self.comparison()?;
        let mut parts = vec![first];
        while self.eat_word("AND") {
            parts.push(self.comparison()?);
        }
        if parts.len() == 1 { parts.pop() } else { Some(Expression::And(parts)) }
    }

    fn comparison(&mut self) -> Option<Expression> {
        let left = self.operand()?;
        let operator = match self.tokens.get(self.at) {
            Some(Token::Mark(mark @ (">=" | "<=" | "<>" | "=" | "<" | ">" | "~"))) => *mark,
            _ => return Some(left),
        };
        self.at += 1;
        Some(Expression::Compare(Box::new(left), operator, Box::new(self.operand()?)))
    }

    fn operand(&mut self) -> Option<Expression> {
        let token = self.tokens.get(self.at)?.clone();
        self.at += 1;
        let mut operand = match token {
            Token::Number(number) => Expression::Number(number),
            Token::Text(text) => Expression::Text(text),
            Token::Quoted(name) => Expression::Name(name),
            Token::Word(word) if word == "ARRAY" => self.list()?,
            Token::Word(word) if word == "ANY" => Expression::Any(Box::new(self.parenthesis()?)),
            Token::Word(word) if matches!(self.tokens.get(self.at), Some(Token::Mark("("))) => {
                Expression::Call(word, Box::new(self.parenthesis()?))
            }
            Token::Word(word) => Expression::Name(word),
            Token::Mark("(") => {
                self.at -= 1;
                self.parenthesis()?
            }
            Token::Mark(_) => return None,
        };
        while self.eat("::") {
            let of = self.type_name()?;
            operand = match operand {
                // A literal is what it is cast to; a list, of what its elements are.
                literal @ (Expression::Text(_) | Expression::Number(_) | Expression::Array(_)) => literal,
                // Only between kinds of text does a cast leave a value as it is.
                name @ Expression::Name(_) if of == "text" => name,
                _ => return None,
            };
        }
        Some(operand)
    }

    fn parenthesis(&mut self) -> Option<Expression> {
        let inner = self.eat("(").then(|| self.conjunction())??;
        self.eat(")").then_some(inner)
    }

    fn list(&mut self) -> Option<Expression> {
        let mut values = Vec::new();
        if !self.eat("[") {
            return None;
        }
        loop {
            values.push(self.operand()?);
            if !self.eat(",") {
                break;
            }
        }
        self.eat("]").then_some(Expression::Array(values))
    }

    /// `text`, `character varying(20)`, `text[]`: the first word is enough.
    fn type_name(&mut self) -> Option<String> {
        let Some(Token::Word(first)) = self.tokens.get(self.at).cloned() else { return None };
        self.at += 1;
        while ["varying", "precision", "without", "with", "time", "zone"]
            .iter()
            .any(|word| self.eat_word(word))
        {}
        if self.eat("(") {
            self.at += 1;
            if !self.eat(")") {
                return None;
            }
        }
        while self.eat("[") {
            if !self.eat("]") {
                return None;
            }
        }
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(check: &str, base_type: &str) -> Value {
        keywords(check, "it", base_type).map_or(Value::Null, Value::Object)
    }

    #[test]
    fn what_can_be_said_exactly_is() {
        assert_eq!(of("(it >= 0)", "int4"), json!({"minimum": 0}));
        assert_eq!(
            of("((it > (0)::numeric) AND (it < 99.5))", "numeric"),
            json!({"exclusiveMinimum": 0, "exclusiveMaximum": 99.5})
        );
        assert_eq!(of("(it >= '-5'::integer)", "int4"), json!({"minimum": -5}));
        assert_eq!(
            of("((length(it) >= 1) AND (length(it) <= 255))", "text"),
            json!({"minLength": 1, "maxLength": 255})
        );
        assert_eq!(of("(char_length((it)::text) < 10)", "varchar"), json!({"maxLength": 9}));
        assert_eq!(of("(it <> ''::text)", "text"), json!({"minLength": 1}));
        assert_eq!(
            of("(it = ANY (ARRAY['a'::text, 'it''s'::text]))", "text"),
            json!({"enum": ["a", "it's"]})
        );
        assert_eq!(
            of(
                "((it)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))",
                "varchar"
            ),
            json!({"enum": ["a", "b"]})
        );
        assert_eq!(of("(it = ANY (ARRAY[1, 2]))", "int4"), json!({"enum": [1, 2]}));
        assert_eq!(
            of("(it ~ '^[A-Za-z0-9_-]{21}$'::text)", "text"),
            json!({"pattern": "^[A-Za-z0-9_-]{21}$"})
        );
        assert_eq!(of("(VALUE ~ '^a\\.b$'::text)", "text"), json!({"pattern": "^a\\.b$"}));
    }

    #[test]
    fn what_would_not_mean_the_same_is_left_out() {
        for (check, base_type) in [
            ("((length(btrim(it)) >= 1) AND (length(btrim(it)) <= 200))", "text"),
            ("(it ~* '^https?://'::text)", "text"),
            ("(it ~ '[[:space:]]'::text)", "text"),
            ("(it ~ '^.$'::text)", "text"),
            ("(it ~ '\\d'::text)", "text"),
            ("((it)::integer <= 5)", "numeric"),
            ("((it >= 0) OR (it < 5))", "int4"),
            ("(other >= 0)", "int4"),
            ("((it > 1) AND (it > 2))", "int4"),
            ("(it >= '2000-01-01'::date)", "date"),
            ("(length(it) <= 5)", "bpchar"),
            ("(it >= now", "int4"),
            ("(it ~ E'a\\\\b'::text)", "text"),
        ] {
            assert_eq!(of(check, base_type), Value::Null, "{check}");
        }
    }

    #[test]
    fn only_a_literal_is_a_default() {
        assert_eq!(literal("'open'::text", "text"), Some("open".into()));
        assert_eq!(literal("0", "int4"), Some(0.into()));
        assert_eq!(literal("'-1'::integer", "int4"), Some((-1).into()));
        assert_eq!(literal("false", "bool"), Some(false.into()));
        assert_eq!(literal("'{}'::jsonb", "jsonb"), Some(json!({})));
        assert_eq!(literal("now()", "timestamptz"), None);
        assert_eq!(literal("NULL::text", "text"), None);
    }
}
