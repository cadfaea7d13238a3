//! What a view passes on unchanged: which column of which table each of its columns is.
//!
//! Read from the parsed query that Postgres keeps of a view (`pg_rewrite.ev_action`), of which this needs little: for each
//! entry of the top-level target list the relation and column that it comes from (`resorigtbl` and `resorigcol`, which
//! Postgres leaves 0 for expressions and for UNION), and which entry of FROM. Pure, and without recursion into the tree.

use std::collections::{BTreeSet, HashMap};

use crate::node_tree::{fields, items};

/// The queries of views, by the views' oids.
#[derive(Debug, Default)]
pub(super) struct Views(HashMap<u32, ViewQuery>);

/// Columns of a view that come from one and the same occurrence of a table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Origin {
    pub table: u32,
    /// The table's columns, and the view's.
    pub columns: HashMap<i16, i16>,
    /// Which entry of FROM, in the view and in each view on the way down.
    path: Vec<u32>,
}

impl Origin {
    /// A table as its own origin.
    pub fn table(oid: u32, columns: impl Iterator<Item = i16>) -> Self {
        Origin { table: oid, columns: columns.map(|number| (number, number)).collect(), path: Vec::new() }
    }
}

/// How deep a chain of views is followed.
const DEPTH_MAX: usize = 32;

impl Views {
    /// Adds a view with its query as Postgres writes it. A query that is not understood traces to nothing.
    pub fn add(&mut self, oid: u32, tree: &str) {
        self.0.insert(oid, ViewQuery::parse(tree).unwrap_or_default());
    }

    /// The relations, other than views, that columns come from.
    pub fn tables(&self) -> BTreeSet<u32> {
        let origins = self.0.values().flat_map(|query| &query.columns).map(|column| column.relation);
        origins.filter(|oid| !self.0.contains_key(oid)).collect()
    }

    /// What the columns of `view` are, through views of any depth.
    pub fn origins(&self, view: u32) -> Vec<Origin> {
        self.trace(view, 0)
    }

    fn trace(&self, view: u32, depth: usize) -> Vec<Origin> {
        let mut origins: Vec<Origin> = Vec::new();
        let Some(query) = self.0.get(&view).filter(|_| depth < DEPTH_MAX) else { return origins };
        let mut inner: HashMap<u32, Vec<Origin>> = HashMap::new();
        for column in &query.columns {
            let below =
                inner.entry(column.relation).or_insert_with(|| match self.0.contains_key(&column.relation) {
                    true => self.trace(column.relation, depth + 1),
                    false => Vec::new(),
                });
            let (table, number, mut path) = match self.0.contains_key(&column.relation) {
                false => (column.relation, column.column, Vec::new()),
                true => {
                    let traced = below.iter().find_map(|origin| {
                        let found = origin.columns.iter().find(|(_, shown)| **shown == column.column)?;
                        Some((origin.table, *found.0, origin.path.clone()))
                    });
                    let Some(traced) = traced else { continue };
                    traced
                }
            };
            path.insert(0, column.from);
            let at = match origins.iter().position(|origin| origin.table == table && origin.path == path) {
                Some(at) => at,
                None => {
                    origins.push(Origin { table, columns: HashMap::new(), path });
                    origins.len() - 1
                }
            };
            // Of a column that is shown twice, the first is meant.
            origins[at].columns.entry(number).or_insert(column.number);
        }
        origins
    }

    /// The columns of `view` by which its rows are unique: those of the key of the one relation that it reads. A view
    /// that joins, or whose select list makes several rows of one, has none, because it might repeat a row.
    pub fn key(&self, view: u32, table_keys: &HashMap<u32, Vec<i16>>) -> Option<Vec<i16>> {
        self.key_at(view, table_keys, 0)
    }

    fn key_at(&self, view: u32, table_keys: &HashMap<u32, Vec<i16>>, depth: usize) -> Option<Vec<i16>> {
        let query = self.0.get(&view).filter(|_| depth < DEPTH_MAX)?;
        let (from, relation) = query.only_from?;
        let inner = match self.0.contains_key(&relation) {
            true => self.key_at(relation, table_keys, depth + 1)?,
            false => table_keys.get(&relation)?.clone(),
        };
        let shown = |number: i16| {
            let mut columns = query.columns.iter();
            columns
                .find(|column| column.from == from && column.relation == relation && column.column == number)
                .map(|column| column.number)
        };
        inner.into_iter().map(shown).collect()
    }
}

/// The little that is wanted of a view's query.
#[derive(Debug, Default, PartialEq)]
struct ViewQuery {
    columns: Vec<ViewColumn>,
    /// The one entry of FROM, where there is one alone, a relation, and one row of it gives one of the view's at most.
    only_from: Option<(u32, u32)>,
}

/// A column that is passed on unchanged.
#[derive(Debug, PartialEq)]
struct ViewColumn {
    number: i16,
    relation: u32,
    column: i16,
    /// The entry of FROM that it is read from.
    from: u32,
}

impl ViewQuery {
    /// Reads the text of a list of one query. None where it is no such text, or a UNION or its like.
    fn parse(tree: &str) -> Option<Self> {
        let query = fields(items(tree).into_iter().next()?)?;
        if query.get("setOperations").is_some_and(|operations| *operations != "<>") {
            return None;
        }
        let columns = items(query.get("targetList")?).into_iter().filter_map(column).collect();
        let only_from = only_from(&query).filter(|_| query.get("hasTargetSRFs") == Some(&"false"));
        Some(ViewQuery { columns, only_from })
    }
}

