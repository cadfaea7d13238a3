//! The exact judge: a policy's expression, as the node tree that Postgres keeps of it, to what it comes to.
//!
//! It says what the recogniser in SQL (`sql/audit/prelude_recogniser.sql`) says, in the same words, of the tree and not of
//! its text: operators, columns and functions are oids here, so no name can mislead it. Pure: the facts it needs of the
//! catalog are given to it. Nothing that is not understood is ever sound.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

mod expression;
mod outcome;

use expression::{Expression, SubSelect};
use outcome::{Evaluation, Outcomes, Place, Request, State};

/// What the judge must know of the catalog and the contract (`sql/audit/judge_facts.sql`).
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Facts {
    /// The setting that names the tenant.
    setting: String,
    /// The type of the tenant, where it is one.
    setting_type: Option<u32>,
    /// Of every tenant relation.
    #[serde(deserialize_with = "by_oid")]
    relations: HashMap<u32, Relation>,
    tenant_functions: Vec<TenantFunction>,
    /// The equalities of btree in pg_catalog: true of what is the same, and of nothing else, but for the collations below.
    equality_operators: HashSet<u32>,
    /// Their negations.
    inequality_operators: HashSet<u32>,
    /// `>=` and `<=` of the same order.
    bounds: HashSet<(u32, u32)>,
    nondeterministic_collations: HashSet<u32>,
    /// `current_setting`, both of it.
    read_functions: HashSet<u32>,
    /// `set_config`.
    write_functions: HashSet<u32>,
    /// Functions that give one thing for what is different: of texts their beginnings, lengths, hashes.
    lossy_functions: HashSet<u32>,
}

/// A tenant relation.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Relation {
    oid: u32,
    tenant_attnum: Option<i16>,
    /// That of the tenant column, of a domain what it is made of.
    #[serde(default)]
    tenant_type: u32,
    tenant_is_enum: bool,
    tenant_may_be_null: bool,
    /// Whether its rows can be the tenant's alone, so that others may ask it.
    may_be_asked: bool,
}

/// A function without arguments that returns the tenant of the request.
#[derive(Debug, Clone, Deserialize)]
struct TenantFunction {
    oid: u32,
    return_type: u32,
}

/// A judgement of one expression of one policy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Reading {
    policy_oid: u32,
    /// `using` or `check`.
    part: &'static str,
    /// Whether it is true of the tenant's own rows alone.
    scoped_by_itself: bool,
    /// A relation that it asks, and whether it is scoped if that one shows the tenant's rows alone.
    asked_oid: Option<u32>,
    scoped_by_lookup: bool,
    /// Whether it raises without a tenant.
    raises: bool,
    /// Whether the tenant is looked up for each row.
    per_row: bool,
    /// Whether it is in a form of which nothing may be said.
    is_odd: bool,
    /// Whether it speaks of rows without a tenant.
    admits_null: bool,
    /// The code that says best why it is not scoped, where it is not by itself.
    shape: &'static str,
}

fn by_oid<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<HashMap<u32, Relation>, D::Error> {
    let relations = Vec::<Relation>::deserialize(deserializer)?;
    Ok(relations.into_iter().map(|relation| (relation.oid, relation)).collect())
}

impl Facts {
    fn tenant_function(&self, oid: u32) -> Option<&TenantFunction> {
        self.tenant_functions.iter().find(|function| function.oid == oid)
    }

    /// Judges one expression of a policy of `relation_oid`; None where that is no tenant relation.
    pub(super) fn judge(
        &self,
        policy_oid: u32,
        relation_oid: u32,
        part: &'static str,
        tree: &str,
    ) -> Option<Reading> {
        let relation = self.relations.get(&relation_oid)?;
        let expression = Expression::read(tree);
        let judge = Judge { facts: self, relation, expression: &expression };
        let seen = judge.look();
        let is_odd = seen.writes_a_setting;
        let scoped_by_itself = !is_odd && judge.is_scoped(&expression, &Place::TOP, None);
        let asked = match is_odd || scoped_by_itself {
            true => None,
            false => seen.asked.iter().find_map(|oid| {
                let asked = self
                    .relations
                    .get(oid)
                    .filter(|asked| asked.may_be_asked && asked.oid != relation_oid)?;
                judge.is_scoped(&expression, &Place::TOP, Some(asked)).then_some(*oid)
            }),
        };
        Some(Reading {
            policy_oid,
            part,
            scoped_by_itself,
            asked_oid: asked,
            scoped_by_lookup: asked.is_some(),
            raises: seen.raises,
            per_row: seen.per_row,
            is_odd,
            admits_null: seen.admits_null,
            shape: match scoped_by_itself {
                // Nobody asks why of one that is.
                true => "TN319",
                false => judge.shape(&seen),
            },
        })
    }
}

