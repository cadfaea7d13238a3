//! PEM files -> signing keys: P-256 for ES256, Ed25519 for EdDSA, each named by its thumbprint (RFC 7638).

use std::io::Read;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::identity::issuers::Algorithm;

/// The largest key file, in bytes.
const FILE_BYTES_MAX: u64 = 16 * 1024;

/// Why there are no signing keys. Never shows what is in a file.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("session_key_files: public_url is not set, which is the issuer of the service's own tokens")]
    NoIssuer,
    #[error("session_key_files: public_url is the issuer of one of the issuers, whose keys are others")]
    IssuerTaken,
    #[error("session_key_files: cannot read {path}: {source}")]
    File { path: String, source: std::io::Error },
    #[error(
        "session_key_files: {path} is no private key for signing (PEM `BEGIN PRIVATE KEY`, P-256 or Ed25519)"
    )]
    Key { path: String },
    #[error("session_key_files: {path} has a key that another file has, too")]
    Twice { path: String },
    #[error("a key could not be made")]
    Random,
}

enum Pair {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// A private key, and the name that tokens give it.
pub struct SigningKey {
    pair: Pair,
    kid: String,
}

/// Reads all files, or none.
pub(super) fn read(files: &[String]) -> Result<Vec<SigningKey>, KeyError> {
    let mut keys: Vec<SigningKey> = Vec::new();
    for path in files {
        let mut text = String::new();
        std::fs::File::open(path)
            .and_then(|file| file.take(FILE_BYTES_MAX).read_to_string(&mut text))
            .map_err(|source| KeyError::File { path: path.clone(), source })?;
        let key = SigningKey::from_pem(&text).ok_or_else(|| KeyError::Key { path: path.clone() })?;
        if keys.iter().any(|other| other.kid == key.kid) {
            return Err(KeyError::Twice { path: path.clone() });
        }
        keys.push(key);
    }
    Ok(keys)
}

/// A new P-256 key, as a PEM file has it.
///
/// # Errors
/// [`KeyError::Random`].
pub fn generate() -> Result<String, KeyError> {
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
        .map_err(|_| KeyError::Random)?;
    let base64 = STANDARD.encode(document.as_ref());
    let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
    for (position, character) in base64.chars().enumerate() {
        if position > 0 && position % 64 == 0 {
            pem.push('\n');
        }
        pem.push(character);
    }
    pem.push_str("\n-----END PRIVATE KEY-----\n");
    Ok(pem)
}

impl SigningKey {
    /// The one private key of a PEM text.
    fn from_pem(text: &str) -> Option<Self> {
        let body = text.trim().strip_prefix("-----BEGIN PRIVATE KEY-----")?;
        let body = body.strip_suffix("-----END PRIVATE KEY-----")?;
        let base64: String = body.split_ascii_whitespace().collect();
        let der = STANDARD.decode(base64).ok()?;
        let pair = match EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der) {
            Ok(pair) => Pair::P256(pair),
            Err(_) => Pair::Ed25519(Ed25519KeyPair::from_pkcs8(&der).ok()?),
        };
        let mut key = Self { pair, kid: String::new() };
        // Members in the order that RFC 7638 3.2 asks for, which is serde_json's own: by name.
        let thumbprint = digest(&SHA256, Value::from(key.members()).to_string().as_bytes());
        key.kid = URL_SAFE_NO_PAD.encode(thumbprint.as_ref());
        Some(key)
    }

    pub fn kid(&self) -> &str {
        &self.kid
    }

    pub fn algorithm(&self) -> Algorithm {
        match self.pair {
            Pair::P256(_) => Algorithm::ES256,
            Pair::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    /// The public half: an uncompressed point, or 32 bytes.
    pub fn public(&self) -> &[u8] {
        match &self.pair {
            Pair::P256(pair) => pair.public_key().as_ref(),
            Pair::Ed25519(pair) => pair.public_key().as_ref(),
        }
    }

    /// The signature of `message` as a token has it.
    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        match &self.pair {
            Pair::P256(pair) => Some(pair.sign(&SystemRandom::new(), message).ok()?.as_ref().to_vec()),
            Pair::Ed25519(pair) => Some(pair.sign(message).as_ref().to_vec()),
        }
    }

    /// The public key as a JWK.
    pub(super) fn jwk(&self) -> Value {
        let mut jwk = self.members();
        jwk.insert("alg".to_owned(), self.algorithm().name().into());
        jwk.insert("kid".to_owned(), self.kid.as_str().into());
        jwk.insert("use".to_owned(), "sig".into());
        jwk.into()
    }

    /// The members that make the key.
    fn members(&self) -> serde_json::Map<String, Value> {
        let public = self.public();
        let members = match &self.pair {
            Pair::P256(_) => json!({
                "crv": "P-256",
                "kty": "EC",
                "x": URL_SAFE_NO_PAD.encode(&public[1..33]),
                "y": URL_SAFE_NO_PAD.encode(&public[33..]),
            }),
            Pair::Ed25519(_) => {
                json!({ "crv": "Ed25519", "kty": "OKP", "x": URL_SAFE_NO_PAD.encode(public) })
            }
        };
        match members {
            Value::Object(members) => members,
            _ => serde_json::Map::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_was_generated_can_be_read_and_signs() {
        let key = SigningKey::from_pem(&generate().unwrap()).unwrap();
        assert_eq!(key.algorithm(), Algorithm::ES256);
        assert_eq!(key.sign(b"message").unwrap().len(), 64);
        assert_eq!(key.jwk()["kid"], key.kid());
        assert!(key.jwk().get("d").is_none());
    }

    #[test]
    fn the_thumbprint_is_that_of_rfc_8037() {
        // RFC 8037 A.1 to A.3: the private key in PKCS#8, and the thumbprint of its public key.
        let seed = URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        let der = [&b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20"[..], &seed].concat();
        let pem =
            format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der));
        let key = SigningKey::from_pem(&pem).unwrap();
        assert_eq!(key.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn what_is_no_private_key_is_refused() {
        for text in
            ["", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "-----BEGIN PRIVATE KEY-----"]
        {
            assert!(SigningKey::from_pem(text).is_none(), "{text}");
        }
    }
}
