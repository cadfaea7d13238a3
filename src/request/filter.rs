//! Filters: `title=ilike.*fair*`, `id=not.in.(1,2)`, `or=(a.eq.1,and(b.gt.2,c.is.null))`.

use super::Error;
use super::scan::Scan;

/// A column, perhaps with a way into its JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    pub name: String,
    pub json_path: Vec<JsonStep>,
}

/// One arrow of a JSON path: `->key`, or `->>key` where `as_text`.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonStep {
    pub key: String,
    pub as_text: bool,
}

impl JsonStep {
    /// The array index that the key is, if it is a well-formed integer.
    pub fn index(&self) -> Option<i32> {
        let digits = self.key.strip_prefix('-').unwrap_or(&self.key);
        let canonical = digits == "0" || !digits.starts_with('0');
        if canonical && digits.bytes().all(|b| b.is_ascii_digit()) { self.key.parse().ok() } else { None }
    }
}

/// A filter and the embedded relation that it is for (empty: the relation itself).
#[derive(Debug, PartialEq)]
pub struct Filter {
    pub target: Vec<String>,
    pub condition: Condition,
}

/// A tree of comparisons.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    And { negated: bool, of: Vec<Condition> },
    Or { negated: bool, of: Vec<Condition> },
    Test { field: Field, negated: bool, comparison: Comparison },
}

/// What a field is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum Comparison {
    /// A binary operator of Postgres and its right side.
    Operator {
        sql: &'static str,
        operand: Operand,
    },
    /// `in.(…)`: equal to any of these; none of them is legal and matches nothing.
    In(Vec<String>),
    Is(IsValue),
    /// `fts(english).cat`: a full-text search, with the function that makes the query of the text.
    FullText {
        sql: &'static str,
        language: Option<String>,
        query: String,
    },
}

/// The right side of an operator.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    Value(String),
    /// `eq(any).{1,2}`: true of at least one element of an array literal.
    Any(String),
    /// `like(all).{a*,*b}`: true of every element.
    All(String),
}

/// What `is.` compares with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IsValue {
    Null,
    NotNull,
    True,
    False,
    Unknown,
}

/// `eq` as SQL.
pub const EQUALS: &str = " = ";

/// The scalar, range and array operators: the dialect's word, Postgres' operator (with the spaces that SQL needs).
const OPERATORS: &[(&str, &str)] = &[
    ("eq", EQUALS),
    ("neq", " <> "),
    ("gte", " >= "),
    ("gt", " > "),
    ("lte", " <= "),
    ("lt", " < "),
    ("like", " like "),
    ("ilike", " ilike "),
    ("match", " ~ "),
    ("imatch", " ~* "),
    ("isdistinct", " is distinct from "),
    ("cs", " @> "),
    ("cd", " <@ "),
    ("ov", " && "),
    ("sl", " << "),
    ("sr", " >> "),
    ("nxr", " &< "),
    ("nxl", " &> "),
    ("adj", " -|- "),
];

/// The operators that the modifiers `any` and `all` go with.
const QUANTIFIED: &[&str] = &["eq", "like", "ilike", "gt", "gte", "lt", "lte", "match", "imatch"];

/// The full-text operators: the dialect's word, Postgres' function (Postgres manual, 12.3.2).
const FULL_TEXT: &[(&str, &str)] = &[
    ("fts", "pg_catalog.to_tsquery("),
    ("plfts", "pg_catalog.plainto_tsquery("),
    ("phfts", "pg_catalog.phraseto_tsquery("),
    ("wfts", "pg_catalog.websearch_to_tsquery("),
];

/// How deep `and(or(and(…)))` may nest: the parser recurses.
const DEPTH_MAX: usize = 16;

/// Parses the value of `field=value`.
pub(super) fn test(parameter: &str, field: Field, value: &str) -> Result<Condition, Error> {
    let mut scan = Scan::new(parameter, value);
    let (negated, comparison) = comparison(&mut scan, Ending::Parameter)?;
    Ok(Condition::Test { field, negated, comparison })
}

/// Parses the value of `and=(…)` or `or=(…)`; `word` is what stood before the equals sign.
pub(super) fn group(parameter: &str, word: &str, negated: bool, value: &str) -> Result<Condition, Error> {
    let mut scan = Scan::new(parameter, value);
    scan.skip_spaces();
    let of = members(&mut scan, 1)?;
    scan.skip_spaces();
    if !scan.done() {
        return Err(scan.error("the end of the parameter"));
    }
    Ok(tree(word, negated, of))
}

