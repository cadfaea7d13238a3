//! Relations, their columns and their relationships, in the words of Postgres.

use std::fmt;

use tokio_postgres::types::Type;

use super::shape::Shape;

/// A name that is safe to write into SQL: quoted once, here.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identifier {
    name: Box<str>,
    quoted: Box<str>,
}

impl Identifier {
    /// The longest name that Postgres keeps, in bytes (Postgres manual, 4.1.1).
    pub const BYTES_MAX: usize = 63;

    /// Quotes `name` (Postgres manual, 4.1.1). None where Postgres could not keep it as it is: empty, longer than
    /// 63 bytes, or with a NUL.
    pub fn new(name: &str) -> Option<Self> {
        if name.is_empty() || name.len() > Self::BYTES_MAX || name.contains('\0') {
            return None;
        }
        let quoted = format!("\"{}\"", name.replace('"', "\"\""));
        Some(Self { name: name.into(), quoted: quoted.into() })
    }

    /// The bare name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name as SQL.
    pub fn quoted(&self) -> &str {
        &self.quoted
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.quoted)
    }
}

/// Which relation of its catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelationId(pub(super) usize);

/// A table or view that may be served.
#[derive(Debug)]
pub struct Relation {
    pub schema: Identifier,
    pub name: Identifier,
    pub kind: RelationKind,
    pub comment: Option<String>,
    pub columns: Vec<Column>,
    /// The columns of the primary key, in its order; empty where there is none.
    pub primary_key: Vec<String>,
    /// The column that says whose a row is; None on a global relation.
    pub tenant_column: Option<String>,
    pub privileges: Privileges,
    pub takes: Takes,
    /// Fields that functions of a row compute: selectable, filterable and orderable, and never in `*` or a body.
    pub computed: Vec<Column>,
    /// Where it leads, and whence others come to it.
    pub relationships: Vec<Relationship>,
    /// The check constraints on several of its columns at once, as SQL.
    pub checks: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelationKind {
    Table,
    View,
}

/// What the request role may do with a relation, columns aside.
#[derive(Debug, Clone, Copy, Default)]
pub struct Privileges {
    pub select: bool,
    /// SELECT on the whole of a plain table: its system columns, too, can be returned.
    pub select_system: bool,
    pub insert: bool,
    pub update: bool,
    pub delete: bool,
}

/// Which writes a relation can take at all, by whatever role: all that a table is, and of a view what Postgres can hand on
/// to what it reads, or an INSTEAD OF trigger does (Postgres manual, CREATE VIEW, "Updatable Views").
#[derive(Debug, Clone, Copy, Default)]
pub struct Takes {
    pub insert: bool,
    pub update: bool,
    pub delete: bool,
}

#[derive(Debug, Clone)]
pub struct Column {
    pub name: Identifier,
    /// As SQL, from `format_type`: safe to write into SQL, because Postgres wrote it.
    pub type_name: String,
    pub encoding: Encoding,
    /// A json or jsonb column takes a JSON path as it is; another is turned into jsonb first.
    pub is_json: bool,
    pub not_null: bool,
    /// What an insert that does not name the column puts there, as SQL that Postgres wrote; None: null.
    pub default: Option<String>,
    /// Generated, or an identity that is always generated: written by Postgres alone.
    pub generated: bool,
    pub may_select: bool,
    pub may_insert: bool,
    pub may_update: bool,
    pub comment: Option<String>,
    /// The function of a row that computes it; None for a column proper.
    pub function: Option<FunctionName>,
    pub shape: Shape,
}

/// A function, by its schema and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionName {
    pub schema: Identifier,
    pub name: Identifier,
}

/// A way from one relation to another, seen from the relation that holds it.
#[derive(Debug, Clone)]
pub struct Relationship {
    /// The other relation.
    pub target: RelationId,
    pub cardinality: Cardinality,
    pub link: Link,
}

/// What leads from a row to the related ones.
#[derive(Debug, Clone)]
pub enum Link {
    Key(ForeignKey),
    /// Through a relation that holds a key to either side: the near key from it to us, the far one from it to them.
    Junction {
        junction: RelationId,
        near: ForeignKey,
        far: ForeignKey,
    },
    /// A function of our row gives theirs.
    Function {
        function: FunctionName,
        /// `returns setof`; else its row is null where there is none.
        gives_set: bool,
    },
}

/// A foreign key between two relations; of a view, one of the table that its columns come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    pub constraint: String,
    /// Whether it is ours and points at them; else theirs and points at us.
    pub ours: bool,
    /// Whether no two of the referencing rows can point at the same row.
    pub unique: bool,
    /// Pairs of columns that must be equal: ours, theirs. In a junction: the junction's, the other relation's.
    pub columns: Vec<(Identifier, Identifier)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cardinality {
    /// At most one row on the other side: embedded as an object or null.
    One,
    /// Any number: embedded as an array.
    Many,
}

