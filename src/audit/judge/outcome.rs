//! What an expression may come to for a row that is not the tenant's: the judge's arithmetic.
//!
//! Rather than shapes, the states in which a request may not see a row are gone through, and for each the values that the
//! expression may have there are worked out, in SQL's three-valued logic and always too many rather than too few. An
//! expression that is true in none of them shows the tenant's own rows alone.

use std::ops::BitOr;

use super::Facts;
use super::expression::{Expression, Quantifier, Query, SubSelect, TruthTest};

const BOOL: u32 = 16;
const INT8: u32 = 20;
const INT2: u32 = 21;
const INT4: u32 = 23;
const TEXT: u32 = 25;
const FLOAT4: u32 = 700;
const FLOAT8: u32 = 701;
const BPCHAR: u32 = 1042;
const VARCHAR: u32 = 1043;
const NAME: u32 = 19;
const NUMERIC: u32 = 1700;
const UUID: u32 = 2950;
/// Oids from here on are the user's; those below are the same in every database.
const FIRST_USER_OID: u32 = 16384;

/// Functions of casts that lose nothing, or raise: between the integers, and integers as numeric.
const WIDENING: &[u32] = &[313, 754, 481, 1782, 1740, 1781, 480, 714, 314];
/// `lower` and `upper`, which tell apart what has letters of one case, or none.
pub(super) const CASE_OF_LETTERS: &[u32] = &[870, 871];
/// bpchar and name as text.
const AS_TEXT: &[u32] = &[401, 406];

/// Of which row, and in which request, an expression is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    pub request: Request,
    /// The row's tenant is null; else it is another one's.
    pub row_is_null: bool,
}

/// What the request's setting is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    /// A tenant, which is not the row's.
    Tenant,
    /// Never set.
    Unset,
    /// The empty text, as a setting reads once an earlier transaction had set it.
    Empty,
}

impl State {
    /// All in which a row must not be seen.
    pub fn all(may_be_null: bool) -> impl Iterator<Item = State> {
        [Request::Tenant, Request::Unset, Request::Empty].into_iter().flat_map(move |request| {
            let nulls: &[bool] = if may_be_null { &[false, true] } else { &[false] };
            nulls.iter().map(move |row_is_null| State { request, row_is_null: *row_is_null })
        })
    }
}

/// The values that a condition may have; none at all where it always raises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outcomes(u8);

impl Outcomes {
    pub const NONE: Outcomes = Outcomes(0);
    pub const TRUE: Outcomes = Outcomes(1);
    pub const FALSE: Outcomes = Outcomes(2);
    pub const NULL: Outcomes = Outcomes(4);
    pub const ANY: Outcomes = Outcomes(7);

    pub fn may(self, other: Outcomes) -> bool {
        self.0 & other.0 != 0
    }

    fn without(self, other: Outcomes) -> Self {
        Outcomes(self.0 & !other.0)
    }

    fn when(self, holds: bool) -> Self {
        if holds { self } else { Outcomes::NONE }
    }

    fn not(self) -> Self {
        Outcomes::TRUE.when(self.may(Outcomes::FALSE))
            | Outcomes::FALSE.when(self.may(Outcomes::TRUE))
            | Outcomes::NULL.when(self.may(Outcomes::NULL))
    }

    /// One that is false decides, even beside one that would raise.
    fn and(self, other: Self) -> Self {
        let open = Outcomes::NULL | Outcomes::TRUE;
        Outcomes::TRUE.when(self.may(Outcomes::TRUE) && other.may(Outcomes::TRUE))
            | Outcomes::FALSE.when(self.may(Outcomes::FALSE) || other.may(Outcomes::FALSE))
            | Outcomes::NULL.when(
                self.may(Outcomes::NULL) && other.may(open) || other.may(Outcomes::NULL) && self.may(open),
            )
    }

    fn or(self, other: Self) -> Self {
        self.not().and(other.not()).not()
    }
}

