//! Passwords, for development: when they are asked for at all, and how one becomes what the database compares.
//!
//! The password grant must not be used (RFC 9700 2.4): a client that sees passwords is one that can lose them. It is here so
//! that a developer has somebody to be without an identity provider, and refuses to be there for anybody else.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use tokio::sync::Semaphore;

use crate::config::Config;

/// Hashes that are computed at a time, in all workers: one takes 19 MiB and a core.
const AT_ONCE_MAX: usize = 2;
/// How new passwords are hashed (OWASP's choice for Argon2id: 19 MiB, two passes, one lane).
const PARAMETERS: &str = "$argon2id$v=19$m=19456,t=2,p=1";
/// What stands in for a name that is not known: as much work, for a hash that is nobody's.
const NOBODYS: &str = "$argon2id$v=19$m=19456,t=2,p=1$cm93aG91c2Ugbm9ib2R5cw";
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// Passwords that `rowhouse password` takes: characters at the least, bytes at the most.
pub const PASSWORD_CHARACTERS_MIN: usize = 8;
pub const PASSWORD_BYTES_MAX: usize = 1_024;

/// Why there is no password grant. Each is something that development on one machine has, and a service with users has not all of.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordGrantError {
    #[error("password_grant is for development only, and needs {0}")]
    NotDevelopment(&'static str),
}

/// Turns passwords into hashes, a few at a time.
#[derive(Clone)]
pub struct Passwords {
    turns: Arc<Semaphore>,
    wait: Duration,
}

/// Why a password could not be hashed.
#[derive(Debug, PartialEq, Eq)]
pub enum HashFault {
    /// Too many others wait.
    Busy,
    /// The parameters are none, or the library refuses them.
    Parameters,
}

impl Passwords {
    /// None where the configuration does not ask for the grant.
    ///
    /// # Errors
    /// [`PasswordGrantError`], unless all of it is on this machine. That the service listens on the loopback proves little, since it also
    /// does behind a proxy. But then its tokens are issued in the name of the URL that its clients reach it by, and that is not
    /// `http://localhost`.
    pub fn new(config: &Config) -> Result<Option<Self>, PasswordGrantError> {
        if !config.password_grant {
            return Ok(None);
        }
        let is_loopback = |address: &str| {
            address.parse::<SocketAddr>().is_ok_and(|address| address.ip().to_canonical().is_loopback())
        };
        let needed = [
            (!config.session_key_files.is_empty(), "session_key_files, to issue tokens at all"),
            (is_loopback(&config.bind), "bind to be an address of the loopback, such as 127.0.0.1:8000"),
            (
                is_loopback_url(&config.public_url),
                "public_url to be http on this machine, such as http://localhost:8000",
            ),
            (config.trusted_proxies.is_empty(), "trusted_proxies to be empty: nothing stands in front of it"),
            (config.database_url.is_local(), "database_url to be of this machine"),
        ];
        match needed.into_iter().find(|(is_so, _)| !is_so) {
            Some((_, what)) => Err(PasswordGrantError::NotDevelopment(what)),
            None => Ok(Some(Self {
                turns: Arc::new(Semaphore::new(AT_ONCE_MAX)),
                wait: Duration::from_millis(config.pool_wait_ms),
            })),
        }
    }

    /// Hashes `password` as `parameters` say, those of a name that is not known being None: no answer takes longer for want of
    /// a name. Not on the worker's own thread.
    ///
    /// # Errors
    /// [`HashFault`].
    pub async fn hash(&self, password: String, parameters: Option<String>) -> Result<String, HashFault> {
        let turn = tokio::time::timeout(self.wait, self.turns.clone().acquire_owned());
        let turn = turn.await.map_err(|_| HashFault::Busy)?.map_err(|_| HashFault::Busy)?;
        let hashing = tokio::task::spawn_blocking(move || {
            // The turn ends with the work, though the client may have hung up.
            let _turn = turn;
            hashed(&password, parameters.as_deref().unwrap_or(NOBODYS))
        });
        hashing.await.ok().flatten().ok_or(HashFault::Parameters)
    }
}

/// The hash of a new password, with a new salt. None where the system has no randomness.
pub fn hash_new(password: &str) -> Option<String> {
    let mut salt = [0; SALT_BYTES];
    rand::fill(&mut salt).ok()?;
    hashed(password, &format!("{PARAMETERS}${}", STANDARD_NO_PAD.encode(salt)))
}

/// `parameters`, in the string format of the Password Hashing Competition, with the hash behind them.
fn hashed(password: &str, parameters: &str) -> Option<String> {
    let mut parts = parameters.strip_prefix("$argon2id$v=19$")?.split('$');
    let (costs, salt) = (parts.next()?, STANDARD_NO_PAD.decode(parts.next()?).ok()?);
    let mut costs = costs.split(',');
    let mut cost = |name: &str| costs.next()?.strip_prefix(name)?.parse().ok();
    let parameter = Params::new(cost("m=")?, cost("t=")?, cost("p=")?, Some(HASH_BYTES)).ok()?;
    if parts.next().is_some() {
        return None;
    }
    let mut hash = [0; HASH_BYTES];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameter)
        .hash_password_into(password.as_bytes(), &salt, &mut hash)
        .ok()?;
    Some(format!("{parameters}${}", STANDARD_NO_PAD.encode(hash)))
}

