//! `order=title.desc.nullslast,data->>a`.

use super::Error;
use super::filter::{self, Field};
use super::scan::Scan;

/// One term of an order.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderTerm {
    /// `relation(field)`: the embedded relation that the field is of.
    pub relation: Option<String>,
    pub field: Field,
    pub direction: Option<Direction>,
    pub nulls: Option<Nulls>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Ascending,
    Descending,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nulls {
    First,
    Last,
}

/// Parses the value of `order`; an empty one orders by nothing.
pub(super) fn parse(parameter: &str, value: &str) -> Result<Vec<OrderTerm>, Error> {
    let mut scan = Scan::new(parameter, value);
    let mut terms = Vec::new();
    scan.skip_spaces();
    if scan.done() {
        return Ok(terms);
    }
    loop {
        scan.skip_spaces();
        terms.push(term(&mut scan)?);
        scan.skip_spaces();
        if !scan.eat(",") {
            break;
        }
    }
    if scan.done() { Ok(terms) } else { Err(scan.error("a comma or the end of the parameter")) }
}

fn term(scan: &mut Scan<'_>) -> Result<OrderTerm, Error> {
    const EXPECTED: &str = "asc, desc, nullsfirst or nullslast";
    let mut field = filter::field(scan)?;
    let mut relation = None;
    if field.json_path.is_empty() && scan.eat("(") {
        scan.skip_spaces();
        relation = Some(field.name);
        field = filter::field(scan)?;
        scan.expect(")", "a closing parenthesis")?;
    }
    let mut term = OrderTerm { relation, field, direction: None, nulls: None };
    while scan.eat(".") {
        let start = scan.mark();
        match scan.take_while(|c| c.is_ascii_alphabetic()) {
            "asc" if term.direction.is_none() && term.nulls.is_none() => {
                term.direction = Some(Direction::Ascending);
            }
            "desc" if term.direction.is_none() && term.nulls.is_none() => {
                term.direction = Some(Direction::Descending);
            }
            "nullsfirst" if term.nulls.is_none() => term.nulls = Some(Nulls::First),
            "nullslast" if term.nulls.is_none() => term.nulls = Some(Nulls::Last),
            _ => return Err(scan.error_at(start, EXPECTED)),
        }
    }
    Ok(term)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_and_nulls_are_read_in_their_order() {
        let terms = parse("order", "a.desc.nullslast, b->>c.asc,d.nullsfirst").unwrap();
        assert_eq!(terms[0].direction, Some(Direction::Descending));
        assert_eq!(terms[0].nulls, Some(Nulls::Last));
        assert_eq!(terms[1].field.json_path.len(), 1);
        assert_eq!(terms[2].direction, None);
        assert!(parse("order", "").unwrap().is_empty());
        let terms = parse("order", "a(b->c).desc.nullslast,d").unwrap();
        assert_eq!((terms[0].relation.as_deref(), terms[0].field.name.as_str()), (Some("a"), "b"));
        assert_eq!((terms[0].nulls, terms[1].relation.as_deref()), (Some(Nulls::Last), None));
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in
            ["a.down", "a.nullslast.desc", "a.asc.desc", "a,", "a.asc b", "a(b", "a()", "a(b(c))", "a->b(c)"]
        {
            assert!(parse("order", bad).is_err(), "{bad}");
        }
    }
}