impl BitOr for Outcomes {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Outcomes(self.0 | other.0)
    }
}

/// The values that an expression may have, as far as they concern tenants; none where it always raises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Values {
    /// The row's tenant, as its own type or one that tells it apart as well.
    row: bool,
    /// The request's.
    tenant: Option<Tenant>,
    null: bool,
    /// The empty text.
    empty: bool,
    /// Anything, null among it.
    any: bool,
}

/// The request's tenant as text, or as that which its text is in another type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tenant {
    AsText,
    As(u32),
}

impl Values {
    const NONE: Values = Values { row: false, tenant: None, null: false, empty: false, any: false };
    const ROW: Values = Values { row: true, ..Values::NONE };
    const NULL: Values = Values { null: true, ..Values::NONE };
    const EMPTY: Values = Values { empty: true, ..Values::NONE };
    const ANY: Values = Values { any: true, ..Values::NONE };

    fn tenant(tenant: Tenant) -> Self {
        Values { tenant: Some(tenant), ..Values::NONE }
    }

    fn is_none(self) -> bool {
        self == Values::NONE
    }

    fn may_be_null(self) -> bool {
        self.null || self.any
    }

    fn may_be_something(self) -> bool {
        self.row || self.tenant.is_some() || self.empty || self.any
    }
}

impl BitOr for Values {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        let (tenant, differ) = match (self.tenant, other.tenant) {
            (Some(one), Some(another)) => (Some(one), one != another),
            (one, another) => (one.or(another), false),
        };
        Values {
            row: self.row || other.row,
            tenant,
            null: self.null || other.null,
            empty: self.empty || other.empty,
            any: self.any || other.any || differ,
        }
    }
}

/// Which types tell values apart alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Text,
    Integer,
    Other(u32),
}

fn family(type_oid: u32) -> Family {
    match type_oid {
        TEXT | VARCHAR => Family::Text,
        INT2 | INT4 | INT8 | NUMERIC => Family::Integer,
        other => Family::Other(other),
    }
}

/// Works out values in one state. `asked` is the one other relation that is believed to show the tenant's rows alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evaluation<'a> {
    pub facts: &'a Facts,
    pub relation: &'a super::Relation,
    pub asked: Option<&'a super::Relation>,
    pub state: State,
}

/// Where an expression stands: the sub-selects around it, and the columns of the one that it tests.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    within: Option<(&'a Query, &'a Place<'a>)>,
    parameters: &'a [Values],
}

impl<'a> Place<'a> {
    pub const TOP: Place<'static> = Place { within: None, parameters: &[] };

    /// Within a sub-select that stands here.
    pub fn inside(&'a self, query: &'a Query) -> Place<'a> {
        Place { within: Some((query, self)), parameters: &[] }
    }

    /// Whether a column that is `levels_up` from here is one of the row that is judged, or would be: within what is not
    /// understood there may be more levels.
    pub fn is_of_the_row(&self, levels_up: usize) -> bool {
        matches!(self.up(levels_up), Ok(None) | Err(()))
    }

    /// The sub-select that is `levels_up` from here; None at the top, and an error beyond it.
    fn up(&self, levels_up: usize) -> Result<Option<&Query>, ()> {
        match (self.within, levels_up) {
            (within, 0) => Ok(within.map(|(query, _)| query)),
            (Some((_, outer)), levels_up) => outer.up(levels_up - 1),
            (None, _) => Err(()),
        }
    }
}