/// Whether a URL is one that only this machine can mean.
fn is_loopback_url(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if let Ok(address) = authority.parse::<SocketAddr>() {
        return address.ip().to_canonical().is_loopback();
    }
    if let Ok(address) = authority.trim_matches(['[', ']']).parse::<IpAddr>() {
        return address.to_canonical().is_loopback();
    }
    let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
    host == "localhost" && port.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::DatabaseUrl;

    fn development() -> Config {
        Config {
            password_grant: true,
            session_key_files: vec!["key.pem".to_owned()],
            public_url: "http://localhost:8000".to_owned(),
            ..Config::default()
        }
    }

    #[test]
    fn a_hash_is_that_of_the_reference_implementation() {
        // One of the vectors of phc-winner-argon2, src/test.c.
        let parameters = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ";
        let hash = format!("{parameters}$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc");
        assert_eq!(hashed("password", parameters).as_ref(), Some(&hash));
        assert_ne!(hashed("Password", parameters), Some(hash));
    }

    #[test]
    fn two_hashes_of_one_password_differ_by_their_salt_and_each_is_found_again() {
        let (one, two) = (hash_new("waffles!").expect("a hash"), hash_new("waffles!").expect("a hash"));
        assert_ne!(one, two);
        for hash in [one, two] {
            let (parameters, _) = hash.rsplit_once('$').expect("parts");
            assert_eq!(hashed("waffles!", parameters).as_ref(), Some(&hash));
            assert_ne!(hashed("waffles?", parameters).as_ref(), Some(&hash));
        }
    }

    #[test]
    fn a_name_that_is_not_known_costs_what_a_new_password_costs() {
        assert!(NOBODYS.starts_with(PARAMETERS) && hashed("anything", NOBODYS).is_some());
        for parameters in ["", "$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHQ", "$argon2id$v=19$m=8,t=1,p=1"] {
            assert_eq!(hashed("anything", parameters), None, "{parameters}");
        }
    }

    #[test]
    fn the_grant_is_refused_wherever_it_is_not_plainly_development() {
        assert!(Passwords::new(&Config::default()).is_ok_and(|passwords| passwords.is_none()));
        assert!(Passwords::new(&development()).is_ok_and(|passwords| passwords.is_some()));
        let text = str::to_owned;
        for (config, named) in [
            (Config { session_key_files: Vec::new(), ..development() }, "session_key_files"),
            (Config { bind: text("0.0.0.0:8000"), ..development() }, "bind"),
            (Config { bind: text("10.0.0.7:8000"), ..development() }, "bind"),
            (Config { bind: text("[::]:8000"), ..development() }, "bind"),
            (Config { public_url: text("https://api.example.com"), ..development() }, "public_url"),
            (Config { public_url: text("https://localhost"), ..development() }, "public_url"),
            (Config { trusted_proxies: vec![text("127.0.0.1")], ..development() }, "trusted_proxies"),
            (
                Config {
                    database_url: DatabaseUrl::new("postgres://rowhouse_app@db.internal/app"),
                    ..development()
                },
                "database_url",
            ),
        ] {
            let refusal = Passwords::new(&config).err().expect("it is refused").to_string();
            assert!(refusal.contains(named) && refusal.contains("development only"), "{refusal}");
        }
    }

    #[test]
    fn only_a_url_of_this_machine_is_one() {
        for url in [
            "http://localhost",
            "http://localhost:8000",
            "http://127.0.0.1:8000/x",
            "http://[::1]:80",
            "http://127.1.2.3",
        ] {
            assert!(is_loopback_url(url), "{url}");
        }
        for url in [
            "",
            "localhost",
            "https://localhost",
            "http://localhost.example.com",
            "http://localhost:x@example.com",
            "http://127.0.0.1@example.com",
            "http://10.0.0.1:8000",
            "http://0.0.0.0",
            "http://[::]:80",
        ] {
            assert!(!is_loopback_url(url), "{url}");
        }
    }

    #[tokio::test]
    async fn a_password_that_finds_no_turn_in_time_is_told_so() {
        let config = Config { pool_wait_ms: 1, ..development() };
        let passwords = Passwords::new(&config).expect("development").expect("it is on");
        let turns = passwords.turns.clone().acquire_many_owned(AT_ONCE_MAX as u32).await.expect("turns");
        assert_eq!(passwords.hash("waffles!".to_owned(), None).await, Err(HashFault::Busy));
        drop(turns);
        assert!(passwords.hash("waffles!".to_owned(), None).await.is_ok());
    }
}
