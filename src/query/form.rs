//! How the members of a row are sent: each as a column of its own, or all of them as one text that Postgres has made.

use super::read::{Groups, Member, grouping, member, named, shown};
use super::sql::Sql;
use super::{Columns, MediaOf};
use crate::catalog::Encoding;
use crate::plan::Node;
use crate::request::Media;

/// What the rows of a statement are like, as the representation needs them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Form {
    /// A column for each member.
    #[default]
    Members,
    /// The same, and no member within them is null: what `json_strip_nulls` leaves out within a value is left out by it,
    /// and the members themselves by the encoder.
    Stripped,
    /// One column: a value that no object is made of.
    Value,
    /// One column: the row as text, `(1,"a ""b""",)`, as Postgres writes a composite value (Postgres manual, 8.16.6).
    Record {
        /// The names of the members.
        names: Vec<String>,
    },
    /// One column: the row as a GeoJSON Feature.
    Feature,
    /// One column: a line of what EXPLAIN says.
    Line,
}

/// Writes what the rows of `node` hold, for `media`; of a grouped node, what to group by goes to `groups`.
pub(super) fn members(
    sql: &mut Sql,
    columns: &mut Columns,
    (media, postgis): MediaOf<'_>,
    node: &Node<'_>,
    groups: &mut Groups,
) {
    let shown = shown(node);
    match (media.of_rows(), postgis) {
        // Nothing is selected, and the caller has seen to it that there are rows all the same.
        (Media::Csv, _) if shown.is_empty() => columns.form = Form::Record { names: Vec::new() },
        (_, _) if shown.is_empty() => {}
        // `row(…)::text`, in which Postgres quotes what must be.
        (Media::Csv, _) => {
            sql.push("row(");
            sql.list(&shown, ", ", |sql, one| {
                grouping(sql, node, one, groups);
                if one.is_document() {
                    sql.push("::pg_catalog.jsonb");
                }
            });
            sql.push(")::pg_catalog.text");
            columns.members.push((String::new(), Encoding::Text));
            columns.form = Form::Record { names: shown.iter().map(|one| one.name.to_owned()).collect() };
        }
        (Media::GeoJson, Some(postgis)) => {
            sql.push("(select ")
                .identifier(postgis)
                .push(".st_asgeojson(r.*)::pg_catalog.json from (select ");
            sql.list(&shown, ", ", |sql, one| named(sql, node, one, groups));
            sql.push(") as r)");
            columns.members.push((String::new(), Encoding::Json));
            columns.form = Form::Feature;
        }
        (Media::JsonStripped | Media::SingularStripped, _) => {
            sql.list(&shown, ", ", |sql, one| columns.members.push(stripped(sql, node, one, groups)));
            columns.form = Form::Stripped;
        }
        (Media::Json | Media::SingularObject | Media::Lines | Media::GeoJson | Media::Plan(_), _) => {
            sql.list(&shown, ", ", |sql, one| columns.members.push(member(sql, node, one, groups)));
        }
    }
}

/// One member whose JSON holds no member that is null.
fn stripped(sql: &mut Sql, node: &Node<'_>, one: &Member<'_>, groups: &mut Groups) -> (String, Encoding) {
    match one.encoding() {
        encoding @ (Encoding::Json | Encoding::Jsonb | Encoding::ToJson) => {
            let (open, close) = match encoding {
                Encoding::Json => ("pg_catalog.json_strip_nulls(", ")"),
                _ => ("pg_catalog.json_strip_nulls(pg_catalog.to_json(", "))"),
            };
            sql.push(open);
            grouping(sql, node, one, groups);
            sql.push(close);
            (one.name.to_owned(), Encoding::Json)
        }
        _ => member(sql, node, one, groups),
    }
}