/// How a column comes from Postgres and becomes JSON, byte for byte as `to_json` writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Bool,
    Int2,
    Int4,
    Int8,
    /// Selected as text, because only Postgres writes its own digits: a number, or `NaN` and infinities quoted.
    Number,
    Text,
    Uuid,
    Json,
    Jsonb,
    Date,
    Time,
    Timestamp,
    TimestampTz,
    /// Any other type: selected as `to_json(column)`, spliced in.
    ToJson,
}

impl Encoding {
    /// The encoding of a built-in type, by its name in `pg_catalog`.
    pub fn of_builtin(name: &str) -> Self {
        match name {
            "bool" => Encoding::Bool,
            "int2" => Encoding::Int2,
            "int4" => Encoding::Int4,
            "int8" => Encoding::Int8,
            "float4" | "float8" | "numeric" => Encoding::Number,
            "text" | "varchar" | "bpchar" | "name" => Encoding::Text,
            "uuid" => Encoding::Uuid,
            "json" => Encoding::Json,
            "jsonb" => Encoding::Jsonb,
            "date" => Encoding::Date,
            "time" => Encoding::Time,
            "timestamp" => Encoding::Timestamp,
            "timestamptz" => Encoding::TimestampTz,
            _ => Encoding::ToJson,
        }
    }
}

impl Encoding {
    /// Whether a column that Postgres sends as `sent` is what this encoding reads. Domains are sent as what they are of.
    pub fn reads(self, sent: &Type) -> bool {
        match self {
            Encoding::Bool => *sent == Type::BOOL,
            Encoding::Int2 => *sent == Type::INT2,
            Encoding::Int4 => *sent == Type::INT4,
            Encoding::Int8 => *sent == Type::INT8,
            Encoding::Number => *sent == Type::TEXT,
            Encoding::Text => [Type::TEXT, Type::VARCHAR, Type::BPCHAR, Type::NAME].contains(sent),
            Encoding::Uuid => *sent == Type::UUID,
            Encoding::Json | Encoding::ToJson => *sent == Type::JSON,
            Encoding::Jsonb => *sent == Type::JSONB,
            Encoding::Date => *sent == Type::DATE,
            Encoding::Time => *sent == Type::TIME,
            Encoding::Timestamp => *sent == Type::TIMESTAMP,
            Encoding::TimestampTz => *sent == Type::TIMESTAMPTZ,
        }
    }
}

/// The types that `select=column::type` may name: what the client writes, the cast as SQL, how the result is encoded.
///
/// A closed list: no text of a client becomes SQL, and no cast that looks names up (`regclass`) can be asked for.
const CASTS: &[(&[&str], &str, &str)] = &[
    (&["bool", "boolean"], "::pg_catalog.bool", "bool"),
    (&["int2", "smallint"], "::pg_catalog.int2", "int2"),
    (&["int4", "int", "integer"], "::pg_catalog.int4", "int4"),
    (&["int8", "bigint"], "::pg_catalog.int8", "int8"),
    (&["float4", "real"], "::pg_catalog.float4", "float4"),
    (&["float8", "double precision", "float"], "::pg_catalog.float8", "float8"),
    (&["numeric", "decimal"], "::pg_catalog.numeric", "numeric"),
    (&["text"], "::pg_catalog.text", "text"),
    (&["varchar", "character varying"], "::pg_catalog.varchar", "varchar"),
    (&["uuid"], "::pg_catalog.uuid", "uuid"),
    (&["json"], "::pg_catalog.json", "json"),
    (&["jsonb"], "::pg_catalog.jsonb", "jsonb"),
    (&["date"], "::pg_catalog.date", "date"),
    (&["time", "time without time zone"], "::pg_catalog.time", "time"),
    (&["timestamp", "timestamp without time zone"], "::pg_catalog.timestamp", "timestamp"),
    (&["timestamptz", "timestamp with time zone"], "::pg_catalog.timestamptz", "timestamptz"),
    (&["interval"], "::pg_catalog.interval", "interval"),
    (&["bytea"], "::pg_catalog.bytea", "bytea"),
];

/// The cast that `name` stands for, as SQL with its leading `::`, and the encoding of what it gives.
pub fn builtin_cast(name: &str) -> Option<(&'static str, Encoding)> {
    CASTS
        .iter()
        .find(|(names, _, _)| names.contains(&name))
        .map(|(_, sql, builtin)| (*sql, Encoding::of_builtin(builtin)))
}

impl Relation {
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name.name() == name)
    }

    /// The columns that `/{relation}/{key}` gives values for: the primary key without the tenant column, which the
    /// request's tenant settles. Where nothing else remains the tenant column itself is the key.
    pub fn resource_key(&self) -> Vec<&str> {
        let all = || self.primary_key.iter().map(String::as_str);
        let rest: Vec<&str> = all().filter(|column| Some(*column) != self.tenant_column.as_deref()).collect();
        if rest.is_empty() { all().collect() } else { rest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_quoted_and_bounded() {
        assert_eq!(Identifier::new("a\"b").unwrap().quoted(), "\"a\"\"b\"");
        assert!(Identifier::new("").is_none());
        assert!(Identifier::new("a\0").is_none());
        assert!(Identifier::new(&"x".repeat(64)).is_none());
        assert!(Identifier::new(&"x".repeat(63)).is_some());
    }
}