fn tree(word: &str, negated: bool, of: Vec<Condition>) -> Condition {
    if word == "and" { Condition::And { negated, of } } else { Condition::Or { negated, of } }
}

fn members(scan: &mut Scan<'_>, depth: usize) -> Result<Vec<Condition>, Error> {
    if depth > DEPTH_MAX {
        return Err(scan.error("at most 16 levels of and/or"));
    }
    scan.expect("(", "an opening parenthesis")?;
    let mut of = Vec::new();
    loop {
        scan.skip_spaces();
        of.push(member(scan, depth)?);
        scan.skip_spaces();
        if !scan.eat(",") {
            break;
        }
    }
    scan.expect(")", "a comma or a closing parenthesis")?;
    Ok(of)
}

fn member(scan: &mut Scan<'_>, depth: usize) -> Result<Condition, Error> {
    for (prefix, word, negated) in
        [("and(", "and", false), ("or(", "or", false), ("not.and(", "and", true), ("not.or(", "or", true)]
    {
        if scan.looking_at(prefix) {
            scan.eat(&prefix[..prefix.len() - 1]);
            return Ok(tree(word, negated, members(scan, depth + 1)?));
        }
    }
    let field = field(scan)?;
    scan.expect(".", "a dot and an operator")?;
    let (negated, comparison) = comparison(scan, Ending::Member)?;
    Ok(Condition::Test { field, negated, comparison })
}

/// A column name and its JSON path.
pub(super) fn field(scan: &mut Scan<'_>) -> Result<Field, Error> {
    let name = scan.name()?;
    let json_path = scan.json_path()?;
    Ok(Field { name, json_path })
}

/// Where a value stops: at the end of the parameter, or at the comma or parenthesis of the group around it.
#[derive(Clone, Copy, PartialEq)]
enum Ending {
    Parameter,
    Member,
}

fn comparison(scan: &mut Scan<'_>, ending: Ending) -> Result<(bool, Comparison), Error> {
    const EXPECTED: &str = "an operator (eq, neq, gt, gte, lt, lte, like, ilike, match, imatch, in, is, …)";
    let negated = scan.eat("not.");
    let start = scan.mark();
    let word = scan.take_while(|c| c.is_ascii_alphabetic());
    let modifier = match scan.eat("(") {
        true => {
            let modifier = scan.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '.'));
            scan.expect(")", "a closing parenthesis")?;
            Some(modifier)
        }
        false => None,
    };
    if !scan.eat(".") {
        return Err(scan.error_at(start, EXPECTED));
    }
    let operator = OPERATORS.iter().find(|(name, _)| *name == word);
    let full_text = FULL_TEXT.iter().find(|(name, _)| *name == word);
    let comparison = match (word, modifier, operator, full_text) {
        ("in", None, _, _) => Comparison::In(list(scan)?),
        ("is", None, _, _) => Comparison::Is(is_value(scan)?),
        (_, language, _, Some((_, sql))) => {
            Comparison::FullText { sql, language: language.map(str::to_owned), query: value(scan, ending)? }
        }
        (_, modifier, Some((_, sql)), None) => {
            let value = value(scan, ending)?;
            let value = if matches!(word, "like" | "ilike") { value.replace('*', "%") } else { value };
            let operand = match modifier {
                None => Operand::Value(value),
                Some("any") if QUANTIFIED.contains(&word) => Operand::Any(value),
                Some("all") if QUANTIFIED.contains(&word) => Operand::All(value),
                Some(_) => return Err(scan.error_at(start, EXPECTED)),
            };
            Comparison::Operator { sql, operand }
        }
        _ => return Err(scan.error_at(start, EXPECTED)),
    };
    if ending == Ending::Parameter && !scan.done() {
        return Err(scan.error("the end of the parameter"));
    }
    Ok((negated, comparison))
}

fn value(scan: &mut Scan<'_>, ending: Ending) -> Result<String, Error> {
    match ending {
        Ending::Parameter => Ok(scan.take_while(|_| true).to_owned()),
        Ending::Member => member_value(scan),
    }
}

/// A value inside a group: quoted, an array or range literal in braces, or up to the next comma or parenthesis.
fn member_value(scan: &mut Scan<'_>) -> Result<String, Error> {
    match scan.peek() {
        Some('"') => scan.quoted(),
        Some('{') => {
            let inside = scan.take_while(|c| c != '}');
            let value = format!("{inside}}}");
            scan.expect("}", "a closing brace")?;
            Ok(value)
        }
        _ => Ok(scan.take_while(|c| !matches!(c, ',' | ')')).to_owned()),
    }
}

