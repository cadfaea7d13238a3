//! Functions that may be called, what they take and give, and the routes that their comments declare.

use super::relation::{Column, Encoding, Identifier, Privileges, Relation, RelationId, RelationKind, Takes};
use super::shape::Shape;

/// A function that may be called as `/rpc/{name}`.
#[derive(Debug)]
pub struct Function {
    pub schema: Identifier,
    pub name: Identifier,
    /// What it takes, in its order.
    pub arguments: Vec<Argument>,
    pub returns: Returns,
    /// RETURNS SETOF or TABLE: any number of rows.
    pub returns_set: bool,
    pub volatility: Volatility,
    /// Runs as its owner, and is served because it is declared.
    pub security_definer: bool,
    pub comment: Option<String>,
    pub(super) row: Row,
}

/// What one row of a function is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returns {
    Void,
    /// One value of a type that is no row.
    Value,
    /// The columns of a relation, of a composite type, or of its own OUT or TABLE arguments.
    Row,
    /// A record whose columns nobody knows before it runs: it cannot be called.
    Record,
}

/// How often the same arguments give the same result (Postgres manual, 38.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Volatility {
    Immutable,
    Stable,
    /// It may write.
    Volatile,
}

/// The columns that it returns.
#[derive(Debug)]
pub(super) enum Row {
    /// Those of a served relation, with what can be embedded in it.
    Served(RelationId),
    Own(Box<Relation>),
}

/// One argument that a call may give.
#[derive(Debug, Clone)]
pub struct Argument {
    /// None: the only one, which takes the body as it is.
    pub name: Option<Identifier>,
    /// As SQL, from `format_type`.
    pub type_name: String,
    /// The built-in type behind it, if there is one.
    pub base_type: Option<String>,
    /// It has no default.
    pub required: bool,
    /// The last one, and a list.
    pub variadic: bool,
}

impl Function {
    /// Whether a call cannot write: it runs read only.
    pub fn only_reads(&self) -> bool {
        self.volatility != Volatility::Volatile
    }

    /// The argument of this name.
    pub fn argument(&self, name: &str) -> Option<&Argument> {
        self.arguments.iter().find(|argument| argument.name.as_ref().is_some_and(|own| own.name() == name))
    }

    /// The one argument without a name, which takes the whole body.
    pub fn unnamed(&self) -> Option<&Argument> {
        self.arguments.first().filter(|argument| argument.name.is_none())
    }

    /// The types that one argument without a name may have.
    pub(super) const WHOLE: &[&str] = &["json", "jsonb", "text", "xml", "bytea"];

    /// Whether requests can say what it takes: every argument has a name, or it is the only one and takes a body.
    pub(super) fn is_callable(arguments: &[Argument]) -> bool {
        match arguments {
            [Argument { name: None, base_type: Some(base_type), .. }] => {
                Self::WHOLE.contains(&base_type.as_str())
            }
            arguments => arguments.iter().all(|argument| argument.name.is_some()),
        }
    }
}

/// A relation that is none: the columns that a function returns. Nobody can embed in it or find a row by its key.
pub(super) fn row_type(schema: &Identifier, name: &Identifier, columns: Vec<Column>) -> Relation {
    Relation {
        schema: schema.clone(),
        name: name.clone(),
        kind: RelationKind::View,
        comment: None,
        columns,
        primary_key: Vec::new(),
        tenant_column: None,
        privileges: Privileges { select: true, ..Privileges::default() },
        takes: Takes::default(),
        computed: Vec::new(),
        relationships: Vec::new(),
        checks: Vec::new(),
    }
}

/// A column of a row that a function returns; whoever may call it may read it.
pub(super) fn returned_column(name: Identifier, type_name: String, base_type: Option<&str>) -> Column {
    let encoding = base_type.map_or(Encoding::ToJson, Encoding::of_builtin);
    Column {
        name,
        type_name,
        is_json: matches!(encoding, Encoding::Json | Encoding::Jsonb),
        encoding,
        not_null: false,
        generated: false,
        default: None,
        may_select: true,
        may_insert: false,
        may_update: false,
        comment: None,
        shape: Shape { base_type: base_type.map(str::to_owned), ..Shape::default() },
        function: None,
    }
}

/// A path of its own for a function: `@route GET /{slug}` in its comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub method: RouteMethod,
    pub segments: Vec<Segment>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RouteMethod {
    /// And HEAD.
    Get,
    Post,
}

/// One part of a route's path. Where several routes fit a path, a fixed word goes before an argument.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Segment {
    Fixed(String),
    Argument(String),
}

/// Why a route is not served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteFault {
    #[error("it is not of the form GET /path or POST /path")]
    Malformed,
    #[error("a segment is empty, or has a brace within")]
    Segment,
    #[error("the function has no argument {0} that a segment could give")]
    NoArgument(String),
    #[error("{0} stands in it twice")]
    Twice(String),
    #[error("/{0} is a path of the service")]
    Reserved(String),
    #[error("/{0} is a relation that is served")]
    Relation(String),
    #[error("{0} has the same route")]
    Ambiguous(String),
}

/// First segments that no route can have, fixed or as an argument's value: they are the service's own.
pub(super) const RESERVED: &[&str] = &["rpc", "batch", "docs", "openapi.json"];