/// `starts_with(text, text)`, which is written as a call and is an operator, too.
const STARTS_WITH: u32 = 3696;

/// What a call of `current_setting` reads.
struct SettingRead {
    /// None: not a constant.
    name: Option<String>,
    /// Whether it raises where there is no such setting.
    must_exist: bool,
}

impl SettingRead {
    fn is_tenant(&self, facts: &Facts) -> bool {
        // Postgres, too, takes no notice of case in the names of settings.
        self.name.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(&facts.setting))
    }
}

fn setting_read(facts: &Facts, function: u32, arguments: &[Expression]) -> Option<SettingRead> {
    if !facts.read_functions.contains(&function) {
        return None;
    }
    let unknown = SettingRead { name: None, must_exist: false };
    let (name, must_exist) = match arguments {
        [name] => (name, true),
        [name, Expression::Constant { value: Some(value), .. }] => {
            (name, value.iter().all(|byte| *byte == 0))
        }
        _ => return Some(unknown),
    };
    let Expression::Constant { value: Some(value), .. } = name else { return Some(unknown) };
    Some(SettingRead { name: crate::node_tree::text(value), must_exist })
}

/// What stands in an expression, wherever it does.
#[derive(Debug, Default)]
struct Seen {
    /// The tenant column of the row, any column of the row, the tenant of the request.
    column: bool,
    own_column: bool,
    tenant: bool,
    other_setting: bool,
    writes_a_setting: bool,
    role_name: bool,
    unknown_function: bool,
    from: bool,
    alternative: bool,
    raises: bool,
    per_row: bool,
    admits_null: bool,
    /// Conditions that must all be true.
    conjunction: bool,
    /// The same on both sides.
    tautology: bool,
    /// The absence of a tenant is asked for, or made up for.
    absence: bool,
    /// The column with another setting; the tenant with another column, for equality or otherwise; column and tenant, for
    /// equality or its negation; these, but not for equality.
    other_setting_compared: bool,
    other_column_compared: bool,
    other_column_met: bool,
    compared: bool,
    compared_weakly: bool,
    /// What is true of the tenant's own rows, compared as a value.
    truth_compared: bool,
    /// A look-up that must find nothing, or what is not the row's.
    negated_lookup: bool,
    /// Relations of sub-selects.
    asked: Vec<u32>,
}

struct Judge<'a> {
    facts: &'a Facts,
    relation: &'a Relation,
    expression: &'a Expression,
}

