//! Turns rows into an answer: JSON, CSV, `Content-Range`, status. Pure.

mod csv;
mod encode;
mod range;
mod told;

use bytes::BytesMut;
use tokio_postgres::Row;

pub use encode::Unreadable;
pub use range::{Counted, Total, content_range, read_status};
pub use told::{TellFault, Told, is_header, read_told, told_status};

use crate::catalog::Encoding;
use crate::query::{Columns, Form};

/// How rows are put together to one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// `[{…},{…}]`
    Array,
    /// One row, alone.
    Object,
    /// `{…}` and a line feed for each row.
    Lines,
    /// A line of names, and the rows behind it, line feeds between them.
    Csv,
    /// `{"type" : "FeatureCollection", "features" : […]}`, as `json_build_object` writes it.
    Features,
    /// Text as Postgres sent it, line feeds between rows.
    Text,
}

/// Writes rows as a document. Made once for a statement: the names are escaped once, not for each row.
#[derive(Debug)]
pub struct Encoder {
    framing: Framing,
    /// `{"id":`, then `,"title":`, … and the encoding of what follows.
    members: Vec<(Box<[u8]>, Encoding)>,
    form: Form,
    location: usize,
    tells_inserted: bool,
    version: bool,
}

/// What a row said beside its members.
#[derive(Debug, Default, PartialEq)]
pub struct Aside {
    /// The values of the key's columns.
    pub location: Vec<String>,
    /// None where the statement does not tell.
    pub inserted: Option<bool>,
    /// The version of the row, where the statement tells it.
    pub version: Option<String>,
}

impl Encoder {
    pub fn new(columns: &Columns, framing: Framing) -> Self {
        let members = columns.members.iter().enumerate().map(|(index, (name, encoding))| {
            let mut prefix = BytesMut::from(if index == 0 { "{" } else { "," });
            encode::string(&mut prefix, name);
            prefix.extend_from_slice(b":");
            (prefix.as_ref().into(), *encoding)
        });
        Self {
            framing,
            members: members.collect(),
            form: columns.form.clone(),
            location: columns.location,
            tells_inserted: columns.tells_inserted,
            version: columns.version,
        }
    }

    /// What stands before the first row.
    pub fn begin(&self, out: &mut BytesMut) {
        match self.framing {
            Framing::Array => out.extend_from_slice(b"["),
            Framing::Object | Framing::Lines | Framing::Text => {}
            Framing::Csv => {
                if let Form::Record { names } = &self.form {
                    csv::header(out, names);
                }
            }
            Framing::Features => {
                out.extend_from_slice(br#"{"type" : "FeatureCollection", "features" : ["#);
            }
        }
    }

    /// What stands behind the last row.
    pub fn end(&self, out: &mut BytesMut) {
        match self.framing {
            Framing::Array => out.extend_from_slice(b"]"),
            Framing::Object | Framing::Lines | Framing::Csv | Framing::Text => {}
            Framing::Features => out.extend_from_slice(b"]}"),
        }
    }

    /// Appends `row`, and before it what parts it from the one before, unless it is the first.
    ///
    /// # Errors
    /// [`Unreadable`] where a column is not what the plan said: a fault of the service.
    pub fn row(&self, out: &mut BytesMut, first: bool, row: &Row) -> Result<(), Unreadable> {
        if !first {
            match self.framing {
                Framing::Array | Framing::Features => out.extend_from_slice(b","),
                Framing::Csv | Framing::Text => out.extend_from_slice(b"\n"),
                Framing::Object | Framing::Lines => {}
            }
        }
        let start = out.len();
        match &self.form {
            Form::Members => self.object(out, row)?,
            Form::Stripped => self.stripped(out, row)?,
            Form::Value => {
                if let Some((_, encoding)) = self.members.first() {
                    encode::value(out, *encoding, row, 0)?;
                }
            }
            Form::Record { names } if names.is_empty() => {}
            Form::Record { .. } => {
                let record = encode::sent(row, 0)?.unwrap_or_default();
                // In parentheses, which no line of CSV has.
                out.extend_from_slice(record.get(1..record.len().saturating_sub(1)).unwrap_or_default());
            }
            Form::Feature | Form::Line => out.extend_from_slice(encode::sent(row, 0)?.unwrap_or_default()),
        }
        if self.framing == Framing::Lines {
            // A line feed in JSON is white space between its parts: in a string it would be escaped (RFC 8259 7).
            for byte in &mut out[start..] {
                if matches!(byte, b'\n' | b'\r') {
                    *byte = b' ';
                }
            }
            out.extend_from_slice(b"\n");
        }
        Ok(())
    }

    fn object(&self, out: &mut BytesMut, row: &Row) -> Result<(), Unreadable> {
        for (index, (prefix, encoding)) in self.members.iter().enumerate() {
            out.extend_from_slice(prefix);
            encode::value(out, *encoding, row, index)?;
        }
        out.extend_from_slice(if self.members.is_empty() { b"{}" } else { b"}" });
        Ok(())
    }

    /// An object without the members that are null.
    fn stripped(&self, out: &mut BytesMut, row: &Row) -> Result<(), Unreadable> {
        let mut separator = b"{";
        for (index, (prefix, encoding)) in self.members.iter().enumerate() {
            // What is null in SQL, or in JSON alone.
            match encode::sent(row, index)? {
                None => continue,
                Some(b"null") if *encoding == Encoding::Json => continue,
                Some(_) => {}
            }
            out.extend_from_slice(separator);
            out.extend_from_slice(&prefix[1..]);
            encode::value(out, *encoding, row, index)?;
            separator = b",";
        }
        out.extend_from_slice(if separator == b"{" { b"{}" } else { b"}" });
        Ok(())
    }

    /// What `row` says beside its members.
    ///
    /// # Errors
    /// [`Unreadable`], as for [`Encoder::row`].
    pub fn aside(&self, row: &Row) -> Result<Aside, Unreadable> {
        let first = self.members.len();
        let location = (first..first + self.location)
            .map(|index| row.try_get::<_, String>(index).map_err(|_| Unreadable { column: index }))
            .collect::<Result<_, _>>()?;
        let index = first + self.location;
        let inserted = match self.tells_inserted {
            true => Some(row.try_get(index).map_err(|_| Unreadable { column: index })?),
            false => None,
        };
        let index = index + usize::from(self.tells_inserted);
        let version = match self.version {
            true => Some(row.try_get(index).map_err(|_| Unreadable { column: index })?),
            false => None,
        };
        Ok(Aside { location, inserted, version })
    }

    /// Whether rows tell their version.
    pub fn has_version(&self) -> bool {
        self.version
    }

    /// Whether rows say anything beside their members.
    pub fn has_aside(&self) -> bool {
        self.location > 0 || self.tells_inserted || self.version
    }
}
