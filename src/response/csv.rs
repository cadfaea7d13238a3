//! The first line of a CSV document (RFC 4180). The others are rows as Postgres writes them.

use bytes::{BufMut, BytesMut};

/// Writes the names of the members, each quoted where it must be, and a line feed.
pub(super) fn header(out: &mut BytesMut, names: &[String]) {
    for (index, name) in names.iter().enumerate() {
        if index > 0 {
            out.put_u8(b',');
        }
        if name.contains(['"', ',', '\n', '\r']) {
            out.put_u8(b'"');
            out.extend_from_slice(name.replace('"', "\"\"").as_bytes());
            out.put_u8(b'"');
        } else {
            out.extend_from_slice(name.as_bytes());
        }
    }
    out.put_u8(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_only_where_they_must_be() {
        let mut out = BytesMut::new();
        header(&mut out, &["id".to_owned(), "a b".to_owned(), "a,\"b\"".to_owned()]);
        assert_eq!(&out[..], b"id,a b,\"a,\"\"b\"\"\"\n");
    }
}
