//! Tokens that are wrong in one thing each. All that can be signed is signed with the right key, so that nothing but the
//! fault refuses it.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};

use crate::support::{DUNDER, PAWNEE, SECRET};

/// Claims, or parts of a header, that are replaced, each by the text of a JSON value; the empty text leaves it out.
type Changes<'a> = &'a [(&'a str, &'a str)];

fn object(members: &[(&str, String)], changes: Changes<'_>) -> String {
    let kept = members.iter().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    let mut text = String::from("{");
    let added = changes.iter().filter(|(_, value)| !value.is_empty());
    let all =
        kept.map(|(name, value)| (*name, value.as_str())).chain(added.map(|(name, value)| (*name, *value)));
    for (index, (name, value)) in all.enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let _ = write!(text, "{comma}\"{name}\":{value}");
    }
    text.push('}');
    text
}

pub fn header(changes: Changes<'_>) -> String {
    let quoted = |text: &str| format!("\"{text}\"");
    object(&[("alg", quoted("HS256")), ("typ", quoted("at+jwt")), ("kid", quoted("test"))], changes)
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

pub fn payload(changes: Changes<'_>) -> String {
    let quoted = |text: &str| format!("\"{text}\"");
    let now_s = now_s();
    let members = [
        ("iss", quoted("https://issuer.test")),
        ("aud", quoted("rowhouse")),
        ("sub", quoted("leslie.knope")),
        ("jti", quoted("jti-1")),
        ("iat", now_s.to_string()),
        ("exp", (now_s + 900).to_string()),
        ("client_id", quoted("web")),
        ("tenant_id", quoted(&PAWNEE.to_string())),
        ("role", quoted("owner")),
    ];
    object(&members, changes)
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn sign_with(secret: &[u8], message: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    format!("{message}.{}", encode(hmac::sign(&key, message.as_bytes())))
}

pub fn signed(header: &str, payload: &str) -> String {
    signed_bytes(header.as_bytes(), payload.as_bytes())
}

fn signed_bytes(header: &[u8], payload: &[u8]) -> String {
    sign_with(SECRET.as_bytes(), &format!("{}.{}", encode(header), encode(payload)))
}

/// Values that a claim of a text, or of a number, cannot have.
const NO_TEXT: &[&str] = &["", "null", "7", "true", "[]", "{}", "[\"x\"]", "{\"x\":1}", "\"\""];
const NO_TIME: &[&str] = &[
    "",
    "null",
    "\"9999999999\"",
    "true",
    "[]",
    "{}",
    "-1",
    "1e400",
    "-1e400",
    "9007199254740993",
    "1e19",
    "18446744073709551616",
    "[9999999999]",
];

/// What is replaced in the payload, and by what.
fn claims() -> Vec<(&'static str, Vec<String>)> {
    let now_s = now_s();
    let texts = |more: &[&str]| NO_TEXT.iter().chain(more).map(|&text| text.to_owned()).collect::<Vec<_>>();
    let times = |more: &[u64]| {
        let texts = NO_TIME.iter().map(|&text| text.to_owned());
        texts.chain(more.iter().map(u64::to_string)).collect::<Vec<_>>()
    };
    let some = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    let long = format!("\"{}\"", "x".repeat(256));
    let upper = format!("\"{}\"", PAWNEE.to_string().to_uppercase());
    let braces = format!("\"{{{PAWNEE}}}\"");
    let urn = format!("\"urn:uuid:{PAWNEE}\"");
    let array = format!("[\"{PAWNEE}\"]");
    let padded = format!("\" {PAWNEE}\"");
    let other = format!("{{\"{DUNDER}\":{{\"role\":\"owner\"}}}}");
    let org = |entry: &str| format!("{{\"{PAWNEE}\":{entry}}}");
    let not_uuid = "{\"acme\":{\"role\":\"owner\"}}".to_owned();
    vec![
        (
            "iss",
            texts(&[
                "[\"https://issuer.test\"]",
                "\"https://issuer.test/\"",
                "\"HTTPS://issuer.test\"",
                "\"https://issuer.test\\u0000\"",
                "\" https://issuer.test\"",
                "\"https://issuer.test@evil.test\"",
                "\"https://issuer.tes\"",
                "\"' or true --\"",
            ]),
        ),
        (
            "aud",
            some(&[
                "",
                "null",
                "7",
                "true",
                "[]",
                "{}",
                "\"\"",
                "\"rowhouse2\"",
                "\"row\"",
                "\"Rowhouse\"",
                "[\"other\"]",
                "[[\"rowhouse\"]]",
                "{\"rowhouse\":true}",
                "[\"rowhouse\",7]",
                "[null]",
                "\"rowhouse other\"",
            ]),
        ),
        (
            "sub",
            [texts(&["\"a\\u0000b\"", "\"a\\nb\"", "\"\\ud800\"", "\"\\u007f\""]), vec![long.clone()]]
                .concat(),
        ),
        ("jti", [texts(&["\"a\\u0000b\"", "\"a\\tb\""]), vec![long]].concat()),
        ("exp", times(&[0, 1, now_s - 3_600, now_s + 90_000])),
        ("iat", times(&[now_s + 3_600, 0])),
        (
            "nbf",
            NO_TIME[2..].iter().map(|&text| text.to_owned()).chain([(now_s + 3_600).to_string()]).collect(),
        ),
        ("role", some(&["7", "[]", "{}", "[\"owner\"]", "true", "{\"role\":\"owner\"}"])),
        (
            "permissions",
            some(&["7", "{}", "\"links:delete\"", "[7]", "[[]]", "[null]", "{\"0\":\"x\"}", "true"]),
        ),
        ("scope", some(&["7", "[]", "[\"a\"]", "{}", "true"])),
        (
            "tenant_id",
            [
                some(&[
                    "7",
                    "[]",
                    "{}",
                    "true",
                    "\"\"",
                    "\"acme\"",
                    "\"00000000-0000-0000-0000-000000000000\"",
                    "\"*\"",
                ]),
                vec![upper, braces, urn, array, padded],
            ]
            .concat(),
        ),
        (
            "orgs",
            [
                some(&["7", "[]", "true", "\"x\"", "[{}]"]),
                vec![
                    other,
                    not_uuid,
                    org("7"),
                    org("[]"),
                    org("null"),
                    org("\"owner\""),
                    org("{\"role\":7}"),
                    org("{\"role\":[\"owner\"]}"),
                    org("{\"permissions\":\"x\"}"),
                    org("{\"permissions\":[7]}"),
                    org("{\"role\":\"member\",\"role\":\"owner\"}"),
                ],
            ]
            .concat(),
        ),
        ("act", some(&["{\"sub\":\"support\"}"])),
    ]
}

/// What is replaced in the header, and by what; `trap` is a URL that nobody may visit.
fn headers(trap: &str) -> Vec<(&'static str, Vec<String>)> {
    let some = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    let url = format!("\"{trap}\"");
    let long = format!("\"{}\"", "k".repeat(129));
    vec![
        (
            "alg",
            some(&[
                "",
                "null",
                "7",
                "[]",
                "{}",
                "\"\"",
                "\"none\"",
                "\"None\"",
                "\"NONE\"",
                "\"nOnE\"",
                "\"hs256\"",
                "\"HS256 \"",
                "\"HS384\"",
                "\"HS512\"",
                "\"RS256\"",
                "\"RS512\"",
                "\"PS256\"",
                "\"ES256\"",
                "\"ES384\"",
                "\"EdDSA\"",
                "\"Ed25519\"",
                "[\"HS256\"]",
                "\"HS256\\u0000\"",
                "\"dir\"",
                "\"A256GCM\"",
            ]),
        ),
        (
            "kid",
            [
                some(&[
                    "",
                    "null",
                    "7",
                    "[]",
                    "{}",
                    "\"\"",
                    "\"other\"",
                    "\"TEST\"",
                    "\"rsa\"",
                    "\"ec\"",
                    "\"test\\u0000\"",
                    "\"../../../../dev/null\"",
                    "\"/dev/null\"",
                    "\"file:///etc/passwd\"",
                    "\"' or '1'='1\"",
                    "\"test' union select 'x\"",
                    "\"test; sleep 5\"",
                    "\"$(id)\"",
                    "\"%00\"",
                    "\"{{7*7}}\"",
                    "\"../test\"",
                    "[\"test\"]",
                    "\"test \"",
                ]),
                vec![long, url.clone()],
            ]
            .concat(),
        ),
        (
            "typ",
            some(&[
                "",
                "null",
                "7",
                "[]",
                "\"\"",
                "\"JWT\"",
                "\"jwt\"",
                "\"id+jwt\"",
                "\"logout+jwt\"",
                "\"at+jwt2\"",
                "\"text/at+jwt\"",
                "\"application/application/at+jwt\"",
                "\"at+jwt \"",
            ]),
        ),
        ("crit", some(&["[]", "[\"exp\"]", "[\"b64\"]", "\"x\"", "null", "{}"])),
        ("b64", some(&["false", "true", "null"])),
        ("zip", some(&["\"DEF\"", "null"])),
        ("enc", some(&["\"A256GCM\"", "null"])),
        ("cty", some(&["\"JWT\"", "null"])),
    ]
}

/// Header names that say where a key is. They are not followed: with a signature of another key the token is refused.
const KEY_HINTS: &[&str] = &["jku", "x5u", "jwks_uri"];

/// Every hostile token, with a name that says what is wrong with it.
pub fn corpus(trap: &str) -> Vec<(String, String)> {
    let mut corpus = Vec::new();
    let mut add = |name: String, token: String| corpus.push((name, token));
    for (claim, values) in claims() {
        for value in values {
            // A tenant is what another check is about: it is simply not proven where the claim is left out.
            if !(claim == "tenant_id" && value.is_empty()) {
                add(format!("{claim} = {value:.60}"), signed(&header(&[]), &payload(&[(claim, &value)])));
            }
        }
    }
    for (name, values) in headers(trap) {
        for value in values {
            add(format!("header {name} = {value:.60}"), signed(&header(&[(name, &value)]), &payload(&[])));
        }
    }
    for hint in KEY_HINTS {
        let url = format!("\"{trap}\"");
        let message = format!("{}.{}", encode(header(&[(hint, &url)])), encode(payload(&[])));
        add(format!("{hint} of a key that is not ours"), sign_with(&[7; 32], &message));
        let iss = format!("\"{}\"", trap.trim_end_matches("/keys"));
        add(
            format!("{hint} and iss of a stranger"),
            signed(&header(&[(hint, &url)]), &payload(&[("iss", &iss)])),
        );
    }
    let jwk = format!("{{\"kty\":\"oct\",\"kid\":\"test\",\"k\":\"{}\"}}", encode([7; 32]));
    let message = format!("{}.{}", encode(header(&[("jwk", &jwk)])), encode(payload(&[])));
    add("a key in the token".to_owned(), sign_with(&[7; 32], &message));

    // Keys of one kind taken for keys of another.
    for (kid, file) in [("rsa", "rsa2048.pub.pem"), ("ec", "p256.pub.pem")] {
        let pem = std::fs::read(super::key(file)).unwrap();
        let trimmed = pem.strip_suffix(b"\n").unwrap_or(&pem).to_vec();
        for (secret, how) in [(pem, "whole"), (trimmed, "trimmed")] {
            let kid_value = format!("\"{kid}\"");
            for alg in ["\"HS256\"", "\"RS256\"", "\"ES256\""] {
                let header = header(&[("kid", &kid_value), ("alg", alg)]);
                let message = format!("{}.{}", encode(header), encode(payload(&[])));
                add(
                    format!("{kid}'s public key, {how}, as a secret with {alg}"),
                    sign_with(&secret, &message),
                );
            }
        }
    }
    let ec =
        format!("{}.{}", encode(header(&[("kid", "\"ec\""), ("alg", "\"ES256\"")])), encode(payload(&[])));
    for (name, signature) in [
        ("r = s = 0", vec![0; 64]),
        ("r = s = 1", [[0; 31].as_slice(), &[1], &[0; 31], &[1]].concat()),
        ("all ones", vec![0xff; 64]),
        ("of no bytes", Vec::new()),
        ("too short", vec![1; 63]),
        ("too long", vec![1; 65]),
        ("DER", vec![0x30, 6, 2, 1, 1, 2, 1, 1]),
    ] {
        add(format!("ES256 signature {name}"), format!("{ec}.{}", encode(signature)));
    }

    // The form: bytes, encodings, parts.
    let good = signed(&header(&[]), &payload(&[]));
    let parts: Vec<&str> = good.split('.').collect();
    let (head, claims, signature) = (parts[0], parts[1], parts[2]);
    for (name, token) in [
        ("one part", head.to_owned()),
        ("two parts", format!("{head}.{claims}")),
        ("no signature", format!("{head}.{claims}.")),
        ("four parts", format!("{good}.{signature}")),
        ("five parts", format!("{good}.{signature}.{signature}")),
        ("no header", format!(".{claims}.{signature}")),
        ("no payload", format!("{head}..{signature}")),
        ("dots alone", "..".to_owned()),
        ("four dots", "....".to_owned()),
        ("a leading dot", format!(".{good}")),
        ("a space within", format!("{head}.{claims} .{signature}")),
        ("a tab within", format!("{head}.{claims}\t.{signature}")),
        ("quotes around it", format!("\"{good}\"")),
        ("braces around it", format!("{{{good}}}")),
        ("a comma and another", format!("{good},{good}")),
        ("a semicolon behind it", format!("{good};")),
        ("percent-encoded dots", good.replace('.', "%2E")),
        ("a character of another alphabet", format!("{good}é")),
        ("a cut signature", good[..good.len() - 1].to_owned()),
        ("a longer signature", format!("{good}A")),
        ("padding", format!("{head}.{claims}.{signature}=")),
        ("JSON as it is", format!("{}.{}.{signature}", header(&[]), payload(&[]).replace(' ', ""))),
        (
            "JSON serialization",
            format!("{{\"payload\":\"{claims}\",\"protected\":\"{head}\",\"signature\":\"{signature}\"}}"),
        ),
        ("upper case", good.to_uppercase()),
        ("reversed", good.chars().rev().collect()),
        ("8193 bytes", "a".repeat(8_193)),
        ("60 kB of dots", ".".repeat(60_000)),
        ("60 kB", format!("{head}.{}.{signature}", "A".repeat(60_000))),
    ] {
        add(format!("form: {name}"), token);
    }
    let standard = |bytes: &str| STANDARD.encode(bytes);
    let padded = |bytes: &str| URL_SAFE.encode(bytes);
    // `??>` has characters that differ between the alphabets.
    let odd = payload(&[("note", "\"??>??>~~\"")]);
    for (name, message) in [
        (
            "the alphabet of plain base64",
            format!("{}.{}", encode(header(&[])), standard(&odd).replace('=', "")),
        ),
        ("plain base64 with padding", format!("{}.{}", standard(&header(&[])), standard(&odd))),
        (
            "base64url with padding",
            format!("{}.{}", padded(&header(&[("x", "1")])), padded(&payload(&[("x", "12")]))),
        ),
    ] {
        if message.contains(['+', '/', '=']) {
            add(format!("encoding: {name}"), sign_with(SECRET.as_bytes(), &message));
        }
    }
    // The last character of a part of 32 bytes has two bits that mean nothing; set, it is another text for the same bytes.
    let last = signature.chars().last().unwrap();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let at = alphabet.find(last).unwrap();
    for stray in 1..4 {
        let other = &alphabet[at + stray..=at + stray];
        add(format!("encoding: stray bits {stray}"), format!("{}{other}", &good[..good.len() - 1]));
    }

    // JSON that is read in two ways, or not at all.
    let plain = payload(&[]);
    let inner = &plain[1..plain.len() - 1];
    let deep = format!("{}{}", "[".repeat(2_000), "]".repeat(2_000));
    let deep_objects = format!("{}1{}", "{\"a\":".repeat(900), "}".repeat(900));
    for (name, text) in [
        ("an array", format!("[{plain}]")),
        ("the claims by position", "[\"https://issuer.test\",\"rowhouse\",\"leslie.knope\"]".to_owned()),
        ("a text", "\"x\"".to_owned()),
        ("null", "null".to_owned()),
        ("a number", "7".to_owned()),
        ("nothing", String::new()),
        ("blanks", "  ".to_owned()),
        ("text behind it", format!("{plain}x")),
        ("a second object", format!("{plain}{plain}")),
        ("a byte order mark", format!("\u{feff}{plain}")),
        ("a comment", format!("{{/* */{inner}}}")),
        ("a trailing comma", format!("{{{inner},}}")),
        ("single quotes", plain.replace('"', "'")),
        ("no end", format!("{{{inner}")),
        ("NaN", format!("{{{inner},\"x\":NaN}}")),
        ("iss twice", format!("{{{inner},\"iss\":\"https://issuer.test\"}}")),
        ("sub twice", format!("{{{inner},\"sub\":\"ron.swanson\"}}")),
        ("sub twice, once escaped", format!("{{{inner},\"su\\u0062\":\"ron.swanson\"}}")),
        ("tenant_id twice", format!("{{\"tenant_id\":\"{DUNDER}\",{inner}}}")),
        ("role twice, escaped", format!("{{{inner},\"r\\u006fle\":\"owner\"}}")),
        ("exp twice", format!("{{{inner},\"exp\":9999999999}}")),
        ("2000 levels of arrays", format!("{{{inner},\"x\":{deep}}}")),
        ("900 levels of objects", format!("{{{inner},\"x\":{deep_objects}}}")),
        ("a lone surrogate", format!("{{{inner},\"x\":\"\\ud800\"}}")),
        ("a raw newline in a text", format!("{{{inner},\"x\":\"a\nb\"}}")),
    ] {
        add(format!("payload: {name}"), signed(&header(&[]), &text));
    }
    let plain = header(&[]);
    let inner = &plain[1..plain.len() - 1];
    for (name, text) in [
        ("an array", format!("[{plain}]")),
        ("by position", "[\"HS256\",\"at+jwt\",\"test\"]".to_owned()),
        ("null", "null".to_owned()),
        ("nothing", String::new()),
        ("text behind it", format!("{plain} x")),
        ("a byte order mark", format!("\u{feff}{plain}")),
        ("alg twice", format!("{{{inner},\"alg\":\"none\"}}")),
        ("alg twice, none first", format!("{{\"alg\":\"none\",{inner}}}")),
        ("alg twice, escaped", format!("{{{inner},\"\\u0061lg\":\"none\"}}")),
        ("kid twice", format!("{{{inner},\"kid\":\"other\"}}")),
        ("kid twice, the same", format!("{{{inner},\"kid\":\"test\"}}")),
        ("2000 levels", format!("{{{inner},\"x\":{deep}}}")),
    ] {
        add(format!("header: {name}"), signed(&text, &payload(&[])));
    }
    for (name, bytes) in
        [("no UTF-8", b"\xff\xfe".as_slice()), ("overlong", b"\xc0\xaf"), ("surrogate", b"\xed\xa0\x80")]
    {
        let text = payload(&[("x", "\"@\"")]);
        let at = text.rfind('@').unwrap();
        let payload = [&text.as_bytes()[..at], bytes, &text.as_bytes()[at + 1..]].concat();
        add(format!("payload: {name}"), signed_bytes(header(&[]).as_bytes(), &payload));
    }
    corpus
}