impl<'a> Judge<'a> {
    fn evaluation(&self, asked: Option<&'a Relation>, state: State) -> Evaluation<'a> {
        Evaluation { facts: self.facts, relation: self.relation, asked, state }
    }

    /// Whether it is true of no row but the tenant's own.
    fn is_scoped(&self, expression: &Expression, place: &Place<'_>, asked: Option<&'a Relation>) -> bool {
        self.relation.tenant_attnum.is_some()
            && State::all(self.relation.tenant_may_be_null)
                .all(|state| !self.evaluation(asked, state).outcomes(expression, place).may(Outcomes::TRUE))
    }

    fn outcomes_in(&self, request: Request) -> Outcomes {
        self.outcomes_of(self.expression, request)
    }

    fn outcomes_of(&self, expression: &Expression, request: Request) -> Outcomes {
        let state = State { request, row_is_null: false };
        self.evaluation(None, state).outcomes(expression, &Place::TOP)
    }

    /// Why it is not scoped.
    fn shape(&self, seen: &Seen) -> &'static str {
        let with_a_tenant = self.outcomes_in(Request::Tenant);
        let fails_open = !with_a_tenant.may(Outcomes::TRUE)
            && (self.outcomes_in(Request::Unset).may(Outcomes::TRUE)
                || self.outcomes_in(Request::Empty).may(Outcomes::TRUE));
        let has_scoped_part = self.has_scoped_part(self.expression);
        let is_compared = seen.column && seen.tenant;
        if seen.tautology {
            "TN305"
        } else if self.is_open_by_itself(self.expression) {
            "TN301"
        } else if seen.from && !seen.own_column {
            "TN305"
        } else if fails_open || seen.absence {
            "TN306"
        } else if seen.other_setting_compared && !seen.tenant {
            "TN313"
        } else if seen.other_setting {
            "TN310"
        } else if seen.role_name {
            "TN311"
        } else if seen.other_column_compared && !has_scoped_part && !seen.compared_weakly
            || seen.other_column_met && !seen.column
        {
            "TN304"
        } else if seen.compared_weakly
            || !seen.alternative && (seen.truth_compared || seen.compared && with_a_tenant == Outcomes::TRUE)
        {
            "TN312"
        } else if seen.unknown_function {
            "TN319"
        } else if seen.negated_lookup && !seen.alternative && !seen.conjunction {
            "TN312"
        } else if seen.alternative && (has_scoped_part || is_compared) {
            "TN303"
        } else if !seen.column || !seen.tenant && !seen.from || with_a_tenant == Outcomes::TRUE {
            "TN302"
        } else {
            "TN319"
        }
    }

    /// Whether some condition within it is scoped, other than one that is never true of any row.
    fn has_scoped_part(&self, expression: &Expression) -> bool {
        match expression {
            Expression::Constant { .. } => false,
            Expression::And(parts) | Expression::Or(parts) | Expression::Coalesce(parts) => {
                parts.iter().any(|part| self.has_scoped_part(part))
            }
            Expression::Not(part) => self.has_scoped_part(part),
            Expression::TruthTest { argument, .. } => self.has_scoped_part(argument),
            Expression::Case { branches, otherwise, .. } => {
                branches.iter().any(|(condition, result)| {
                    self.has_scoped_part(condition) || self.has_scoped_part(result)
                }) || otherwise.as_ref().is_some_and(|otherwise| self.has_scoped_part(otherwise))
            }
            other => outcome::is_condition(other) && self.is_scoped(other, &Place::TOP, None),
        }
    }

    /// True itself, or by an alternative: without asking anything.
    fn is_open_by_itself(&self, expression: &Expression) -> bool {
        match expression {
            Expression::Or(parts) => parts.iter().any(|part| self.is_open_by_itself(part)),
            other => !asks(other) && self.outcomes_of(other, Request::Tenant).may(Outcomes::TRUE),
        }
    }

    /// Whether an alternative asks for the tenant of the request alone, and may be true where there is none.
    fn has_open_alternative(&self, expression: &Expression) -> bool {
        let is_open = |condition: &Expression| {
            self.mentions_tenant(condition)
                && !mentions(condition, &|part| matches!(part, Expression::Column { .. }))
                && [Request::Unset, Request::Empty]
                    .iter()
                    .any(|request| self.outcomes_of(condition, *request).may(Outcomes::TRUE))
        };
        match expression {
            Expression::Or(parts) => {
                parts.iter().any(|part| is_open(part) || self.has_open_alternative(part))
            }
            Expression::Case { argument, branches, .. } => branches.iter().any(|(condition, result)| {
                let asked = argument.as_deref().unwrap_or(condition);
                self.is_open_by_itself(result)
                    && match argument {
                        Some(_) => {
                            self.mentions_tenant(asked)
                                && !mentions(asked, &|part| matches!(part, Expression::Column { .. }))
                        }
                        None => is_open(asked),
                    }
            }),
            _ => false,
        }
    }

    fn look(&self) -> Seen {
        let mut seen = Seen::default();
        self.look_at(self.expression, &Place::TOP, false, &mut seen);
        seen.absence |= self.has_open_alternative(self.expression);
        seen.asked.dedup();
        seen
    }

