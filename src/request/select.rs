//! `select=id,name:title,data->>a::int,items(*)`: what an answer's rows hold.

use super::Error;
use super::filter::{Field, field};
use super::scan::Scan;

/// One item of a select list.
#[derive(Debug, Clone, PartialEq)]
pub enum SelectItem {
    /// Every column that the role may read.
    All,
    Field {
        alias: Option<String>,
        field: Field,
        cast: Option<String>,
    },
    /// `alias:field::cast.sum()::cast`, or `count()`, which has no field.
    Aggregate {
        alias: Option<String>,
        field: Option<Field>,
        /// The cast of what goes into the function.
        cast: Option<String>,
        function: Aggregate,
        /// The cast of what comes out of it.
        result: Option<String>,
    },
    Embed(EmbedItem),
}

/// An aggregate function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    Sum,
    Avg,
    Count,
    Min,
    Max,
}

impl Aggregate {
    /// Its word in the dialect, and the name of its member where no alias is given.
    pub fn name(self) -> &'static str {
        match self {
            Aggregate::Sum => "sum",
            Aggregate::Avg => "avg",
            Aggregate::Count => "count",
            Aggregate::Min => "min",
            Aggregate::Max => "max",
        }
    }

    const ALL: [Aggregate; 5] =
        [Aggregate::Sum, Aggregate::Avg, Aggregate::Count, Aggregate::Min, Aggregate::Max];
}

/// `alias:relation!hint!inner(select)`, or `...relation(select)`.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbedItem {
    /// `...`: its members stand among those of its parent.
    pub spread: bool,
    pub alias: Option<String>,
    pub relation: String,
    pub hint: Option<String>,
    pub join: JoinKind,
    pub select: Vec<SelectItem>,
}

/// Whether a row without an embedded row stays (`!left`, the default) or goes (`!inner`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinKind {
    Left,
    Inner,
}

/// How deep a select may nest before `embed_depth_max` of the configuration is even asked: the parser recurses.
const DEPTH_MAX: usize = 32;

/// Parses the value of `select`. An empty one selects nothing, which is legal.
pub(super) fn parse(value: &str) -> Result<Vec<SelectItem>, Error> {
    let mut scan = Scan::new("select", value);
    let items = list(&mut scan, 0)?;
    if !scan.done() {
        return Err(scan.error("a comma or the end of the parameter"));
    }
    Ok(items)
}

fn list(scan: &mut Scan<'_>, depth: usize) -> Result<Vec<SelectItem>, Error> {
    if depth > DEPTH_MAX {
        return Err(scan.error("at most 32 levels of embedding"));
    }
    let mut items = Vec::new();
    scan.skip_spaces();
    if scan.done() || scan.looking_at(")") {
        return Ok(items);
    }
    loop {
        scan.skip_spaces();
        items.push(item(scan, depth)?);
        scan.skip_spaces();
        if !scan.eat(",") {
            return Ok(items);
        }
    }
}

fn item(scan: &mut Scan<'_>, depth: usize) -> Result<SelectItem, Error> {
    if scan.eat("*") {
        return Ok(SelectItem::All);
    }
    if scan.eat("...") {
        let relation = scan.name()?;
        return embed(scan, true, None, relation, depth);
    }
    let mut read = field(scan)?;
    scan.skip_spaces();
    let mut alias = None;
    if scan.looking_at(":") && !scan.looking_at("::") {
        scan.eat(":");
        scan.skip_spaces();
        if !read.json_path.is_empty() {
            return Err(scan.error("a comma or the end of the parameter"));
        }
        alias = Some(read.name);
        read = field(scan)?;
        scan.skip_spaces();
    }
    let is_bare = read.json_path.is_empty();
    if is_bare && read.name == "count" && scan.eat("()") {
        let result = optional_cast(scan)?;
        let function = Aggregate::Count;
        return Ok(SelectItem::Aggregate { alias, field: None, cast: None, function, result });
    }
    if scan.looking_at("(") || scan.looking_at("!") {
        if !is_bare {
            return Err(scan.error("a comma or the end of the parameter"));
        }
        return embed(scan, false, alias, read.name, depth);
    }
    let cast = optional_cast(scan)?;
    if scan.eat(".") {
        let start = scan.mark();
        let word = scan.take_while(|c| c.is_ascii_alphabetic());
        let function = Aggregate::ALL.into_iter().find(|function| function.name() == word);
        let Some(function) = function.filter(|_| scan.eat("()")) else {
            return Err(scan.error_at(start, "sum(), avg(), count(), min() or max()"));
        };
        let result = optional_cast(scan)?;
        return Ok(SelectItem::Aggregate { alias, field: Some(read), cast, function, result });
    }
    Ok(SelectItem::Field { alias, field: read, cast })
}