fn column(entry: &str) -> Option<ViewColumn> {
    let entry = fields(entry)?;
    let expression = fields(entry.get("expr")?)?;
    if entry.get("resjunk") != Some(&"false") {
        return None;
    }
    let column = ViewColumn {
        number: entry.get("resno")?.parse().ok()?,
        relation: entry.get("resorigtbl")?.parse().ok()?,
        column: entry.get("resorigcol")?.parse().ok()?,
        from: expression.get("varno")?.parse().ok()?,
    };
    (column.relation != 0 && column.column > 0).then_some(column)
}

/// The only entry of FROM and the relation that it is.
fn only_from(query: &HashMap<&str, &str>) -> Option<(u32, u32)> {
    let tree = fields(query.get("jointree")?)?;
    let [only] = items(tree.get("fromlist")?)[..] else { return None };
    let from: u32 = fields(only)?.get("rtindex")?.parse().ok()?;
    let entries = items(query.get("rtable")?);
    let entry = fields(entries.get(usize::try_from(from).ok()?.checked_sub(1)?)?)?;
    // 0: a relation, not a sub-query, a join or a function.
    if entry.get("rtekind") != Some(&"0") {
        return None;
    }
    Some((from, entry.get("relid")?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A query like those that Postgres 15 keeps, with what is not looked at left out.
    fn query(from: &str, targets: &str, more: &str) -> String {
        format!(
            "({{QUERY :commandType 1 :hasTargetSRFs false {more} :rtable (\
             {{RTE :alias {{ALIAS :aliasname old :colnames <>}} :rtekind 0 :relid 900 :relkind v}} \
             {{RTE :alias <> :eref {{ALIAS :aliasname a\\ \\}}b :colnames (\"id\" \"x\\)\")}} :rtekind 0 :relid 100 :relkind r}} \
             {{RTE :rtekind 1 :relid 0}}) \
             :jointree {{FROMEXPR :fromlist ({from}) :quals <>}} :targetList ({targets}) :setOperations <>}})"
        )
    }

    fn target(number: i16, from: u32, relation: u32, column: i16) -> String {
        format!(
            "{{TARGETENTRY :expr {{VAR :varno {from} :varattno {column} :location 9}} :resno {number} :resname :odd\\ name \
             :ressortgroupref 0 :resorigtbl {relation} :resorigcol {column} :resjunk false}}"
        )
    }

    const ONE: &str = "{RANGETBLREF :rtindex 2}";

    #[test]
    fn a_plain_view_passes_on_columns_and_the_key() {
        let expression = "{TARGETENTRY :expr {OPEXPR :args ({CONST :constvalue 4 [ 1 0 0 0 ]})} :resno 3 :resname s \
                          :ressortgroupref 0 :resorigtbl 0 :resorigcol 0 :resjunk false}";
        let targets = format!("{} {} {expression}", target(1, 2, 100, 2), target(2, 2, 100, 1));
        let mut views = Views::default();
        views.add(1, &query(ONE, &targets, ""));
        let origins = views.origins(1);
        assert_eq!(origins.len(), 1);
        assert_eq!(origins[0].columns, HashMap::from([(2, 1), (1, 2)]));
        let keys = HashMap::from([(100, vec![1_i16, 2])]);
        assert_eq!(views.key(1, &keys), Some(vec![2, 1]));
        assert_eq!(views.key(1, &HashMap::from([(100, vec![1, 3])])), None);
        assert_eq!(views.tables(), BTreeSet::from([100]));
    }

    #[test]
    fn a_chain_is_followed_and_two_occurrences_are_kept_apart() {
        let mut views = Views::default();
        let joined = "{JOINEXPR :jointype 0 :larg {RANGETBLREF :rtindex 2} :rarg {RANGETBLREF :rtindex 3}}";
        let twice = format!("{} {}", target(1, 2, 100, 1), target(2, 3, 100, 1));
        views.add(1, &query(joined, &twice, ""));
        assert_eq!(views.origins(1).len(), 2);
        assert_eq!(views.key(1, &HashMap::from([(100, vec![1])])), None);
        // View 3 over view 2 over the table.
        views.add(2, &query(ONE, &target(1, 2, 100, 7), ""));
        views.add(3, &query(ONE, &target(4, 2, 2, 1), "").replace(":relid 100", ":relid 2"));
        assert_eq!(views.origins(3)[0].columns, HashMap::from([(7, 4)]));
        assert_eq!(views.origins(3)[0].table, 100);
        assert_eq!(views.key(3, &HashMap::from([(100, vec![7])])), Some(vec![4]));
    }

    #[test]
    fn a_union_and_what_is_no_query_trace_to_nothing() {
        let union = query(ONE, &target(1, 2, 100, 1), "")
            .replace(":setOperations <>", ":setOperations {SETOPERATIONSTMT}");
        for text in [union.as_str(), "", "(", "({", "<>", "({QUERY})", "({QUERY :targetList", "()"] {
            let mut views = Views::default();
            views.add(1, text);
            assert!(views.origins(1).is_empty(), "{text}");
        }
        // One row gives several where the select list holds a function that returns a set.
        let srf = query(ONE, &target(1, 2, 100, 1), "").replace("hasTargetSRFs false", "hasTargetSRFs true");
        let mut views = Views::default();
        views.add(1, &srf);
        assert_eq!(views.key(1, &HashMap::from([(100, vec![1])])), None);
        assert_eq!(views.origins(1).len(), 1);
        // A view over itself cannot be, and does no harm.
        views.add(5, &query(ONE, &target(1, 2, 5, 1), "").replace(":relid 100", ":relid 5"));
        assert!(views.origins(5).is_empty());
        assert_eq!(views.key(5, &HashMap::new()), None);
    }
}