    /// `is_once`: in a sub-select that is evaluated once a statement.
    fn look_at(&self, expression: &Expression, place: &Place<'_>, is_once: bool, seen: &mut Seen) {
        match expression {
            Expression::Column { .. } => {
                seen.own_column |= self.is_own_column(expression, place);
                seen.column |= self.is_column(expression, place);
            }
            Expression::Call { function, arguments, .. } => {
                if let Some(read) = setting_read(self.facts, *function, arguments) {
                    if read.is_tenant(self.facts) {
                        seen.tenant = true;
                        seen.raises |= read.must_exist;
                        seen.per_row |= !is_once;
                    } else {
                        seen.other_setting = true;
                    }
                } else if self.is_tenant(expression) {
                    seen.tenant = true;
                    seen.per_row |= !is_once;
                } else if self.facts.write_functions.contains(function) {
                    seen.writes_a_setting = true;
                } else if outcome::is_the_users(*function) {
                    seen.unknown_function = true;
                } else if *function == STARTS_WITH {
                    seen.compared_weakly |= arguments.iter().any(|part| self.mentions_column(part, place))
                        && arguments.iter().any(|part| self.mentions_tenant(part));
                }
            }
            Expression::Operator { operator, collation, arguments } => {
                if let [left, right] = &arguments[..] {
                    self.look_at_comparison(*operator, *collation, left, right, place, seen);
                    seen.truth_compared |= [left, right]
                        .iter()
                        .any(|side| outcome::is_condition(side) && self.has_scoped_part(side));
                }
            }
            Expression::Quantified { operator, collation, arguments, .. } => {
                if let [left, right] = &arguments[..] {
                    match right {
                        Expression::Array(elements) => {
                            // Others beside the tenant.
                            seen.alternative |= elements.len() > 1
                                && self.is_column(bare(left), place)
                                && elements.iter().any(|element| self.is_tenant(bare(element)));
                            for element in elements {
                                self.look_at_comparison(*operator, *collation, left, element, place, seen);
                            }
                        }
                        right => self.look_at_comparison(*operator, *collation, left, right, place, seen),
                    }
                }
            }
            Expression::Distinct { operator, arguments, .. } => {
                let column = arguments.iter().any(|part| self.is_column(bare(part), place));
                seen.admits_null |= column;
                if let [left, right] = &arguments[..] {
                    // What is never distinct is false, and not always true.
                    let tautology = seen.tautology;
                    self.look_at_sides(*operator, left, right, place, seen);
                    seen.tautology = tautology;
                }
            }
            Expression::Not(part) => match &**part {
                Expression::Distinct { arguments, .. } => {
                    seen.absence |= arguments.iter().any(|part| self.is_column(bare(part), place))
                        && arguments.iter().any(|part| self.is_tenant(bare(part)));
                    if let [left, right] = &arguments[..] {
                        let (left, right) = (bare(left), bare(right));
                        seen.tautology |=
                            self.is_column(left, place) && self.is_same_column(left, right, place);
                    }
                }
                Expression::SubSelect { kind: SubSelect::Exists | SubSelect::Any, query, .. } => {
                    seen.negated_lookup |= !query.entries.is_empty();
                }
                _ => {}
            },
            Expression::NullTest { argument, is_null: true, .. } => {
                seen.admits_null |= self.is_column(bare(argument), place);
                seen.absence |= self.is_tenant(made_up(argument));
            }
            Expression::ByText { argument, type_oid } if outcome::refuses_the_empty_text(*type_oid) => {
                let state = State { request: Request::Empty, row_is_null: false };
                seen.raises |= self.evaluation(None, state).may_be_empty(argument, place);
            }
            Expression::Or(_) | Expression::Case { .. } => seen.alternative = true,
            Expression::And(_) => seen.conjunction = true,
            Expression::Coalesce(parts) => {
                seen.alternative |= parts.iter().any(outcome::is_condition);
                seen.admits_null |= parts.first().is_some_and(|part| self.is_column(bare(part), place));
            }
            Expression::RoleName => seen.role_name = true,
            Expression::SubSelect { kind, test, query } => {
                if let Some(Expression::Operator { operator, arguments, .. }) = test.as_deref() {
                    self.look_at_test(*operator, arguments, query, place, seen);
                }
                seen.negated_lookup |= *kind == SubSelect::All && !query.entries.is_empty();
                seen.from |= !query.entries.is_empty();
                seen.asked.extend(query.entries.iter().flatten());
                let is_once = *kind == SubSelect::Value && !query.has_from && !mentions_any_column(query);
                let within = place.inside(query);
                for part in query.parts() {
                    self.look_at(part, &within, is_once, seen);
                }
            }
            Expression::Constant { .. }
            | Expression::NullIf { .. }
            | Expression::Array(_)
            | Expression::NullTest { .. }
            | Expression::TruthTest { .. }
            | Expression::Relabelled { .. }
            | Expression::ByText { .. }
            | Expression::Domain(_)
            | Expression::Collated(_)
            | Expression::Parameter(_)
            | Expression::Opaque(_) => {}
        }
        for part in expression.parts() {
            self.look_at(part, place, is_once, seen);
        }
    }