impl Route {
    /// The routes that a comment declares, one a line, each as written and as read.
    pub(super) fn declared(
        comment: &str,
        arguments: &[Argument],
    ) -> Vec<(String, Result<Route, RouteFault>)> {
        let lines = comment.lines().filter_map(|line| line.trim().strip_prefix("@route"));
        let routes = lines.filter(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace));
        routes.map(|text| (text.trim().to_owned(), Self::parse(text, arguments))).collect()
    }

    fn parse(text: &str, arguments: &[Argument]) -> Result<Route, RouteFault> {
        let mut words = text.split_whitespace();
        let method = match words.next() {
            Some("GET") => RouteMethod::Get,
            Some("POST") => RouteMethod::Post,
            _ => return Err(RouteFault::Malformed),
        };
        let path = match (words.next().and_then(|path| path.strip_prefix('/')), words.next()) {
            (Some(path), None) => path,
            _ => return Err(RouteFault::Malformed),
        };
        let mut segments = Vec::new();
        for segment in path.split('/') {
            let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            let bare = name.unwrap_or(segment);
            if bare.is_empty() || bare.contains(['{', '}']) {
                return Err(RouteFault::Segment);
            }
            let Some(name) = name else {
                segments.push(Segment::Fixed(segment.to_owned()));
                continue;
            };
            let known = arguments.iter().any(|argument| {
                !argument.variadic && argument.name.as_ref().is_some_and(|own| own.name() == name)
            });
            if !known {
                return Err(RouteFault::NoArgument(name.to_owned()));
            }
            let argument = Segment::Argument(name.to_owned());
            if segments.contains(&argument) {
                return Err(RouteFault::Twice(name.to_owned()));
            }
            segments.push(argument);
        }
        if let Some(Segment::Fixed(first)) = segments.first()
            && RESERVED.contains(&first.as_str())
        {
            return Err(RouteFault::Reserved(first.clone()));
        }
        Ok(Route { method, segments })
    }

    /// What a path gives to the arguments, where it is one of this route's.
    pub(super) fn matches(&self, method: RouteMethod, path: &[String]) -> Option<Vec<(String, String)>> {
        if self.method != method || self.segments.len() != path.len() {
            return None;
        }
        let mut given = Vec::new();
        for (segment, sent) in self.segments.iter().zip(path) {
            match segment {
                Segment::Fixed(word) if word == sent => {}
                Segment::Fixed(_) => return None,
                Segment::Argument(_) if sent.is_empty() => return None,
                Segment::Argument(name) => given.push((name.clone(), sent.clone())),
            }
        }
        Some(given)
    }

    /// Two routes of the same shape are the same, whatever their arguments are called.
    pub(super) fn shape(&self) -> (RouteMethod, Vec<Option<&str>>) {
        let segments = self.segments.iter().map(|segment| match segment {
            Segment::Fixed(word) => Some(word.as_str()),
            Segment::Argument(_) => None,
        });
        (self.method, segments.collect())
    }

    /// The first segment, where it is a word.
    pub(super) fn fixed_first(&self) -> Option<&str> {
        match self.segments.first() {
            Some(Segment::Fixed(word)) => Some(word),
            Some(Segment::Argument(_)) | None => None,
        }
    }

    /// Whether the first segment is an argument: then any word could be meant, a misspelt relation, too.
    pub fn is_catch_all(&self) -> bool {
        matches!(self.segments.first(), Some(Segment::Argument(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argument(name: &str, variadic: bool) -> Argument {
        let name = Identifier::new(name);
        Argument { name, type_name: "text".into(), base_type: Some("text".into()), required: true, variadic }
    }

    fn parse(text: &str) -> Result<Route, RouteFault> {
        Route::parse(text, &[argument("slug", false), argument("others", true)])
    }

    #[test]
    fn a_comment_declares_routes_line_by_line() {
        let comment =
            "Follows a link.\n @route GET /{slug}\n@route POST /go/{slug}\n@routes are nice\n@route";
        let declared = Route::declared(comment, &[argument("slug", false)]);
        assert_eq!(declared.len(), 3);
        let first = Route { method: RouteMethod::Get, segments: vec![Segment::Argument("slug".into())] };
        assert_eq!(declared[0], ("GET /{slug}".into(), Ok(first)));
        assert!(declared[1].1.is_ok());
        assert_eq!(declared[2].1, Err(RouteFault::Malformed));
    }

    #[test]
    fn malformed_routes_say_why() {
        for (text, fault) in [
            ("PUT /{slug}", RouteFault::Malformed),
            ("GET slug", RouteFault::Malformed),
            ("GET /a b", RouteFault::Malformed),
            ("GET /", RouteFault::Segment),
            ("GET /a//b", RouteFault::Segment),
            ("GET /a{slug}", RouteFault::Segment),
            ("GET /{other}", RouteFault::NoArgument("other".into())),
            ("GET /{others}", RouteFault::NoArgument("others".into())),
            ("GET /{slug}/{slug}", RouteFault::Twice("slug".into())),
            ("GET /rpc/{slug}", RouteFault::Reserved("rpc".into())),
        ] {
            assert_eq!(parse(text), Err(fault), "{text}");
        }
    }

    #[test]
    fn a_route_takes_its_arguments_from_the_path() {
        let route = parse("GET /go/{slug}").unwrap();
        let path = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        let given = route.matches(RouteMethod::Get, &path(&["go", "eq.x"]));
        assert_eq!(given, Some(vec![("slug".to_owned(), "eq.x".to_owned())]));
        assert_eq!(route.matches(RouteMethod::Post, &path(&["go", "x"])), None);
        assert_eq!(route.matches(RouteMethod::Get, &path(&["gone", "x"])), None);
        assert_eq!(route.matches(RouteMethod::Get, &path(&["go"])), None);
    }
}
