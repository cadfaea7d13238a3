//! Turns rows into an answer: JSON, `Content-Range`, status. Pure.

mod encode;
mod range;

use bytes::BytesMut;
use tokio_postgres::Row;

pub use encode::Unreadable;
pub use range::{Counted, content_range, read_status};

use crate::catalog::Encoding;
use crate::query::Columns;

/// Writes rows as JSON objects. Made once for a statement: the names are escaped once, not for each row.
#[derive(Debug)]
pub struct Encoder {
    /// `{"id":`, then `,"title":`, … and the encoding of what follows.
    members: Vec<(Box<[u8]>, Encoding)>,
    location: usize,
    tells_inserted: bool,
}

/// What a row said beside its members.
#[derive(Debug, Default, PartialEq)]
pub struct Aside {
    /// The values of the key's columns.
    pub location: Vec<String>,
    /// None where the statement does not tell.
    pub inserted: Option<bool>,
}

impl Encoder {
    pub fn new(columns: &Columns) -> Self {
        let members = columns.members.iter().enumerate().map(|(index, (name, encoding))| {
            let mut prefix = BytesMut::from(if index == 0 { "{" } else { "," });
            encode::string(&mut prefix, name);
            prefix.extend_from_slice(b":");
            (prefix.as_ref().into(), *encoding)
        });
        Self {
            members: members.collect(),
            location: columns.location,
            tells_inserted: columns.tells_inserted,
        }
    }

    /// Appends `row` as one JSON object.
    ///
    /// # Errors
    /// [`Unreadable`] where a column is not what the plan said: a fault of the service.
    pub fn object(&self, out: &mut BytesMut, row: &Row) -> Result<(), Unreadable> {
        for (index, (prefix, encoding)) in self.members.iter().enumerate() {
            out.extend_from_slice(prefix);
            encode::value(out, *encoding, row, index)?;
        }
        out.extend_from_slice(if self.members.is_empty() { b"{}" } else { b"}" });
        Ok(())
    }

    /// What `row` says beside its members.
    ///
    /// # Errors
    /// [`Unreadable`], as for [`Encoder::object`].
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
        Ok(Aside { location, inserted })
    }

    /// Whether rows say anything beside their members.
    pub fn has_aside(&self) -> bool {
        self.location > 0 || self.tells_inserted
    }
}