    /// `in`: the test of a sub-select that asks no relation is a comparison with what it selects.
    fn look_at_test(
        &self,
        operator: u32,
        arguments: &[Expression],
        query: &expression::Query,
        place: &Place<'_>,
        seen: &mut Seen,
    ) {
        let [left, Expression::Parameter(number)] = arguments else { return };
        if let (true, Some(target)) = (query.entries.is_empty(), query.targets.get(*number)) {
            self.look_at_sides(operator, left, target, place, seen);
        }
    }

    fn look_at_comparison(
        &self,
        operator: u32,
        collation: u32,
        left: &Expression,
        right: &Expression,
        place: &Place<'_>,
        seen: &mut Seen,
    ) {
        self.look_at_sides(operator, left, right, place, seen);
        let state = State { request: Request::Tenant, row_is_null: false };
        let is_lossy = [left, right].iter().any(|side| self.is_lossy(side, place));
        seen.compared_weakly |= is_lossy && [left, right].iter().any(|side| self.mentions_tenant(side));
        for (one, other) in [(left, right), (right, left)] {
            let (one, other) = (bare(one), bare(other));
            // Of another collation, by another operator, or cast to what tells less apart.
            let is_weak = !self.evaluation(None, state).is_equality(operator, collation)
                || self.is_column(one, place)
                    && self.is_tenant(other)
                    && !self.is_scoped(
                        &Expression::Operator {
                            operator,
                            collation,
                            arguments: vec![left.clone(), right.clone()],
                        },
                        place,
                        None,
                    );
            // Of arrays there are many operators, and some are as good as equality.
            let is_array = [one, other].iter().any(|side| matches!(side, Expression::Array(_)));
            seen.compared_weakly |=
                is_weak && !is_array && self.mentions_column(one, place) && self.mentions_tenant(other);
        }
    }

    /// What is compared with what, however it is.
    fn look_at_sides(
        &self,
        operator: u32,
        left: &Expression,
        right: &Expression,
        place: &Place<'_>,
        seen: &mut Seen,
    ) {
        let is_equality = self.facts.equality_operators.contains(&operator);
        let is_inequality = self.facts.inequality_operators.contains(&operator);
        let is_bound = self.facts.bounds.iter().any(|(least, most)| [*least, *most].contains(&operator));
        let is_column = |part: &Expression| matches!(part, Expression::Column { .. });
        let is_known = |part: &Expression| !mentions(part, &|part| is_the_users_call(part));
        seen.tautology |= (is_equality || is_bound) && self.is_same_column(bare(left), bare(right), place);
        for (one, other) in [(left, right), (right, left)] {
            let (one, other) = (bare(one), bare(other));
            let one_is_column = self.is_column(one, place);
            let names_another = |part: &Expression| {
                mentions(part, &|part| self.is_other_setting(part)) && !self.mentions_tenant(part)
            };
            seen.other_setting_compared |= one_is_column && names_another(other);
            seen.compared |= (is_equality || is_inequality) && one_is_column && self.is_tenant(other);
            seen.negated_lookup |=
                is_inequality && one_is_column && is_column(other) && !self.is_own_column(other, place);
            seen.other_column_met |= self.mentions_tenant(one)
                && !mentions(one, &is_column)
                && mentions(other, &is_column)
                && is_known(other);
            if is_equality {
                let is_made_up = matches!(other, Expression::Coalesce(_));
                seen.absence |=
                    one_is_column && is_made_up && !mentions(other, &|part| self.is_other_setting(part));
                seen.absence |= self.is_tenant(made_up(one)) && is_empty_text(other);
                // A row without a tenant is taken for the request's.
                let is_row_made_up = match other {
                    Expression::Coalesce(parts) => {
                        parts.first().is_some_and(|part| self.is_column(bare(part), place))
                            && self.mentions_tenant(other)
                    }
                    _ => false,
                };
                seen.absence |= is_row_made_up;
                seen.other_column_compared |= self.is_tenant(one)
                    && !self.is_column(other, place)
                    && !is_row_made_up
                    && is_known(other)
                    && self.mentions_own_column(other, place);
            }
        }
    }

