//! A node tree, as Postgres keeps it of a policy, into the little language that the judge understands.
//!
//! What is not known becomes opaque: its parts are kept, so that it can be asked what they are, and nothing is
//! concluded from it. Names of nodes are those of PostgreSQL 15 and of 16 to 18, which write some of them in full.

use std::collections::HashMap;

use crate::node_tree;

/// How deep an expression is followed; what is deeper is opaque.
const DEPTH_MAX: usize = 64;
/// How long the text of an expression may be; one that is longer is opaque.
const TEXT_BYTES_MAX: usize = 1 << 20;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    /// A column of an entry of FROM, some levels of sub-selects up.
    Column {
        levels_up: usize,
        entry: usize,
        number: i16,
    },
    /// Its value, as the bytes that Postgres keeps; None is null.
    Constant {
        type_oid: u32,
        value: Option<Vec<u8>>,
    },
    /// `is_cast`: written as a cast, or not written at all.
    Call {
        function: u32,
        is_cast: bool,
        arguments: Vec<Expression>,
    },
    Operator {
        operator: u32,
        collation: u32,
        arguments: Vec<Expression>,
    },
    /// `is distinct from`.
    Distinct {
        operator: u32,
        collation: u32,
        arguments: Vec<Expression>,
    },
    NullIf {
        operator: u32,
        collation: u32,
        arguments: Vec<Expression>,
    },
    /// `left = any (right)`, and `all`.
    Quantified {
        operator: u32,
        collation: u32,
        quantifier: Quantifier,
        arguments: Vec<Expression>,
    },
    Array(Vec<Expression>),
    And(Vec<Expression>),
    Or(Vec<Expression>),
    Not(Box<Expression>),
    /// `is null` or `is not null`.
    NullTest {
        argument: Box<Expression>,
        is_null: bool,
        of_row: bool,
    },
    /// `is true` and its like.
    TruthTest {
        argument: Box<Expression>,
        test: TruthTest,
    },
    Coalesce(Vec<Expression>),
    /// Conditions with results, and what else holds; `argument` is what each condition is about, where there is one.
    Case {
        argument: Option<Box<Expression>>,
        branches: Vec<(Expression, Expression)>,
        otherwise: Option<Box<Expression>>,
    },
    /// The same bytes as another type.
    Relabelled {
        argument: Box<Expression>,
        type_oid: u32,
    },
    /// A cast by way of the text.
    ByText {
        argument: Box<Expression>,
        type_oid: u32,
    },
    /// The same value, or an error where the domain does not have it.
    Domain(Box<Expression>),
    /// The same value, to be compared otherwise.
    Collated(Box<Expression>),
    SubSelect {
        kind: SubSelect,
        test: Option<Box<Expression>>,
        query: Box<Query>,
    },
    /// A column of the sub-select, in the test of `in`.
    Parameter(usize),
    /// `current_user` and its like.
    RoleName,
    Opaque(Vec<Expression>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantifier {
    Any,
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TruthTest {
    True,
    NotTrue,
    False,
    NotFalse,
    Unknown,
    NotUnknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SubSelect {
    Exists,
    All,
    Any,
    Value,
    Array,
}

/// A sub-select.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Query {
    /// Each entry of FROM: a relation's oid, where it is one.
    pub entries: Vec<Option<u32>>,
    /// Whether there is a FROM at all.
    pub has_from: bool,
    /// Whether a join may give rows that one side does not have.
    pub has_outer_join: bool,
    /// LIMIT or OFFSET, which may leave no row.
    pub has_limit: bool,
    /// Aggregates without groups: one row, whatever they found.
    pub is_one_row: bool,
    /// FROM, WHERE and a list, of which each row of FROM gives one at most: no groups, no aggregates, no UNION.
    pub is_plain: bool,
    /// What must all be true of a row.
    pub conditions: Vec<Expression>,
    pub targets: Vec<Expression>,
    /// All else that stands in it.
    pub others: Vec<Expression>,
}

impl Expression {
    /// Reads the text of a node tree.
    pub fn read(tree: &str) -> Self {
        match tree.len() <= TEXT_BYTES_MAX {
            true => read(tree, 0),
            false => Expression::Opaque(Vec::new()),
        }
    }

    /// The parts of it that stand in the same sub-select.
    pub fn parts(&self) -> Vec<&Expression> {
        match self {
            Expression::Column { .. }
            | Expression::Constant { .. }
            | Expression::Parameter(_)
            | Expression::RoleName => Vec::new(),
            Expression::Call { arguments, .. }
            | Expression::Operator { arguments, .. }
            | Expression::Distinct { arguments, .. }
            | Expression::NullIf { arguments, .. }
            | Expression::Quantified { arguments, .. } => arguments.iter().collect(),
            Expression::Array(parts)
            | Expression::And(parts)
            | Expression::Or(parts)
            | Expression::Coalesce(parts)
            | Expression::Opaque(parts) => parts.iter().collect(),
            Expression::Not(part) | Expression::Domain(part) | Expression::Collated(part) => vec![part],
            Expression::NullTest { argument, .. }
            | Expression::TruthTest { argument, .. }
            | Expression::Relabelled { argument, .. }
            | Expression::ByText { argument, .. } => vec![argument],
            Expression::Case { argument, branches, otherwise } => {
                let branches = branches.iter().flat_map(|(condition, result)| [condition, result]);
                argument.as_deref().into_iter().chain(branches).chain(otherwise.as_deref()).collect()
            }
            Expression::SubSelect { test, .. } => test.as_deref().into_iter().collect(),
        }
    }
}

impl Query {
    pub fn parts(&self) -> impl Iterator<Item = &Expression> {
        self.conditions.iter().chain(&self.targets).chain(&self.others)
    }
}

fn read(tree: &str, depth: usize) -> Expression {
    if depth > DEPTH_MAX {
        return Expression::Opaque(Vec::new());
    }
    node_tree::fields(tree)
        .and_then(|fields| known(node_tree::name(tree)?, &fields, depth))
        .unwrap_or_else(|| Expression::Opaque(children(tree, depth)))
}

/// What stands in something that is not known.
fn children(tree: &str, depth: usize) -> Vec<Expression> {
    if depth > DEPTH_MAX {
        return Vec::new();
    }
    let mut found = Vec::new();
    if tree.starts_with('(') {
        for member in node_tree::members(tree) {
            match member.as_bytes().first() {
                Some(b'{') => found.push(read(member, depth + 1)),
                Some(b'(') => found.extend(children(member, depth + 1)),
                _ => {}
            }
        }
    } else if let Some(fields) = node_tree::fields(tree) {
        // In the order of their names: a map has none of its own.
        let mut fields: Vec<_> = fields.into_iter().collect();
        fields.sort_unstable();
        for (_, value) in fields {
            match value.as_bytes().first() {
                Some(b'{') => found.push(read(value, depth + 1)),
                Some(b'(') => found.extend(children(value, depth + 1)),
                _ => {}
            }
        }
    }
    found
}

/// None: not known, or not as it should be.
fn known(name: &str, fields: &HashMap<&str, &str>, depth: usize) -> Option<Expression> {
    let number = |field: &str| fields.get(field)?.parse::<u32>().ok();
    let part = |field: &str| {
        let value = fields.get(field)?;
        value.starts_with('{').then(|| Box::new(read(value, depth + 1)))
    };
    let parts = |field: &str| {
        let members = node_tree::members(fields.get(field)?);
        members.iter().all(|member| member.starts_with('{')).then_some(())?;
        Some(members.into_iter().map(|member| read(member, depth + 1)).collect::<Vec<_>>())
    };
    Some(match name {
        "VAR" => Expression::Column {
            levels_up: number("varlevelsup")?.try_into().ok()?,
            entry: number("varno")?.try_into().ok()?,
            number: fields.get("varattno")?.parse().ok()?,
        },
        "CONST" => Expression::Constant {
            type_oid: number("consttype")?,
            value: match *fields.get("constisnull")? {
                "true" => None,
                _ => Some(node_tree::bytes(fields.get("constvalue")?)?),
            },
        },
        "FUNCEXPR" => Expression::Call {
            function: number("funcid")?,
            is_cast: matches!(number("funcformat")?, 1 | 2),
            arguments: parts("args").unwrap_or_default(),
        },
        "OPEXPR" => Expression::Operator {
            operator: number("opno")?,
            collation: number("inputcollid")?,
            arguments: parts("args")?,
        },
        "DISTINCTEXPR" => Expression::Distinct {
            operator: number("opno")?,
            collation: number("inputcollid")?,
            arguments: parts("args")?,
        },
        "NULLIFEXPR" => Expression::NullIf {
            operator: number("opno")?,
            collation: number("inputcollid")?,
            arguments: parts("args")?,
        },
        "SCALARARRAYOPEXPR" => Expression::Quantified {
            operator: number("opno")?,
            collation: number("inputcollid")?,
            quantifier: match *fields.get("useOr")? {
                "true" => Quantifier::Any,
                "false" => Quantifier::All,
                _ => return None,
            },
            arguments: parts("args")?,
        },
        "ARRAY" | "ARRAYEXPR" => match *fields.get("multidims")? {
            "false" => Expression::Array(parts("elements").unwrap_or_default()),
            _ => return None,
        },
        "BOOLEXPR" => match (*fields.get("boolop")?, parts("args")?) {
            ("and", arguments) => Expression::And(arguments),
            ("or", arguments) => Expression::Or(arguments),
            ("not", mut arguments) if arguments.len() == 1 => Expression::Not(Box::new(arguments.remove(0))),
            _ => return None,
        },
        "NULLTEST" => Expression::NullTest {
            argument: part("arg")?,
            is_null: match number("nulltesttype")? {
                0 => true,
                1 => false,
                _ => return None,
            },
            of_row: *fields.get("argisrow")? != "false",
        },
        "BOOLEANTEST" => Expression::TruthTest {
            argument: part("arg")?,
            test: match number("booltesttype")? {
                0 => TruthTest::True,
                1 => TruthTest::NotTrue,
                2 => TruthTest::False,
                3 => TruthTest::NotFalse,
                4 => TruthTest::Unknown,
                5 => TruthTest::NotUnknown,
                _ => return None,
            },
        },
        "COALESCE" | "COALESCEEXPR" => Expression::Coalesce(parts("args")?),
        "CASE" | "CASEEXPR" => Expression::Case {
            argument: part("arg"),
            branches: node_tree::items(fields.get("args")?)
                .into_iter()
                .map(|when| {
                    let fields = node_tree::fields(when)?;
                    Some((read(fields.get("expr")?, depth + 1), read(fields.get("result")?, depth + 1)))
                })
                .collect::<Option<_>>()?,
            otherwise: part("defresult"),
        },
        "RELABELTYPE" => Expression::Relabelled { argument: part("arg")?, type_oid: number("resulttype")? },
        "COERCEVIAIO" => Expression::ByText { argument: part("arg")?, type_oid: number("resulttype")? },
        "COERCETODOMAIN" => Expression::Domain(part("arg")?),
        "COLLATE" | "COLLATEEXPR" => Expression::Collated(part("arg")?),
        "SUBLINK" => Expression::SubSelect {
            kind: match number("subLinkType")? {
                0 => SubSelect::Exists,
                1 => SubSelect::All,
                2 => SubSelect::Any,
                4 => SubSelect::Value,
                6 => SubSelect::Array,
                _ => return None,
            },
            test: part("testexpr"),
            query: Box::new(query(fields.get("subselect")?, depth + 1)?),
        },
        // The second kind is a column of the sub-select.
        "PARAM" if number("paramkind")? == 2 => {
            Expression::Parameter(usize::try_from(number("paramid")?).ok()?.checked_sub(1)?)
        }
        "SQLVALUEFUNCTION" => match number("op")? {
            9..=12 => Expression::RoleName,
            _ => Expression::Opaque(Vec::new()),
        },
        _ => return None,
    })
}

fn query(tree: &str, depth: usize) -> Option<Query> {
    if node_tree::name(tree)? != "QUERY" || depth > DEPTH_MAX {
        return None;
    }
    let mut fields = node_tree::fields(tree)?;
    let join_tree = node_tree::fields(fields.remove("jointree")?)?;
    let is = |field: &str, value: &str| fields.get(field) == Some(&value);
    let is_grouped = !["groupClause", "groupingSets", "havingQual"].iter().all(|field| is(field, "<>"));
    // A SELECT of rows of FROM.
    let is_select = is("commandType", "1")
        && is("cteList", "<>")
        && is("setOperations", "<>")
        && is("hasWindowFuncs", "false")
        && is("hasTargetSRFs", "false");
    let has_limit = !is("limitOffset", "<>") || !is("limitCount", "<>");
    let mut query = Query {
        is_plain: is_select && !is_grouped && is("hasAggs", "false"),
        is_one_row: is_select && !is_grouped && !has_limit && is("hasAggs", "true"),
        has_limit,
        ..Query::default()
    };
    for entry in node_tree::items(fields.remove("rtable").unwrap_or("<>")) {
        let entry_fields = node_tree::fields(entry)?;
        let relation = match entry_fields.get("rtekind") {
            Some(&"0") => entry_fields.get("relid").and_then(|oid| oid.parse().ok()),
            _ => {
                query.others.extend(children(entry, depth + 1));
                None
            }
        };
        query.entries.push(relation);
    }
    let mut joined = Vec::new();
    for source in node_tree::items(join_tree.get("fromlist")?) {
        query.has_from = true;
        join(source, &mut query, &mut joined, depth + 1);
    }
    // What joins two tables that are themselves on the side that may be missing does not hold for every row.
    match query.has_outer_join {
        true => query.others.append(&mut joined),
        false => query.conditions.append(&mut joined),
    }
    if let Some(condition) = join_tree.get("quals").filter(|condition| condition.starts_with('{')) {
        query.conditions.push(read(condition, depth + 1));
    }
    for target in node_tree::items(fields.remove("targetList").unwrap_or("<>")) {
        let target = node_tree::fields(target)?;
        let expression = read(target.get("expr")?, depth + 1);
        match target.get("resjunk") {
            Some(&"false") => query.targets.push(expression),
            _ => query.others.push(expression),
        }
    }
    let mut rest: Vec<_> = fields.into_iter().collect();
    rest.sort_unstable();
    for (_, value) in rest {
        match value.as_bytes().first() {
            Some(b'{') => query.others.push(read(value, depth + 1)),
            Some(b'(') => query.others.extend(children(value, depth + 1)),
            _ => {}
        }
    }
    Some(query)
}

/// The conditions of joins.
fn join(source: &str, query: &mut Query, conditions: &mut Vec<Expression>, depth: usize) {
    if node_tree::name(source) == Some("RANGETBLREF") {
        return;
    }
    let fields = node_tree::fields(source).filter(|_| node_tree::name(source) == Some("JOINEXPR"));
    let (Some(fields), true) = (fields, depth <= DEPTH_MAX) else {
        query.is_plain = false;
        return;
    };
    query.has_outer_join |= fields.get("jointype") != Some(&"0");
    for side in ["larg", "rarg"] {
        join(fields.get(side).unwrap_or(&"<>"), query, conditions, depth + 1);
    }
    if let Some(condition) = fields.get("quals").filter(|condition| condition.starts_with('{')) {
        conditions.push(read(condition, depth + 1));
    }
}
