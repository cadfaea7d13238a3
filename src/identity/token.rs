//! `Authorization` header -> `Token` -> `Parts`: the shape of a token, before anything in it is believed.
//!
//! Here are T1, V1 to V4 and V8. Keys, issuers and claims are not known here.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::json::{self, Json, Object};
use super::{Reason, Refusal};

/// The longest token that is looked at, in bytes.
pub const TOKEN_BYTES_MAX: usize = 8192;

/// Header members that change what a signature means, or that the payload is one; none is supported (V8).
const REFUSED_MEMBERS: [&str; 5] = ["crit", "b64", "zip", "enc", "cty"];

/// The text of a bearer credential, not verified. `Debug` prints stars.
#[derive(Clone, Copy)]
pub struct Token<'a>(&'a [u8]);

/// Takes the one bearer token out of the values of the request's `Authorization` headers.
///
/// # Errors
///
/// [`Refusal::Missing`] without a header, [`Refusal::Ambiguous`] with several,
/// [`Refusal::Unsupported`] with a scheme other than `Bearer` (in any case). What follows the scheme's one
/// space is judged by [`super::Verifier::verify`].
pub fn credential<'a>(headers: &[&'a [u8]]) -> Result<Token<'a>, Refusal> {
    let header = match headers {
        [] => return Err(Refusal::Missing),
        [header] => *header,
        [_, _, ..] => return Err(Refusal::Ambiguous),
    };
    let mut words = header.splitn(2, |byte| *byte == b' ');
    let scheme = words.next().unwrap_or_default();
    if !scheme.eq_ignore_ascii_case(b"Bearer") {
        return Err(Refusal::Unsupported);
    }
    Ok(Token(words.next().unwrap_or_default()))
}

impl<'a> Token<'a> {
    /// A token that came without a header, as for a command line.
    pub fn new(token: &'a str) -> Token<'a> {
        Token(token.as_bytes())
    }

    /// The bytes, where they are no more than [`TOKEN_BYTES_MAX`] (V2).
    pub(super) fn bounded(self) -> Option<&'a [u8]> {
        (self.0.len() <= TOKEN_BYTES_MAX).then_some(self.0)
    }

    /// Splits and decodes the three parts (V1, V2, V3); UTF-8 is checked, JSON is not read yet.
    pub(super) fn parts(self) -> Result<Parts<'a>, Reason> {
        if self.0.len() > TOKEN_BYTES_MAX {
            return Err(Reason::TooLong);
        }
        let mut segments = self.0.split(|byte| *byte == b'.');
        let (Some(header), Some(payload), Some(signature), None) =
            (segments.next(), segments.next(), segments.next(), segments.next())
        else {
            return Err(Reason::Shape);
        };
        if ![header, payload, signature].into_iter().all(is_base64url) {
            return Err(Reason::Shape);
        }
        Ok(Parts {
            message: &self.0[..header.len() + 1 + payload.len()],
            header: String::from_utf8(decode(header)?).map_err(|_| Reason::Header)?,
            payload: String::from_utf8(decode(payload)?).map_err(|_| Reason::Payload)?,
            signature: decode(signature)?,
        })
    }
}

impl std::fmt::Debug for Token<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Token(***)")
    }
}

/// The decoded parts of a token, and the bytes that its signature covers.
pub(super) struct Parts<'a> {
    pub(super) message: &'a [u8],
    pub(super) header: String,
    pub(super) payload: String,
    pub(super) signature: Vec<u8>,
}

/// The header members that are read; `jwk`, `jku`, `x5u` and `x5c` never are (V7).
pub(super) struct Header<'a> {
    members: Object<'a>,
}

impl<'a> Header<'a> {
    /// Reads a header (V4) and refuses the extensions (V8).
    pub(super) fn read(text: &'a str) -> Result<Header<'a>, Reason> {
        let members = json::object(text).ok_or(Reason::Header)?;
        if members.members().any(|(name, _)| REFUSED_MEMBERS.contains(&name)) {
            return Err(Reason::Critical);
        }
        Ok(Header { members })
    }

    /// The algorithm's name, as written.
    pub(super) fn algorithm(&self) -> Result<&str, Reason> {
        self.text("alg").ok_or(Reason::Algorithm)
    }

    /// The key id. Only looked up: no configured key has one of more than 128 characters (V6).
    pub(super) fn kid(&self) -> Result<&str, Reason> {
        self.text("kid").ok_or(Reason::Key)
    }

    /// Whether the type, without the prefix `application/` and in any case, is `wanted`; empty: whether there is none.
    pub(super) fn has_typ(&self, wanted: &str) -> bool {
        match self.members.get("typ") {
            None => wanted.is_empty(),
            Some(typ) => {
                !wanted.is_empty()
                    && typ.text().is_some_and(|typ| media_subtype(typ).eq_ignore_ascii_case(wanted))
            }
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.members.get(name).and_then(Json::text)
    }
}

/// `typ` without a leading `application/` in any case (RFC 7515 4.1.9).
pub(super) fn media_subtype(typ: &str) -> &str {
    const PREFIX: &str = "application/";
    match typ.split_at_checked(PREFIX.len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) => rest,
        Some(_) | None => typ,
    }
}

fn is_base64url(segment: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !segment.is_empty() && segment.iter().all(allowed)
}

/// Decodes base64url; bits that are left over must be zero (V3).
fn decode(segment: &[u8]) -> Result<Vec<u8>, Reason> {
    URL_SAFE_NO_PAD.decode(segment).map_err(|_| Reason::Encoding)
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::Algorithm::HS256;
    use serde_json::json;

    use super::super::fixture::*;
    use super::*;

    fn signed(header: &str, claims: &str) -> String {
        sign(HS256, header, claims)
    }

    #[test]
    fn t01_one_bearer_header_in_any_case_is_the_credential() {
        let good = token(&header(), &claims());
        for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
            let value = format!("{scheme} {good}");
            let token = credential(&[value.as_bytes()]).expect("a credential");
            assert!(verify_token(verifier(), token).is_ok(), "{scheme}");
        }
    }