    /// Whether it gives one thing for different tenants of rows.
    fn is_lossy(&self, expression: &Expression, place: &Place<'_>) -> bool {
        let is_lossy = match expression {
            Expression::Call { function, .. } => {
                self.facts.lossy_functions.contains(function)
                    // Tenants that are texts by their own may differ in that alone.
                    || outcome::CASE_OF_LETTERS.contains(function)
                        && self.facts.setting_type.is_some_and(outcome::is_text)
                        && !self.relation.has_one_case()
            }
            _ => false,
        };
        is_lossy && self.mentions_column(expression, place)
            || expression.parts().into_iter().any(|part| self.is_lossy(part, place))
    }

    fn is_same_column(&self, left: &Expression, right: &Expression, place: &Place<'_>) -> bool {
        match (left, right) {
            (
                Expression::Column { entry, number, .. },
                Expression::Column { entry: other_entry, number: other_number, .. },
            ) => {
                left == right
                    || (entry, number) == (other_entry, other_number)
                        && self.is_own_column(left, place)
                        && self.is_own_column(right, place)
            }
            _ => false,
        }
    }

    /// A column of the row that is judged.
    fn is_own_column(&self, expression: &Expression, place: &Place<'_>) -> bool {
        matches!(expression, Expression::Column { levels_up, .. } if place.is_of_the_row(*levels_up))
    }

    fn is_column(&self, expression: &Expression, place: &Place<'_>) -> bool {
        match expression {
            Expression::Column { levels_up, entry, number } => {
                place.is_of_the_row(*levels_up)
                    && *entry == 1
                    && self.relation.tenant_attnum.is_some()
                    && self.relation.tenant_attnum == Some(*number)
            }
            _ => false,
        }
    }

    /// The tenant of the request, as it is read.
    fn is_tenant(&self, expression: &Expression) -> bool {
        match expression {
            Expression::Call { function, arguments, .. } => {
                setting_read(self.facts, *function, arguments).is_some_and(|read| read.is_tenant(self.facts))
                    || arguments.is_empty() && self.facts.tenant_function(*function).is_some()
            }
            _ => false,
        }
    }

    fn is_other_setting(&self, expression: &Expression) -> bool {
        match expression {
            Expression::Call { function, arguments, .. } => {
                setting_read(self.facts, *function, arguments).is_some_and(|read| !read.is_tenant(self.facts))
            }
            _ => false,
        }
    }

    fn mentions_tenant(&self, expression: &Expression) -> bool {
        mentions(expression, &|part| self.is_tenant(part))
    }

    fn mentions_own_column(&self, expression: &Expression, place: &Place<'_>) -> bool {
        self.is_own_column(expression, place)
            || expression.parts().into_iter().any(|part| self.mentions_own_column(part, place))
    }

    fn mentions_column(&self, expression: &Expression, place: &Place<'_>) -> bool {
        // Within a sub-select the row is further up; that is not followed.
        self.is_column(expression, place)
            || expression.parts().into_iter().any(|part| self.mentions_column(part, place))
    }
}

fn mentions(expression: &Expression, is_it: &dyn Fn(&Expression) -> bool) -> bool {
    is_it(expression)
        || expression.parts().into_iter().any(|part| mentions(part, is_it))
        || match expression {
            Expression::SubSelect { query, .. } => query.parts().any(|part| mentions(part, is_it)),
            _ => false,
        }
}

fn mentions_any_column(query: &expression::Query) -> bool {
    query.parts().any(|part| mentions(part, &|part| matches!(part, Expression::Column { .. })))
}

