//! Sorts the parameters of a query string: what is reserved, what is a filter, and for which embedded relation.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::filter::{self, Filter};
use super::order::{self, OrderTerm};
use super::range::{self, Window};
use super::scan::Scan;
use super::select::{self, SelectItem};
use super::{Error, Targeted};
use crate::config::Config;

/// The parameters of one request, sorted.
#[derive(Debug)]
pub(super) struct Query {
    pub select: Vec<SelectItem>,
    pub filters: Vec<Filter>,
    pub orders: Vec<Targeted<Vec<OrderTerm>>>,
    pub windows: Vec<Targeted<Window>>,
    pub window: Window,
    pub columns: Option<Vec<String>>,
    pub on_conflict: Option<Vec<String>>,
    /// Parameters without an operator, where a function takes them.
    pub arguments: Vec<(String, String)>,
}

/// Whether a query string has a parameter `access_token`, in which a client may send a token (RFC 6750 2.3). It is never
/// read: query strings end up in logs and histories (RFC 9700 4.3.2).
pub fn names_token(query: &str) -> bool {
    query.split('&').any(|parameter| {
        let name = parameter.split('=').next().unwrap_or_default();
        percent_decode_str(name).eq(b"access_token".iter().copied())
    })
}

/// A query string in its canonical form: decoded, sorted by name, and encoded again. Two that mean the same by their
/// parameters alone are the same text; what cannot be decoded stays as it is.
pub fn canonical(query: &str) -> String {
    let mut parameters: Vec<(String, String)> = query
        .split('&')
        .filter(|text| !text.is_empty())
        .map(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let decoded = |text: &str| decode(text).unwrap_or_else(|_| text.to_owned());
            (decoded(name), decoded(value))
        })
        .collect();
    // Stable: repeated parameters keep their order.
    parameters.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut text = String::with_capacity(query.len());
    for (name, value) in &parameters {
        if !text.is_empty() {
            text.push('&');
        }
        text.extend(utf8_percent_encode(name, UNRESERVED));
        text.push('=');
        text.extend(utf8_percent_encode(value, UNRESERVED));
    }
    text
}

/// What is written as it is: the unreserved characters of RFC 3986 2.3.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// `takes_arguments`: what is no filter is an argument of a function, and no error.
pub(super) fn parse(query: &str, takes_arguments: bool, limits: &Config) -> Result<Query, Error> {
    let mut parsed = Query {
        select: vec![SelectItem::All],
        filters: Vec::new(),
        orders: Vec::new(),
        windows: Vec::new(),
        window: Window::default(),
        columns: None,
        on_conflict: None,
        arguments: Vec::new(),
    };
    for (name, value) in pairs(query)? {
        match add(&mut parsed, &name, &value) {
            Err(_) if takes_arguments && !is_reserved(&name) => parsed.arguments.push((name, value)),
            added => added?,
        }
    }
    let comparisons = parsed.filters.iter().map(|filter| size(&filter.condition)).sum::<u64>();
    if comparisons > limits.filters_max {
        return Err(Error::TooMany { what: "filters", setting: "filters_max", limit: limits.filters_max });
    }
    Ok(parsed)
}