    #[test]
    fn t01_no_header_two_headers_and_another_scheme_are_told_apart() {
        let refusal = |headers: &[&[u8]]| credential(headers).expect_err("no credential");
        assert_eq!(refusal(&[]), Refusal::Missing);
        assert_eq!(refusal(&[b"Bearer a.b.c", b"Bearer a.b.c"]), Refusal::Ambiguous);
        assert_eq!(refusal(&[b"Basic dTpw", b"Bearer a.b.c"]), Refusal::Ambiguous);
        let others: [&[u8]; 7] =
            [b"", b"Basic dTpw", b"Bearera.b.c", b"Bearer\ta.b.c", b" Bearer a.b.c", b"JWT a.b.c", b"\xff"];
        for value in others {
            assert_eq!(refusal(&[value]), Refusal::Unsupported);
        }
    }

    #[test]
    fn t01_exactly_one_space_stands_before_the_token() {
        let good = token(&header(), &claims());
        for value in [format!("Bearer  {good}"), "Bearer ".to_owned(), "Bearer".to_owned()] {
            let token = credential(&[value.as_bytes()]).expect("bearer");
            let refusal = verify_token(verifier(), token).expect_err("no token");
            assert_eq!(refusal, Refusal::Invalid(Reason::Shape));
        }
    }

    #[test]
    fn t04_no_other_header_can_be_passed_as_a_credential() {
        assert_eq!(credential(&[]).expect_err("nothing"), Refusal::Missing);
    }

    #[test]
    fn a_token_debugs_as_stars() {
        assert_eq!(format!("{:?}", Token::new("a.b.c")), "Token(***)");
    }

    #[test]
    fn v01_anything_but_three_base64url_parts_is_refused() {
        let good = token(&header(), &claims());
        accepted(&good);
        let (head, signature) = good.rsplit_once('.').expect("parts");
        let spoilt = [
            String::new(),
            ".".to_owned(),
            "..".to_owned(),
            "a.b".to_owned(),
            head.to_owned(),
            format!("{head}."),
            format!("{head}..{signature}"),
            format!(".{good}"),
            format!("{good}."),
            format!("{good}.a"),
            format!("{good}.a.b"),
            format!("{good}="),
            format!("{good} "),
            format!(" {good}"),
            format!("{good}\n"),
            format!("{good}\0"),
            format!("{good}é"),
            format!("\"{good}\""),
            format!("{{{good}}}"),
            format!("{head}.+{signature}"),
            format!("{head}./{signature}"),
            good.replacen('.', "%2e", 1),
            json!({"payload": head, "signature": signature}).to_string(),
        ];
        for token in spoilt {
            refused(&token, Reason::Shape);
        }
    }

    #[test]
    fn v02_a_token_longer_than_8192_bytes_is_refused() {
        let padded = |chars: usize| claiming("pad", json!("x".repeat(chars)));
        let longest = (5000..6100).map(padded).take_while(|token| token.len() <= TOKEN_BYTES_MAX).last();
        accepted(&longest.expect("one fits"));
        refused(&padded(6100), Reason::TooLong);
        refused(&"a".repeat(128 * 1024), Reason::TooLong);
        refused(&"a".repeat(TOKEN_BYTES_MAX), Reason::Shape);
    }

    #[test]
    fn v02_nesting_bombs_are_refused() {
        let bomb = |open: &str, close: &str| format!("{}1{}", open.repeat(1000), close.repeat(1000));
        let claims_text = claims().to_string();
        let claims_text = claims_text.trim_end_matches('}');
        refused(&signed(&header().to_string(), &"[".repeat(2000)), Reason::Payload);
        for bomb in [bomb("[", "]"), "[".repeat(2000), "{\"\":".repeat(800)] {
            let text = format!("{claims_text},\"x\":{bomb}}}");
            refused(&signed(&header().to_string(), &text), Reason::Payload);
            refused(&signed(&format!("{{\"x\":{bomb}}}"), "{}"), Reason::Header);
        }
    }