/// An expression without what only casts it, looks it up once, or takes an empty one for null.
fn bare(expression: &Expression) -> &Expression {
    match expression {
        Expression::Relabelled { argument, .. } | Expression::ByText { argument, .. } => bare(argument),
        Expression::Domain(argument) | Expression::Collated(argument) => bare(argument),
        Expression::Call { is_cast: true, arguments, .. } if !arguments.is_empty() => bare(&arguments[0]),
        Expression::NullIf { arguments, .. } => match &arguments[..] {
            [argument, empty] if is_empty_text(empty) => bare(argument),
            _ => expression,
        },
        Expression::SubSelect { kind: SubSelect::Value, query, .. } if !query.has_from => {
            match &query.targets[..] {
                [target] => bare(target),
                _ => expression,
            }
        }
        _ => expression,
    }
}

/// The same, without what stands in for one that is null.
fn made_up(expression: &Expression) -> &Expression {
    match bare(expression) {
        Expression::Coalesce(parts) => parts.first().map_or(expression, made_up),
        bare => bare,
    }
}

fn is_empty_text(expression: &Expression) -> bool {
    match expression {
        Expression::Constant { type_oid, value: Some(value) } => {
            outcome::is_text(*type_oid) && crate::node_tree::text(value).as_deref() == Some("")
        }
        _ => false,
    }
}

/// Whether it asks for anything: of a row, a table or the request.
fn asks(expression: &Expression) -> bool {
    mentions(expression, &|part| match part {
        Expression::Column { .. }
        | Expression::Parameter(_)
        | Expression::RoleName
        | Expression::Opaque(_)
        | Expression::Call { is_cast: false, .. } => true,
        Expression::SubSelect { query, .. } => query.has_from || !query.is_plain,
        part => is_the_users_call(part),
    })
}