/// The parameters of a query string, or the fields of a form, decoded.
pub(super) fn pairs(text: &str) -> Result<Vec<(String, String)>, Error> {
    let parameters = text.split('&').filter(|text| !text.is_empty());
    parameters
        .map(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}

/// Whether a parameter of this name has a meaning of its own, for the top level or an embedded relation.
fn is_reserved(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    matches!(name, "select" | "columns" | "on_conflict")
        || matches!(last, "limit" | "offset" | "order" | "and" | "or")
}

fn add(query: &mut Query, name: &str, value: &str) -> Result<(), Error> {
    match name {
        "select" => query.select = select::parse(value)?,
        "limit" => query.window.limit = Some(range::count(name, value)?),
        "offset" => query.window.offset = range::count(name, value)?,
        "columns" => query.columns = Some(names(name, value)?),
        "on_conflict" => query.on_conflict = Some(names(name, value)?),
        _ => targeted(query, name, value)?,
    }
    Ok(())
}

/// A parameter that may be for an embedded relation: `title`, `items.title`, `items.order`, `not.and`.
fn targeted(query: &mut Query, name: &str, value: &str) -> Result<(), Error> {
    let mut scan = Scan::new(name, name);
    let mut path = Vec::new();
    let (field, is_quoted) = loop {
        let is_quoted = scan.looking_at("\"");
        let field = filter::field(&mut scan)?;
        if field.json_path.is_empty() && scan.eat(".") {
            path.push(field.name);
            continue;
        }
        if !scan.done() {
            return Err(scan.error("a column name"));
        }
        break (field, is_quoted);
    };
    if !field.json_path.is_empty() {
        query.filters.push(Filter { target: path, condition: filter::test(name, field, value)? });
        return Ok(());
    }
    // In quotes each of the words is a column's name.
    match if is_quoted { "" } else { field.name.as_str() } {
        word @ ("and" | "or") => {
            let negated = path.last().is_some_and(|last| last == "not");
            if negated {
                path.pop();
            }
            query
                .filters
                .push(Filter { target: path, condition: filter::group(name, word, negated, value)? });
        }
        "order" => query.orders.push(Targeted { target: path, value: order::parse(name, value)? }),
        word @ ("limit" | "offset") if !path.is_empty() => {
            let count = range::count(name, value)?;
            let at = match query.windows.iter().position(|window| window.target == path) {
                Some(at) => at,
                None => {
                    query.windows.push(Targeted { target: path, value: Window::default() });
                    query.windows.len() - 1
                }
            };
            match word {
                "limit" => query.windows[at].value.limit = Some(count),
                _ => query.windows[at].value.offset = count,
            }
        }
        _ => query.filters.push(Filter { target: path, condition: filter::test(name, field, value)? }),
    }
    Ok(())
}

/// A comma list of column names.
fn names(parameter: &str, value: &str) -> Result<Vec<String>, Error> {
    let mut scan = Scan::new(parameter, value);
    let mut names = Vec::new();
    loop {
        scan.skip_spaces();
        names.push(scan.name()?);
        scan.skip_spaces();
        if !scan.eat(",") {
            break;
        }
    }
    if scan.done() { Ok(names) } else { Err(scan.error("a comma or the end of the parameter")) }
}

/// How many comparisons a condition holds; a list counts once, its length is bounded by that of the query.
fn size(condition: &filter::Condition) -> u64 {
    match condition {
        filter::Condition::And { of, .. } | filter::Condition::Or { of, .. } => of.iter().map(size).sum(),
        filter::Condition::Test { .. } => 1,
    }
}

fn decode(text: &str) -> Result<String, Error> {
    // In a query a plus sign is a space (HTML, application/x-www-form-urlencoded).
    let text = text.replace('+', " ");
    match percent_decode_str(&text).decode_utf8() {
        Ok(text) if !text.contains('\0') => Ok(text.into_owned()),
        _ => Err(Error::Encoding { part: "query" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Result<Query, Error> {
        parse(text, false, &Config::default())
    }

    #[test]
    fn parameters_find_their_place() {
        let parsed = query(
            "select=id&title=eq.a&title=neq.b&items.title=ilike.*x*&items.order=id.desc&items.limit=2&items.offset=1\
             &a.b.not.or=(x.eq.1,y.eq.2)&limit=5&offset=2&order=id&data->>a=eq.1",
        )
        .unwrap();
        assert_eq!(parsed.filters.len(), 5);
        assert_eq!(parsed.filters[2].target, ["items"]);
        assert_eq!(parsed.filters[3].target, ["a", "b"]);
        assert!(matches!(parsed.filters[3].condition, filter::Condition::Or { negated: true, .. }));
        assert_eq!(
            parsed.windows,
            [Targeted { target: vec!["items".into()], value: Window { offset: 1, limit: Some(2) } }]
        );
        assert_eq!(parsed.window, Window { offset: 2, limit: Some(5) });
        assert_eq!(parsed.orders.len(), 2);
    }

    #[test]
    fn what_is_no_filter_is_an_argument_where_a_function_takes_it() {
        let parsed = parse("a=1&b=eq.1&a=2&c.d=x&limit=3&is=is.it", true, &Config::default()).unwrap();
        let names: Vec<_> = parsed.arguments.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(names, ["a=1", "a=2", "c.d=x", "is=is.it"]);
        assert_eq!((parsed.filters.len(), parsed.window.limit), (1, Some(3)));
        assert!(parse("limit=x", true, &Config::default()).is_err());
        assert!(parse("a.order=,", true, &Config::default()).is_err());
    }

    #[test]
    fn a_token_parameter_is_found_however_it_is_written() {
        for query in ["access_token=x", "a=eq.1&access_token", "access%5Ftoken=x", "access_token=&a=eq.1"] {
            assert!(names_token(query), "{query}");
        }
        for query in ["", "a=eq.access_token", "my_access_token=eq.1", "access_token2=eq.1"] {
            assert!(!names_token(query), "{query}");
        }
    }

    #[test]
    fn the_canonical_form_is_sorted_by_name_and_encoded_anew() {
        assert_eq!(canonical("b=eq.1&a=eq.1"), "a=eq.1&b=eq.1");
        assert_eq!(canonical("&select=a,b&a=in.(1,2)&a=eq.x+y"), "a=in.%281%2C2%29&a=eq.x%20y&select=a%2Cb");
        assert_eq!(canonical("a=%ff&b"), "a=%25ff&b=");
        assert_eq!(canonical(""), "");
    }

    #[test]
    fn plus_is_a_space_and_bad_encodings_are_refused() {
        let parsed = query("a%20b=eq.x+y%2B").unwrap();
        let filter::Condition::Test { field, comparison, .. } = &parsed.filters[0].condition else {
            panic!()
        };
        assert_eq!(field.name, "a b");
        assert!(format!("{comparison:?}").contains("x y+"));
        assert!(matches!(query("a=eq.%ff"), Err(Error::Encoding { .. })));
        assert!(matches!(query("a=eq.%00"), Err(Error::Encoding { .. })));
    }

    #[test]
    fn the_number_of_filters_is_bounded() {
        let many = vec!["a=eq.1"; 101].join("&");
        assert!(matches!(query(&many), Err(Error::TooMany { setting: "filters_max", .. })));
        assert!(query(&vec!["a=eq.1"; 100].join("&")).is_ok());
    }
}