    #[test]
    fn v03_stray_trailing_bits_and_impossible_lengths_are_refused() {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let good = token(&header(), &claims());
        accepted(&good);
        let last = *good.as_bytes().last().expect("a byte");
        let index = ALPHABET.iter().position(|byte| *byte == last).expect("base64url");
        // 32 bytes leave two bits over in the last character.
        let stray = format!("{}{}", &good[..good.len() - 1], char::from(ALPHABET[index | 1]));
        refused(&stray, Reason::Encoding);
        let (message, _) = good.rsplit_once('.').expect("parts");
        refused(&format!("{message}.abcde"), Reason::Encoding);
        refused(&format!("e31.{}", &good[good.find('.').expect("parts") + 1..]), Reason::Encoding);
    }

    #[test]
    fn v04_header_and_claims_are_one_json_object_each() {
        let (header, claims) = (header().to_string(), claims().to_string());
        accepted(&signed(&header, &claims));
        accepted(&signed(&format!(" {header}\n"), &format!("\t{claims}\r\n")));
        let spoil = |text: &str| {
            [
                format!("[{text}]"),
                format!("\u{feff}{text}"),
                format!("{text}{text}"),
                format!("{text}x"),
                format!("{text}\0"),
                text.replacen('{', "{,", 1),
                "null".to_owned(),
                "\"x\"".to_owned(),
                "1".to_owned(),
                "[\"HS256\",\"at+jwt\",\"hs\"]".to_owned(),
            ]
        };
        for header in spoil(&header) {
            refused(&signed(&header, &claims), Reason::Header);
        }
        for claims in spoil(&claims) {
            refused(&signed(&header, &claims), Reason::Payload);
        }
    }

    #[test]
    fn v04_bytes_that_are_not_utf_8_are_refused() {
        let good = token(&header(), &claims());
        let parts: Vec<&str> = good.split('.').collect();
        let bad = part(b"{\"a\":\"\xff\"}");
        refused(&format!("{bad}.{}.{}", parts[1], parts[2]), Reason::Header);
        refused(&format!("{}.{bad}.{}", parts[0], parts[2]), Reason::Payload);
    }

    #[test]
    fn v04_duplicate_member_names_are_refused_at_any_level() {
        let (header, claims) = (header().to_string(), claims().to_string());
        let adding = |text: &str, members: &str| text.replacen('{', &format!("{{{members},"), 1);
        accepted(&signed(
            &adding(&header, r#""x":{"a":1,"b":1}"#),
            &adding(&claims, r#""x":[{"a":1},{"a":1}]"#),
        ));
        let repeated =
            [r#""x":1,"x":1"#, r#""x":1,"\u0078":2"#, r#""x":{"a":1,"a":1}"#, r#""x":[{"a":1,"\u0061":1}]"#];
        for members in repeated {
            refused(&signed(&adding(&header, members), &claims), Reason::Header);
            refused(&signed(&header, &adding(&claims, members)), Reason::Payload);
        }
        for members in [r#""alg":"none""#, r#""\u0061lg":"HS256""#, r#""kid":"hs""#] {
            refused(&signed(&adding(&header, members), &claims), Reason::Header);
        }
        for members in [r#""sub":"root""#, r#""\u0073ub":"root""#, r#""iss":"https://issuer.test/""#] {
            refused(&signed(&header, &adding(&claims, members)), Reason::Payload);
        }
    }

    #[test]
    fn v04_a_nul_in_any_string_is_refused() {
        accepted(&claiming("nickname", json!("\u{1}")));
        refused(&claiming("nickname", json!("a\0b")), Reason::Payload);
        refused(&claiming("nick\0name", json!(1)), Reason::Payload);
        refused(&claiming("address", json!({"lines": ["\0"]})), Reason::Payload);
    }

    #[test]
    fn v08_extensions_of_the_header_are_refused() {
        accepted(&heading("nickname", json!("x")));
        let extensions = [
            ("crit", json!([])),
            ("crit", json!(["exp"])),
            ("crit", json!(null)),
            ("b64", json!(false)),
            ("b64", json!(true)),
            ("zip", json!("DEF")),
            ("enc", json!("A128GCM")),
            ("cty", json!("JWT")),
            ("cty", json!(null)),
        ];
        for (name, value) in extensions {
            refused(&heading(name, value), Reason::Critical);
        }
        refused(
            &signed(r#"{"\u0063rit":[],"alg":"HS256","typ":"at+jwt","kid":"hs"}"#, "{}"),
            Reason::Critical,
        );
    }
}