/// `(a,"b,c",d)`; `()` is the empty list.
fn list(scan: &mut Scan<'_>) -> Result<Vec<String>, Error> {
    scan.expect("(", "an opening parenthesis")?;
    let mut elements = Vec::new();
    if scan.eat(")") {
        return Ok(elements);
    }
    loop {
        elements.push(match scan.peek() {
            Some('"') => scan.quoted()?,
            _ => scan.take_while(|c| !matches!(c, ',' | ')')).to_owned(),
        });
        if !scan.eat(",") {
            break;
        }
    }
    scan.expect(")", "a comma or a closing parenthesis")?;
    Ok(elements)
}

fn is_value(scan: &mut Scan<'_>) -> Result<IsValue, Error> {
    let start = scan.mark();
    let word = scan.take_while(|c| c.is_ascii_alphabetic() || c == '_');
    match word.to_ascii_lowercase().as_str() {
        "null" => Ok(IsValue::Null),
        "not_null" => Ok(IsValue::NotNull),
        "true" => Ok(IsValue::True),
        "false" => Ok(IsValue::False),
        "unknown" => Ok(IsValue::Unknown),
        _ => Err(scan.error_at(start, "null, not_null, true, false or unknown")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(value: &str) -> Result<Condition, Error> {
        test("a", Field { name: "a".into(), json_path: Vec::new() }, value)
    }

    #[test]
    fn a_value_keeps_every_character_behind_the_operator() {
        let Ok(Condition::Test { negated: true, comparison, .. }) = parse("not.eq.x,(y).\"z") else {
            panic!()
        };
        assert_eq!(
            comparison,
            Comparison::Operator { sql: " = ", operand: Operand::Value("x,(y).\"z".into()) }
        );
    }

    #[test]
    fn a_list_reads_quotes_and_escapes_and_may_be_empty() {
        let Ok(Condition::Test { comparison, .. }) = parse(r#"in.(a,"b,c","q\"",)"#) else { panic!() };
        assert_eq!(comparison, Comparison::In(vec!["a".into(), "b,c".into(), "q\"".into(), String::new()]));
        assert!(
            matches!(parse("in.()"), Ok(Condition::Test { comparison: Comparison::In(of), .. }) if of.is_empty())
        );
        assert!(parse("in.(a").is_err());
        assert!(parse("in.(a)b").is_err());
    }

    #[test]
    fn groups_nest_and_are_bounded() {
        assert!(group("or", "or", false, "(a.eq.1,not.and(b.gt.2,c.is.null),d.in.(1,2))").is_ok());
        assert!(group("or", "or", false, "()").is_err());
        assert!(group("or", "or", false, "(a.eq.1").is_err());
        let deep = format!("{}a.eq.1{}", "and(".repeat(40), ")".repeat(40));
        assert!(group("and", "and", false, &format!("({deep})")).is_err());
    }

    #[test]
    fn modifiers_go_with_the_operators_that_have_them() {
        let Ok(Condition::Test { comparison, .. }) = parse("like(any).{a*,*b}") else { panic!() };
        assert_eq!(
            comparison,
            Comparison::Operator { sql: " like ", operand: Operand::Any("{a%,%b}".into()) }
        );
        let Ok(Condition::Test { comparison, .. }) = parse("not.wfts(german).katze hund") else { panic!() };
        let Comparison::FullText { language, query, .. } = comparison else { panic!() };
        assert_eq!((language.as_deref(), query.as_str()), (Some("german"), "katze hund"));
        for bad in
            ["neq(any).{1}", "in(any).{1}", "is(all).{1}", "eq(some).{1}", "eq(any", "eq(any)", "cs(any).{1}"]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn unknown_operators_are_refused_with_their_position() {
        let Err(Error::Query { position, found, .. }) = parse("not.equals.1") else { panic!() };
        assert_eq!((position, found.as_str()), (5, "equals.1"));
    }

    #[test]
    fn only_well_formed_integers_are_json_indexes() {
        let index = |key: &str| JsonStep { key: key.into(), as_text: false }.index();
        assert_eq!(index("0"), Some(0));
        assert_eq!(index("-2"), Some(-2));
        assert_eq!(index("01"), None);
        assert_eq!(index("1a"), None);
        assert_eq!(index("99999999999"), None);
    }
}