impl Evaluation<'_> {
    /// What a condition may come to.
    pub fn outcomes(&self, expression: &Expression, place: &Place<'_>) -> Outcomes {
        match expression {
            Expression::Constant { type_oid: BOOL, value } => match value {
                None => Outcomes::NULL,
                Some(bytes) if bytes.iter().any(|byte| *byte != 0) => Outcomes::TRUE,
                Some(_) => Outcomes::FALSE,
            },
            Expression::Constant { .. } => Outcomes::ANY,
            Expression::And(parts) => {
                self.fold(parts, place, Outcomes::TRUE, Outcomes::and).and(self.between(parts, place))
            }
            Expression::Or(parts) => self.fold(parts, place, Outcomes::FALSE, Outcomes::or),
            Expression::Not(part) => self.outcomes(part, place).not(),
            Expression::NullTest { argument, is_null, of_row } => {
                let (null, something) = match &**argument {
                    _ if *of_row => (true, true),
                    argument if is_condition(argument) => {
                        let outcomes = self.outcomes(argument, place);
                        (outcomes.may(Outcomes::NULL), outcomes.may(Outcomes::TRUE | Outcomes::FALSE))
                    }
                    argument => {
                        let values = self.values(argument, place);
                        (values.may_be_null(), values.may_be_something())
                    }
                };
                let holds = Outcomes::TRUE.when(null) | Outcomes::FALSE.when(something);
                if *is_null { holds } else { holds.not() }
            }
            Expression::TruthTest { argument, test } => {
                let outcomes = self.outcomes(argument, place);
                let (tested, is_positive) = match test {
                    TruthTest::True => (Outcomes::TRUE, true),
                    TruthTest::NotTrue => (Outcomes::TRUE, false),
                    TruthTest::False => (Outcomes::FALSE, true),
                    TruthTest::NotFalse => (Outcomes::FALSE, false),
                    TruthTest::Unknown => (Outcomes::NULL, true),
                    TruthTest::NotUnknown => (Outcomes::NULL, false),
                };
                let holds = Outcomes::TRUE.when(outcomes.may(tested))
                    | Outcomes::FALSE.when(outcomes.without(tested) != Outcomes::NONE);
                if is_positive { holds } else { holds.not() }
            }
            Expression::Coalesce(parts) => {
                let mut outcomes = Outcomes::NONE;
                for part in parts {
                    let of_part = self.outcomes(part, place);
                    outcomes = outcomes | of_part.without(Outcomes::NULL);
                    if !of_part.may(Outcomes::NULL) {
                        return outcomes;
                    }
                }
                outcomes | Outcomes::NULL
            }
            Expression::Case { argument, branches, otherwise } => {
                let mut outcomes = Outcomes::NONE;
                for (condition, result) in branches {
                    // `case x when y`: the condition is a comparison that is not looked at.
                    let condition = match argument {
                        Some(_) => Outcomes::ANY,
                        None => self.outcomes(condition, place),
                    };
                    if condition.may(Outcomes::TRUE) {
                        outcomes = outcomes | self.outcomes(result, place);
                    }
                    if !condition.may(Outcomes::FALSE | Outcomes::NULL) {
                        return outcomes;
                    }
                }
                match otherwise {
                    Some(otherwise) => outcomes | self.outcomes(otherwise, place),
                    None => outcomes | Outcomes::NULL,
                }
            }
            Expression::Operator { operator, collation, arguments } => match &arguments[..] {
                [left, right] if is_condition(left) || is_condition(right) => {
                    match self.is_equality(*operator, *collation) {
                        true => equal_outcomes(self.outcomes(left, place), self.outcomes(right, place)),
                        false => Outcomes::ANY,
                    }
                }
                [left, right] => {
                    self.compare(*operator, *collation, self.values(left, place), self.values(right, place))
                }
                _ => Outcomes::ANY,
            },
            Expression::Distinct { operator, collation, arguments } => match &arguments[..] {
                [left, right] if self.is_equality(*operator, *collation) => {
                    let (left, right) = (self.values(left, place), self.values(right, place));
                    // Where both are something they are compared; where one is null, that decides.
                    let compared =
                        self.equal(Values { null: false, ..left }, Values { null: false, ..right });
                    let one_null = left.may_be_null() && right.may_be_something()
                        || right.may_be_null() && left.may_be_something();
                    compared.not().without(Outcomes::NULL)
                        | Outcomes::TRUE.when(one_null)
                        | Outcomes::FALSE.when(left.may_be_null() && right.may_be_null())
                }
                _ => Outcomes::TRUE | Outcomes::FALSE,
            },
            Expression::Quantified { operator, collation, quantifier, arguments } => match &arguments[..] {
                [left, right] => {
                    let left = self.values(left, place);
                    let compare = |element| self.compare(*operator, *collation, left, element);
                    match right {
                        Expression::Array(elements) => {
                            let each = elements.iter().map(|element| compare(self.values(element, place)));
                            match quantifier {
                                Quantifier::Any => each.fold(Outcomes::FALSE, Outcomes::or),
                                Quantifier::All => each.fold(Outcomes::TRUE, Outcomes::and),
                            }
                        }
                        Expression::SubSelect { kind: SubSelect::Array, query, .. } => {
                            let Some(targets) = self.targets(query, place) else {
                                return of_rows(None, *quantifier);
                            };
                            let element = targets.first().copied().unwrap_or(Values::ANY);
                            of_rows(Some(compare(element)), *quantifier)
                        }
                        _ => Outcomes::ANY,
                    }
                }
                _ => Outcomes::ANY,
            },
            Expression::SubSelect { kind, test, query } => {
                self.sub_select(*kind, test.as_deref(), query, place)
            }
            Expression::Domain(part) => self.outcomes(part, place),
            Expression::Column { .. }
            | Expression::Call { .. }
            | Expression::NullIf { .. }
            | Expression::Array(_)
            | Expression::Relabelled { .. }
            | Expression::ByText { .. }
            | Expression::Collated(_)
            | Expression::Parameter(_)
            | Expression::RoleName
            | Expression::Opaque(_) => Outcomes::ANY,
        }
    }

    fn fold(
        &self,
        parts: &[Expression],
        place: &Place<'_>,
        start: Outcomes,
        join: fn(Outcomes, Outcomes) -> Outcomes,
    ) -> Outcomes {
        parts.iter().map(|part| self.outcomes(part, place)).fold(start, join)
    }

    /// What is at least something and at most the same is that.
    fn between(&self, parts: &[Expression], place: &Place<'_>) -> Outcomes {
        let mut outcomes = Outcomes::TRUE;
        for (at_least, collation, left, right) in parts.iter().filter_map(comparison) {
            let is_bounded = parts.iter().filter_map(comparison).any(|(at_most, other, value, bound)| {
                self.facts.bounds.contains(&(at_least, at_most))
                    && (other, value, bound) == (collation, left, right)
            });
            if is_bounded && !self.facts.nondeterministic_collations.contains(&collation) {
                outcomes = outcomes.and(self.equal(self.values(left, place), self.values(right, place)));
            }
        }
        outcomes
    }

    fn sub_select(
        &self,
        kind: SubSelect,
        test: Option<&Expression>,
        query: &Query,
        place: &Place<'_>,
    ) -> Outcomes {
        match kind {
            SubSelect::Exists => match (self.may_have_rows(query, place), must_have_rows(query)) {
                (false, _) => Outcomes::FALSE,
                (true, true) => Outcomes::TRUE,
                (true, false) => Outcomes::TRUE | Outcomes::FALSE,
            },
            SubSelect::Any | SubSelect::All => {
                let quantifier = if kind == SubSelect::Any { Quantifier::Any } else { Quantifier::All };
                let Some(targets) = self.targets(query, place) else { return of_rows(None, quantifier) };
                let tested = test.map_or(Outcomes::ANY, |test| {
                    self.outcomes(test, &Place { within: place.within, parameters: &targets })
                });
                of_rows(Some(tested), quantifier)
            }
            SubSelect::Value => match (query.is_plain, &query.targets[..]) {
                (true, [target]) => {
                    let none = Outcomes::NULL.when(!must_have_rows(query));
                    match self.may_have_rows(query, place) {
                        true => none | self.outcomes(target, &place.inside(query)),
                        false => Outcomes::NULL,
                    }
                }
                _ => Outcomes::ANY,
            },
            SubSelect::Array => Outcomes::ANY,
        }
    }

    /// What each column of a sub-select may be; None where it has no row.
    fn targets(&self, query: &Query, place: &Place<'_>) -> Option<Vec<Values>> {
        if !self.may_have_rows(query, place) {
            return None;
        }
        let place = place.inside(query);
        let value = |target| match query.is_plain {
            true => self.values(target, &place),
            false => Values::ANY,
        };
        Some(query.targets.iter().map(value).collect())
    }

    fn may_have_rows(&self, query: &Query, place: &Place<'_>) -> bool {
        if !query.is_plain {
            return true;
        }
        // Without a tenant the other relation shows nothing.
        let asks = self.asked.is_some_and(|asked| query.entries.contains(&Some(asked.oid)));
        if asks && !query.has_outer_join && self.state.request != Request::Tenant {
            return false;
        }
        let place = place.inside(query);
        self.fold(&query.conditions, &place, Outcomes::TRUE, Outcomes::and).may(Outcomes::TRUE)
    }

    fn values(&self, expression: &Expression, place: &Place<'_>) -> Values {
        match expression {
            Expression::Column { levels_up, entry, number } => match place.up(*levels_up) {
                Ok(None) if self.is_tenant_column(*entry, *number) => match self.state.row_is_null {
                    true => Values::NULL,
                    false => Values::ROW,
                },
                Ok(Some(query)) => self.asked_column(query, *entry, *number),
                Ok(None) | Err(()) => Values::ANY,
            },
            Expression::Constant { value: None, .. } => Values::NULL,
            Expression::Constant { type_oid, value: Some(bytes) } => {
                let text = crate::node_tree::text(bytes).filter(|_| family(*type_oid) == Family::Text);
                match text.as_deref() {
                    Some("") => Values::EMPTY,
                    _ => Values::ANY,
                }
            }
            Expression::Call { function, is_cast, arguments } => {
                self.call(*function, *is_cast, arguments, place)
            }
            Expression::NullIf { operator, collation, arguments } => match &arguments[..] {
                [left, right] => {
                    let (left, right) = (self.values(left, place), self.values(right, place));
                    let is_usual = right == Values::EMPTY && self.is_equality(*operator, *collation);
                    match is_usual && !left.any && !left.row {
                        // What is empty becomes null, and a tenant is not empty.
                        true => Values { empty: false, null: left.null || left.empty, ..left },
                        false => left | Values { null: !left.is_none(), ..Values::NONE },
                    }
                }
                _ => Values::ANY,
            },
            Expression::Coalesce(parts) => {
                let mut values = Values::NONE;
                for part in parts {
                    let of_part = self.values(part, place);
                    values = values | Values { null: false, ..of_part };
                    if !of_part.may_be_null() {
                        return values;
                    }
                }
                values | Values::NULL
            }
            Expression::Case { argument, branches, otherwise } => {
                let mut values = Values::NONE;
                for (condition, result) in branches {
                    let condition = match argument {
                        Some(_) => Outcomes::ANY,
                        None => self.outcomes(condition, place),
                    };
                    if condition.may(Outcomes::TRUE) {
                        values = values | self.values(result, place);
                    }
                    if !condition.may(Outcomes::FALSE | Outcomes::NULL) {
                        return values;
                    }
                }
                values | otherwise.as_ref().map_or(Values::NULL, |otherwise| self.values(otherwise, place))
            }
            Expression::Relabelled { argument, type_oid } => {
                self.cast(self.values(argument, place), *type_oid, Cast::Relabelling)
            }
            Expression::ByText { argument, type_oid } => {
                self.cast(self.values(argument, place), *type_oid, Cast::ByText)
            }
            Expression::Domain(argument) | Expression::Collated(argument) => self.values(argument, place),
            Expression::SubSelect { kind: SubSelect::Value, query, .. } => {
                match (query.is_plain, &query.targets[..]) {
                    (true, [target]) => {
                        let none = Values { null: !must_have_rows(query), ..Values::NONE };
                        match self.may_have_rows(query, place) {
                            true => none | self.values(target, &place.inside(query)),
                            false => Values::NULL,
                        }
                    }
                    _ => Values::ANY,
                }
            }
            Expression::Parameter(number) => place.parameters.get(*number).copied().unwrap_or(Values::ANY),
            Expression::Operator { .. }
            | Expression::Distinct { .. }
            | Expression::Quantified { .. }
            | Expression::Array(_)
            | Expression::And(_)
            | Expression::Or(_)
            | Expression::Not(_)
            | Expression::NullTest { .. }
            | Expression::TruthTest { .. }
            | Expression::SubSelect { .. }
            | Expression::RoleName
            | Expression::Opaque(_) => Values::ANY,
        }
    }

    fn is_tenant_column(&self, entry: usize, number: i16) -> bool {
        entry == 1 && self.relation.tenant_attnum == Some(number)
    }

    fn asked_column(&self, query: &Query, entry: usize, number: i16) -> Values {
        let relation = entry.checked_sub(1).and_then(|entry| query.entries.get(entry).copied().flatten());
        match self.asked {
            Some(asked)
                if relation == Some(asked.oid)
                    && asked.tenant_attnum == Some(number)
                    && self.state.request == Request::Tenant =>
            {
                let tenant = Values::tenant(match family(asked.tenant_type) {
                    Family::Text => Tenant::AsText,
                    Family::Integer | Family::Other(_) => Tenant::As(asked.tenant_type),
                });
                tenant | Values { null: query.has_outer_join, ..Values::NONE }
            }
            _ => Values::ANY,
        }
    }

    fn call(&self, function: u32, is_cast: bool, arguments: &[Expression], place: &Place<'_>) -> Values {
        if let Some(read) = super::setting_read(self.facts, function, arguments) {
            return match (read.is_tenant(self.facts), self.state.request) {
                (false, _) => Values::ANY,
                (true, Request::Tenant) => Values::tenant(Tenant::AsText),
                (true, Request::Unset) if read.must_exist => Values::NONE,
                (true, Request::Unset) => Values::NULL,
                (true, Request::Empty) => Values::EMPTY,
            };
        }
        if let Some(tenant_function) = self.facts.tenant_function(function).filter(|_| arguments.is_empty()) {
            return match self.state.request {
                Request::Tenant => Values::tenant(match family(tenant_function.return_type) {
                    Family::Text => Tenant::AsText,
                    Family::Integer | Family::Other(_) => Tenant::As(tenant_function.return_type),
                }),
                Request::Unset | Request::Empty => Values::NULL,
            };
        }
        match arguments {
            [argument] if CASE_OF_LETTERS.contains(&function) && self.relation.has_one_case() => {
                self.values(argument, place)
            }
            [argument] if is_cast && (WIDENING.contains(&function) || AS_TEXT.contains(&function)) => {
                let values = self.values(argument, place);
                match WIDENING.contains(&function) || !matches!(values.tenant, Some(Tenant::AsText)) {
                    true => values,
                    false => Values::ANY,
                }
            }
            _ => Values::ANY,
        }
    }

    /// A cast of what is known. What a cast may make alike is not known any more.
    fn cast(&self, values: Values, type_oid: u32, how: Cast) -> Values {
        let is_text = family(type_oid) == Family::Text;
        let own = self.relation.tenant_type;
        let keeps_row = is_text && (how == Cast::Relabelling || self.relation.prints_exactly())
            || type_oid == own && how == Cast::Relabelling
            // Back from its text.
            || type_oid == own && self.relation.prints_exactly();
        let tenant = match values.tenant {
            None => None,
            Some(tenant) if is_text => Some(tenant),
            Some(Tenant::AsText) => Some(Tenant::As(type_oid)),
            Some(Tenant::As(before)) if family(before) == family(type_oid) => Some(Tenant::As(before)),
            Some(Tenant::As(_)) => return Values::ANY,
        };
        // No text of these types is empty: it raises.
        let raises = how == Cast::ByText && refuses_the_empty_text(type_oid);
        Values {
            row: values.row,
            tenant,
            null: values.null,
            empty: values.empty && !raises,
            any: values.any || values.row && !keeps_row,
        }
    }

    /// Whether an expression may be the empty text.
    pub fn may_be_empty(&self, expression: &Expression, place: &Place<'_>) -> bool {
        self.values(expression, place).empty
    }

    /// Whether `=` is of what is the same and of nothing else.
    pub fn is_equality(&self, operator: u32, collation: u32) -> bool {
        self.facts.equality_operators.contains(&operator)
            && !self.facts.nondeterministic_collations.contains(&collation)
    }

    /// `left = right` or `left <> right`; of other operators nothing is known.
    fn compare(&self, operator: u32, collation: u32, left: Values, right: Values) -> Outcomes {
        if self.is_equality(operator, collation) {
            self.equal(left, right)
        } else if self.facts.inequality_operators.contains(&operator)
            && !self.facts.nondeterministic_collations.contains(&collation)
        {
            self.equal(left, right).not()
        } else {
            Outcomes::ANY
        }
    }

    /// `left = right`, which is an equality that calls nothing equal that is not.
    fn equal(&self, left: Values, right: Values) -> Outcomes {
        if left.is_none() || right.is_none() {
            return Outcomes::NONE;
        }
        let mut outcomes = Outcomes::NULL.when(left.null || right.null);
        if left.any && right.may_be_something() || right.any && left.may_be_something() {
            outcomes = outcomes | Outcomes::ANY;
        }
        let one_of = |one: fn(Values) -> bool, other: fn(Values) -> bool| {
            one(left) && other(right) || one(right) && other(left)
        };
        let row: fn(Values) -> bool = |values| values.row;
        let empty: fn(Values) -> bool = |values| values.empty;
        let tenant: fn(Values) -> bool = |values| values.tenant.is_some();
        outcomes = outcomes
            | Outcomes::TRUE.when(left.row && right.row || left.empty && right.empty)
            // The empty text is nobody's tenant.
            | Outcomes::FALSE.when(one_of(row, empty) || one_of(tenant, empty));
        if one_of(row, tenant) {
            let exact = [left, right]
                .iter()
                .filter_map(|values| values.tenant)
                .all(|tenant| self.tells_apart(tenant));
            outcomes = outcomes | if exact { Outcomes::FALSE } else { Outcomes::ANY };
        }
        if let (Some(one), Some(other)) = (left.tenant, right.tenant) {
            outcomes = outcomes | Outcomes::TRUE | Outcomes::FALSE.when(one != other);
        }
        outcomes
    }

    /// Whether two tenants that are different in the row's type are so in the form that the request's has.
    fn tells_apart(&self, tenant: Tenant) -> bool {
        let own = family(self.relation.tenant_type);
        match tenant {
            Tenant::AsText => true,
            Tenant::As(type_oid) if family(type_oid) == own => true,
            // The text of a number, say: 01 and 1 are one, but where all tenants are numbers.
            Tenant::As(type_oid) => {
                own == Family::Text
                    && self.facts.setting_type.is_some_and(|setting| family(setting) == family(type_oid))
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cast {
    Relabelling,
    ByText,
}

impl super::Relation {
    /// Whether its tenants are told apart by their text in upper and in lower case alike.
    pub fn has_one_case(&self) -> bool {
        self.tenant_type == UUID || family(self.tenant_type) == Family::Integer
    }

    /// Whether two tenants have the same text only if they are the same.
    fn prints_exactly(&self) -> bool {
        match self.tenant_type {
            FLOAT4 | FLOAT8 => false,
            BPCHAR | NAME => true,
            type_oid => type_oid < FIRST_USER_OID || self.tenant_is_enum,
        }
    }
}

pub(super) fn refuses_the_empty_text(type_oid: u32) -> bool {
    // Numbers, booleans, uuid, dates and times, addresses.
    matches!(
        type_oid,
        BOOL | INT2
            | INT4
            | INT8
            | 26
            | FLOAT4
            | FLOAT8
            | 869
            | 1082
            | 1083
            | 1114
            | 1184
            | 1266
            | NUMERIC
            | UUID
    )
}

pub(super) fn is_text(type_oid: u32) -> bool {
    family(type_oid) == Family::Text
}

pub(super) fn is_the_users(oid: u32) -> bool {
    oid >= FIRST_USER_OID
}

/// An operator between two things, with its collation.
fn comparison(expression: &Expression) -> Option<(u32, u32, &Expression, &Expression)> {
    match expression {
        Expression::Operator { operator, collation, arguments } => match &arguments[..] {
            [left, right] => Some((*operator, *collation, left, right)),
            _ => None,
        },
        _ => None,
    }
}

/// No FROM and no WHERE, or an aggregate: always one row.
fn must_have_rows(query: &Query) -> bool {
    query.is_one_row || query.is_plain && !query.has_from && !query.has_limit && query.conditions.is_empty()
}

/// What is asked of each of some rows, of which there may be none: `any` and `all`. None: there is no row.
fn of_rows(tested: Option<Outcomes>, quantifier: Quantifier) -> Outcomes {
    let of_none = match quantifier {
        Quantifier::Any => Outcomes::FALSE,
        Quantifier::All => Outcomes::TRUE,
    };
    let Some(tested) = tested else { return of_none };
    let decides = of_none.not();
    of_none | Outcomes::NULL.when(tested.may(Outcomes::NULL)) | decides.when(tested.may(decides))
}

fn equal_outcomes(left: Outcomes, right: Outcomes) -> Outcomes {
    let mut outcomes = Outcomes::NULL.when(left.may(Outcomes::NULL) || right.may(Outcomes::NULL));
    if left == Outcomes::NONE || right == Outcomes::NONE {
        return Outcomes::NONE;
    }
    for (one, other) in [(Outcomes::TRUE, Outcomes::FALSE), (Outcomes::FALSE, Outcomes::TRUE)] {
        outcomes = outcomes
            | Outcomes::TRUE.when(left.may(one) && right.may(one))
            | Outcomes::FALSE.when(left.may(one) && right.may(other));
    }
    outcomes
}

/// Whether it is a condition by its form. A column or a call may be one, too, of which nothing is known.
pub(super) fn is_condition(expression: &Expression) -> bool {
    match expression {
        Expression::Constant { type_oid, .. } => *type_oid == BOOL,
        // All other operators give values that nothing is known of, as conditions and as values alike.
        Expression::Operator { .. }
        | Expression::Distinct { .. }
        | Expression::Quantified { .. }
        | Expression::And(_)
        | Expression::Or(_)
        | Expression::Not(_)
        | Expression::NullTest { .. }
        | Expression::TruthTest { .. } => true,
        Expression::SubSelect { kind, query, .. } => match kind {
            SubSelect::Exists | SubSelect::All | SubSelect::Any => true,
            SubSelect::Value => query.targets.first().is_some_and(is_condition),
            SubSelect::Array => false,
        },
        Expression::Coalesce(parts) => parts.iter().any(is_condition),
        Expression::Case { branches, .. } => branches.iter().any(|(_, result)| is_condition(result)),
        Expression::Column { .. }
        | Expression::Call { .. }
        | Expression::NullIf { .. }
        | Expression::Array(_)
        | Expression::Relabelled { .. }
        | Expression::ByText { .. }
        | Expression::Domain(_)
        | Expression::Collated(_)
        | Expression::Parameter(_)
        | Expression::RoleName
        | Expression::Opaque(_) => false,
    }
}