fn is_the_users_call(expression: &Expression) -> bool {
    matches!(expression, Expression::Call { function, .. } if outcome::is_the_users(*function))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `current_setting('app.tenant', true)`.
    const READ: &str = "{FUNCEXPR :funcid 3294 :funcresulttype 25 :funcretset false :funcvariadic false :funcformat 0 :funccollid 100 \
        :inputcollid 100 :args ({CONST :consttype 25 :consttypmod -1 :constcollid 100 :constlen -1 :constbyval false \
        :constisnull false :location 1 :constvalue 14 [ 56 0 0 0 97 112 112 46 116 101 110 97 110 116 ]} \
        {CONST :consttype 16 :constisnull false :constvalue 1 [ 1 0 0 0 0 0 0 0 ]}) :location 2}";
    const COLUMN: &str = "{VAR :varno 1 :varattno 2 :vartype 2950 :vartypmod -1 :varcollid 0 :varnullingrels (b) :varlevelsup 0 \
        :varreturningtype 0 :varnosyn 1 :varattnosyn 2 :location 3}";

    fn facts() -> Facts {
        serde_json::from_value(serde_json::json!({
            "setting": "app.tenant",
            "setting_type": 2950,
            "relations": [{
                "oid": 100, "tenant_attnum": 2, "tenant_type": 2950, "tenant_is_enum": false,
                "tenant_may_be_null": false, "may_be_asked": true,
            }],
            "tenant_functions": [{"oid": 20000, "return_type": 2950}],
            "equality_operators": [2972, 98, 91],
            "inequality_operators": [2973],
            "bounds": [[2977, 2976]],
            "nondeterministic_collations": [],
            "read_functions": [2077, 3294],
            "write_functions": [2078],
            "lossy_functions": [3060],
        }))
        .unwrap()
    }

    fn cast(argument: &str) -> String {
        format!(
            "{{COERCEVIAIO :arg {argument} :resulttype 2950 :resultcollid 0 :coerceformat 1 :location 1}}"
        )
    }

    fn equal(left: &str, right: &str) -> String {
        format!(
            "{{OPEXPR :opno 2972 :opfuncid 2956 :opresulttype 16 :opretset false :opcollid 0 :inputcollid 0 :args ({left} {right})}}"
        )
    }

    fn boolean(operator: &str, arguments: &str) -> String {
        format!("{{BOOLEXPR :boolop {operator} :args ({arguments}) :location -1}}")
    }

    fn judge(tree: &str) -> Reading {
        facts().judge(7, 100, "using", tree).expect("a tenant relation")
    }

    #[test]
    fn equality_of_column_and_setting_is_scoped_and_its_negation_is_not() {
        let sound = equal(COLUMN, &cast(READ));
        assert!(judge(&sound).scoped_by_itself);
        assert!(judge(&sound).raises, "an empty text is no uuid");
        assert!(judge(&sound).per_row);
        let negated = boolean("not", &sound);
        assert_eq!((judge(&negated).scoped_by_itself, judge(&negated).shape), (false, "TN312"));
        assert!(judge(&boolean("not", &negated)).scoped_by_itself);
        assert_eq!(
            judge(&boolean("or", &format!("{sound} {{VAR :varno 1 :varattno 5 :varlevelsup 0}}"))).shape,
            "TN303"
        );
        assert!(judge(&boolean("and", &format!("{sound} {{XMLEXPR :op 1}}"))).scoped_by_itself);
    }

    #[test]
    fn coalesce_to_true_fails_open_and_to_false_does_not() {
        let sound = equal(COLUMN, "{FUNCEXPR :funcid 20000 :funcformat 0 :args <>}");
        assert!(judge(&sound).scoped_by_itself);
        let constant =
            |value| format!("{{CONST :consttype 16 :constisnull false :constvalue 1 [ {value} 0 0 0 ]}}");
        for name in ["COALESCE", "COALESCEEXPR"] {
            let or_true = format!("{{{name} :coalescetype 16 :args ({sound} {})}}", constant(1));
            assert_eq!((judge(&or_true).scoped_by_itself, judge(&or_true).shape), (false, "TN306"));
            let or_false = format!("{{{name} :coalescetype 16 :args ({sound} {})}}", constant(0));
            assert!(judge(&or_false).scoped_by_itself);
        }
    }

    #[test]
    fn a_column_of_another_level_or_relation_is_not_the_tenants() {
        for column in [
            "{VAR :varno 1 :varattno 3 :varlevelsup 0}",
            "{VAR :varno 2 :varattno 2 :varlevelsup 0}",
            "{VAR :varno 1 :varattno 2 :varlevelsup 1}",
            "{VAR :varno 1 :varattno 0 :varlevelsup 0}",
        ] {
            assert!(!judge(&equal(column, &cast(READ))).scoped_by_itself, "{column}");
        }
        assert_eq!(facts().judge(7, 101, "using", "{X}"), None);
    }

    #[test]
    fn what_is_nested_too_deeply_is_not_sound() {
        let mut tree = equal(COLUMN, &cast(READ));
        for _ in 0..1_000 {
            tree = format!("{{BOOLEXPR :boolop and :args ({tree})}}");
        }
        assert!(!judge(&tree).scoped_by_itself);
        assert!(!judge(&"{".repeat(100_000)).scoped_by_itself);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[ -~\n]{0,200}") {
            facts().judge(7, 100, "using", &text);
        }

        #[test]
        fn no_tree_that_is_cut_or_mixed_up_makes_it_panic_or_sound(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "{OPEXPR :opno 2972 :inputcollid 0 :args (", "{VAR :varno 1 :varattno 2 :varlevelsup 0}", ")}", "(", ")", "}",
                    "{BOOLEXPR :boolop and :args (", "{BOOLEXPR :boolop not :args (", "{SUBLINK :subLinkType 4 :testexpr <> :subselect ",
                    "{QUERY :commandType 1 :jointree {FROMEXPR :fromlist <> :quals <>}", ":constvalue 4 [ 1 2 ]", "<>", "{CASE :args (",
                    "{SCALARARRAYOPEXPR :opno 2972 :inputcollid 0 :useOr true :args (", "{PARAM :paramkind 2 :paramid 1}", "{PARAM :paramkind 2 :paramid 0}",
                ]),
                0..12,
            )
        ) {
            let text: String = parts.join(" ");
            // Nothing in it is the tenant of the request.
            let reading = facts().judge(7, 100, "using", &text).unwrap();
            prop_assert!(!reading.per_row);
        }
    }
}