fn optional_cast(scan: &mut Scan<'_>) -> Result<Option<String>, Error> {
    if scan.eat("::") { cast(scan).map(Some) } else { Ok(None) }
}

fn cast(scan: &mut Scan<'_>) -> Result<String, Error> {
    let name = scan.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | ' ')).trim();
    if name.is_empty() { Err(scan.error("a type name")) } else { Ok(name.to_owned()) }
}

fn embed(
    scan: &mut Scan<'_>,
    spread: bool,
    alias: Option<String>,
    relation: String,
    depth: usize,
) -> Result<SelectItem, Error> {
    let mut hint = None;
    let mut join = JoinKind::Left;
    scan.skip_spaces();
    while scan.eat("!") {
        let word = scan.name()?;
        match word.as_str() {
            "inner" => join = JoinKind::Inner,
            "left" => join = JoinKind::Left,
            _ => hint = Some(word),
        }
    }
    scan.expect("(", "an opening parenthesis")?;
    let select = list(scan, depth + 1)?;
    scan.expect(")", "a comma or a closing parenthesis")?;
    Ok(SelectItem::Embed(EmbedItem { spread, alias, relation, hint, join, select }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str) -> SelectItem {
        SelectItem::Field {
            alias: None,
            field: Field { name: name.into(), json_path: Vec::new() },
            cast: None,
        }
    }

    #[test]
    fn columns_aliases_casts_paths_and_embeds_are_told_apart() {
        let items = parse("*, id ,title:name,data->a->>0::int,items!left(*),\"odd,name\"").unwrap();
        assert_eq!(items.len(), 6);
        assert_eq!(items[1], column("id"));
        assert!(matches!(&items[2], SelectItem::Field { alias: Some(alias), field, .. }
            if alias == "title" && field.name == "name"));
        assert!(matches!(&items[3], SelectItem::Field { field, cast: Some(cast), .. }
            if field.json_path.len() == 2 && field.json_path[1].as_text && cast == "int"));
        assert!(matches!(&items[4], SelectItem::Embed(embed) if embed.relation == "items"));
        assert_eq!(items[5], column("odd,name"));
    }

    #[test]
    fn an_empty_select_is_legal() {
        assert_eq!(parse("").unwrap(), vec![]);
        assert!(matches!(&parse("items()").unwrap()[0], SelectItem::Embed(embed) if embed.select.is_empty()));
    }

    #[test]
    fn spreads_and_aggregates_are_told_from_embeds() {
        let items =
            parse("...items!inner(a),n:id::int.sum()::text,count(),c:count(),count(a),count!left()").unwrap();
        assert!(matches!(
            &items[0],
            SelectItem::Embed(EmbedItem { spread: true, join: JoinKind::Inner, .. })
        ));
        let SelectItem::Aggregate { alias, field, cast, function, result } = &items[1] else { panic!() };
        assert_eq!(
            (alias.as_deref(), cast.as_deref(), result.as_deref()),
            (Some("n"), Some("int"), Some("text"))
        );
        assert_eq!((field.as_ref().unwrap().name.as_str(), *function), ("id", Aggregate::Sum));
        assert!(matches!(&items[2], SelectItem::Aggregate { field: None, alias: None, .. }));
        assert!(matches!(&items[3], SelectItem::Aggregate { field: None, alias: Some(_), .. }));
        // A relation may be called count, where something is selected of it or said about it.
        assert!(matches!(&items[4..], [SelectItem::Embed(_), SelectItem::Embed(_)]));
    }

    #[test]
    fn unfinished_selects_are_refused() {
        for bad in [
            "items(",
            "a,,b",
            "a b)",
            "a::",
            ",",
            "a->",
            "items(*))",
            "...items",
            "...a:items(*)",
            "... (*)",
            "a.total()",
            "a.sum",
            "a.sum(",
            "a.sum(b)",
            "a.",
            "a.sum().avg()",
            "a->b(c)",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(parse(&format!("{}{}", "a(".repeat(100), ")".repeat(100))).is_err());
    }
}
