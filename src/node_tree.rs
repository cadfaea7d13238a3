//! The text in which Postgres keeps parsed queries and expressions (`pg_node_tree`), taken apart.
//!
//! `{NAME :field value …}` is an object, `(…)` a list, `<>` nothing, `4 [ 16 0 0 0 ]` the bytes of a constant. What the names
//! mean is for those who ask: they differ a little from one version to the next. Pure, without recursion, and without a
//! text on which it fails: what is no such thing has no fields and no items.

use std::collections::HashMap;

/// The name of an object, as `OPEXPR`; None where the text is none.
pub(crate) fn name(object: &str) -> Option<&str> {
    let inside = object.strip_prefix('{')?.strip_suffix('}')?;
    inside.split([' ', '\n']).next()
}

/// The fields of `{NAME :field value …}`, values as they are written; None where it is no such thing.
pub(crate) fn fields(object: &str) -> Option<HashMap<&str, &str>> {
    let inside = object.strip_prefix('{')?.strip_suffix('}')?;
    let mut fields = HashMap::new();
    let mut name: Option<(&str, usize, usize)> = None;
    for (start, end) in tokens(inside) {
        let token = &inside[start..end];
        match &mut name {
            // A value may begin with a colon, too: what follows a name directly is always its value.
            Some((_, from, to)) if from == to => (*from, *to) = (start, end),
            Some((_, _, to)) if !token.starts_with(':') => *to = end,
            _ if token.starts_with(':') => {
                if let Some((name, from, to)) = name.replace((&token[1..], 0, 0)) {
                    fields.insert(name, &inside[from..to]);
                }
            }
            _ => {}
        }
    }
    if let Some((name, from, to)) = name {
        fields.insert(name, &inside[from..to]);
    }
    Some(fields)
}

/// The members of `(…)` that are objects.
pub(crate) fn items(list: &str) -> Vec<&str> {
    members(list).into_iter().filter(|token| token.starts_with('{')).collect()
}

/// The members of `(…)`: objects, lists and words.
pub(crate) fn members(list: &str) -> Vec<&str> {
    let Some(inside) = list.strip_prefix('(').and_then(|list| list.strip_suffix(')')) else {
        return Vec::new();
    };
    tokens(inside).into_iter().map(|(start, end)| &inside[start..end]).collect()
}

/// The bytes of a constant, `4 [ 16 0 0 0 ]`, which Postgres may write with a sign; None where it is none.
pub(crate) fn bytes(value: &str) -> Option<Vec<u8>> {
    let (length, rest) = value.split_once(' ')?;
    let _: u32 = length.parse().ok()?;
    let inside = rest.strip_prefix('[')?.strip_suffix(']')?;
    let byte = |word: &str| match word.parse::<i16>().ok()? {
        signed @ -128..=-1 => u8::try_from(signed + 256).ok(),
        unsigned => u8::try_from(unsigned).ok(),
    };
    inside.split_whitespace().map(byte).collect()
}

/// The text within the bytes of a value of type text, with its header; None where the header does not fit.
pub(crate) fn text(bytes: &[u8]) -> Option<String> {
    let content = match bytes {
        // One byte of header: the length, shifted, in a machine of either order.
        [header, rest @ ..]
            if header & 1 == 1 && usize::from(header >> 1) == bytes.len()
                || header & 0x80 != 0 && usize::from(header & 0x7f) == bytes.len() =>
        {
            rest
        }
        [a, b, c, d, rest @ ..] => {
            let header = [*a, *b, *c, *d];
            let length = u32::try_from(bytes.len()).ok()?;
            (u32::from_le_bytes(header) == length << 2 || u32::from_be_bytes(header) == length)
                .then_some(rest)?
        }
        _ => return None,
    };
    String::from_utf8(content.to_vec()).ok()
}

/// Where the words of `text` begin and end; an object or a list is one word. A backslash takes the next byte as it is.
fn tokens(text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let (mut start, mut depth, mut is_escaped) = (None, 0_usize, false);
    for (at, byte) in text.bytes().enumerate() {
        if is_escaped {
            is_escaped = false;
            continue;
        }
        match byte {
            b' ' | b'\n' if depth == 0 => {
                if let Some(start) = start.take() {
                    found.push((start, at));
                }
                continue;
            }
            b'\\' => is_escaped = true,
            b'{' | b'(' => depth += 1,
            b'}' | b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        start.get_or_insert(at);
    }
    found.extend(start.map(|start| (start, text.len())));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_has_a_name_fields_and_lists_of_objects() {
        let object =
            "{OPEXPR :opno 98 :args ({VAR :varno 1} {CONST :constvalue 4 [ 16 0 0 0 ]} <> ({X})) :none <>}";
        assert_eq!(name(object), Some("OPEXPR"));
        let fields = fields(object).unwrap();
        assert_eq!(fields["opno"], "98");
        assert_eq!(fields["none"], "<>");
        assert_eq!(items(fields["args"]), ["{VAR :varno 1}", "{CONST :constvalue 4 [ 16 0 0 0 ]}"]);
        assert_eq!(members(fields["args"]).len(), 4);
    }

    #[test]
    fn what_is_escaped_is_no_syntax() {
        let object = r#"{ALIAS :aliasname a\ \}\{\ :b :colnames ("x\)" "y")}"#;
        assert_eq!(fields(object).unwrap()["aliasname"], r"a\ \}\{\ :b");
        assert_eq!(members(fields(object).unwrap()["colnames"]), [r#""x\)""#, r#""y""#]);
    }

    #[test]
    fn constants_are_bytes_with_a_sign_and_texts_have_a_header() {
        assert_eq!(bytes("4 [ 16 0 0 0 ]"), Some(vec![16, 0, 0, 0]));
        assert_eq!(bytes("7 [ 28 0 0 0 -61 -97 97 ]"), Some(vec![28, 0, 0, 0, 195, 159, 97]));
        for other in ["<>", "", "4", "4 [ 300 ]", "4 [ x ]", "[ 1 ]", "4 16 0"] {
            assert_eq!(bytes(other), None, "{other}");
        }
        assert_eq!(text(&[16, 0, 0, 0]).as_deref(), Some(""));
        assert_eq!(text(&[28, 0, 0, 0, 195, 159, 97]).as_deref(), Some("ßa"));
        assert_eq!(text(&[0, 0, 0, 5, 97]).as_deref(), Some("a"));
        assert_eq!(text(&[5, 97]).as_deref(), Some("a"));
        assert_eq!(text(&[5, 97, 98]), None);
        assert_eq!(text(&[7, 97, 98]).as_deref(), Some("ab"));
        assert_eq!(text(&[24, 0, 0, 0, 97]), None);
        assert_eq!(text(&[]), None);
    }
}
