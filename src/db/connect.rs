//! How connections are made: the URL, what every session is set to, and TLS.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};
use tokio_postgres::config::Host;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::tls;
use crate::config::Config;

/// A `postgres://` URL; printed with its password hidden.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The URL with `***` in the place of its password.
    pub fn redacted(&self) -> String {
        let Some((scheme, rest)) = self.0.split_once("://") else {
            return if self.is_empty() { String::new() } else { "***".to_owned() };
        };
        let authority_end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(authority_end);
        let authority = match authority.rsplit_once('@') {
            Some((user, host)) => match user.split_once(':') {
                Some((user, _)) => format!("{user}:***@{host}"),
                None => format!("{user}@{host}"),
            },
            None => authority.to_owned(),
        };
        let tail = match tail.split_once('?') {
            Some((path, query)) => {
                let query: Vec<_> = query
                    .split('&')
                    .map(|pair| if pair.starts_with("password=") { "password=***" } else { pair })
                    .collect();
                format!("{path}?{}", query.join("&"))
            }
            None => tail.to_owned(),
        };
        format!("{scheme}://{authority}{tail}")
    }

    /// Splits off what libpq knows and tokio-postgres does not: `sslmode` beyond `require`, `sslrootcert`, `sslcert`,
    /// `sslkey`.
    fn parse(&self) -> Result<(tokio_postgres::Config, tls::Options), UrlError> {
        if !self.0.starts_with("postgres://") && !self.0.starts_with("postgresql://") {
            return Err(UrlError::Form);
        }
        let (base, query) = self.0.split_once('?').unwrap_or((&self.0, ""));
        let mut options = tls::Options::default();
        let mut kept = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').ok_or(UrlError::Form)?;
            let value =
                percent_encoding::percent_decode_str(value).decode_utf8().map_err(|_| UrlError::Form)?;
            if !options.set(key, &value)? {
                kept.push(pair);
            }
        }
        let plain = if kept.is_empty() { base.to_owned() } else { format!("{base}?{}", kept.join("&")) };
        let mut config: tokio_postgres::Config = plain.parse().map_err(UrlError::Postgres)?;
        config.ssl_mode(options.mode.negotiation());
        Ok((config, options))
    }

    /// The password that the URL carries.
    pub fn password(&self) -> Option<String> {
        let (config, _) = self.parse().ok()?;
        config.get_password().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// Whether every host that the URL names is this machine.
    pub fn is_local(&self) -> bool {
        let Ok((config, _)) = self.parse() else { return false };
        let is_local = |host: &Host| match host {
            Host::Tcp(name) => {
                name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
            }
            #[cfg(unix)]
            Host::Unix(_) => true,
        };
        config.get_hosts().iter().all(is_local)
            && config.get_hostaddrs().iter().all(IpAddr::is_loopback)
            && !(config.get_hosts().is_empty() && config.get_hostaddrs().is_empty())
    }

    /// The role that the URL names.
    pub fn user(&self) -> Option<String> {
        let (config, _) = self.parse().ok()?;
        config.get_user().map(str::to_owned)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.redacted())
    }
}

impl Serialize for DatabaseUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.redacted())
    }
}

/// What is wrong with a database URL. Never shows the URL, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum UrlError {
    #[error("it is not of the form postgres://user:password@host:port/database?key=value")]
    Form,
    #[error("{0}")]
    Postgres(#[source] tokio_postgres::Error),
    #[error("sslmode is none of disable, allow, prefer, require, verify-ca, verify-full")]
    SslMode,
    #[error("{what} {path} cannot be used: {why}")]
    Certificate { what: &'static str, path: String, why: String },
    #[error("{0}")]
    Combination(&'static str),
}

/// A database that connections can be made to.
#[derive(Clone)]
pub struct Database {
    pub(super) postgres: tokio_postgres::Config,
    pub(super) tls: MakeRustlsConnect,
}

impl Database {
    /// Reads `database_url` and what every session of the request role is set to.
    ///
    /// Sent in the startup packet, so that no round trip sets them and `RESET` comes back to them: the time zone, which
    /// the encoder relies on; the statement timeout; the search path, for operators of extensions and for functions that
    /// name things unqualified.
    ///
    /// # Errors
    /// [`UrlError`], at start.
    pub fn for_requests(config: &Config) -> Result<Self, UrlError> {
        let mut database = Self::new(&config.database_url, config)?;
        let path: Vec<String> = config
            .schemas
            .iter()
            .map(String::as_str)
            .chain(["public"])
            .map(|schema| format!("\"{}\"", schema.replace('"', "\"\"")))
            .collect();
        let mut options = database.postgres.get_options().unwrap_or_default().to_owned();
        for (name, value) in [
            ("TimeZone", "UTC".to_owned()),
            ("DateStyle", "ISO".to_owned()),
            ("standard_conforming_strings", "on".to_owned()),
            ("statement_timeout", config.statement_timeout_ms.to_string()),
            ("idle_in_transaction_session_timeout", config.deadline().as_millis().to_string()),
            ("search_path", path.join(",")),
        ] {
            options.push_str(&format!(" -c {name}={}", startup_option(&value)));
        }
        database.postgres.options(options.trim_start());
        Ok(database)
    }

    /// Reads `migrate_url`: a role that may create roles and schemas.
    ///
    /// # Errors
    /// [`UrlError`].
    pub fn for_migrations(config: &Config) -> Result<Self, UrlError> {
        Self::new(&config.migrate_url, config)
    }

    fn new(url: &DatabaseUrl, config: &Config) -> Result<Self, UrlError> {
        let (mut postgres, options) = url.parse()?;
        postgres
            .application_name("rowhouse")
            .connect_timeout(Duration::from_millis(config.connect_timeout_ms))
            .keepalives_idle(Duration::from_secs(30))
            .tcp_user_timeout(Duration::from_secs(30));
        Ok(Self { postgres, tls: tls::connector(&options)? })
    }

    /// Makes one connection, outside any pool.
    ///
    /// # Errors
    /// Whatever keeps tokio-postgres from connecting.
    pub async fn connect(
        &self,
    ) -> Result<
        (Client, tokio_postgres::Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>),
        tokio_postgres::Error,
    > {
        self.postgres.connect(self.tls.clone()).await
    }

    /// Makes one connection and drives it in a task of its own, which ends with the client.
    ///
    /// # Errors
    /// As [`Database::connect`].
    pub async fn client(&self) -> Result<Client, tokio_postgres::Error> {
        let (client, connection) = self.connect().await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = %error, "a connection ended");
            }
        });
        Ok(client)
    }
}

/// Escapes a value for the `options` of the startup packet (Postgres manual, 20.1.4: spaces and backslashes).
fn startup_option(value: &str) -> String {
    value.replace('\\', "\\\\").replace(' ', "\\ ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_printed_without_its_password() {
        let printed = |url: &str| DatabaseUrl::new(url).redacted();
        assert_eq!(
            printed("postgres://u:p@ss@h:5/d?sslmode=require"),
            "postgres://u:***@h:5/d?sslmode=require"
        );
        assert_eq!(printed("postgres://u@h/d?password=x&a=b"), "postgres://u@h/d?password=***&a=b");
        assert_eq!(printed("host=h password=x"), "***");
        assert!(!format!("{:?}", DatabaseUrl::new("postgres://u:secret@h/d")).contains("secret"));
    }

    #[test]
    fn libpq_s_ssl_keys_are_understood_and_others_are_refused() {
        let parse = |url: &str| DatabaseUrl::new(url).parse();
        assert!(parse("postgres://u@h/d?sslmode=disable&connect_timeout=3").is_ok());
        assert!(parse("postgres://u@h/d?sslmode=verify-full&sslrootcert=system").is_ok());
        assert!(matches!(parse("postgres://u@h/d?sslmode=sometimes"), Err(UrlError::SslMode)));
        assert!(matches!(parse("postgres://u@h/d?colour=red"), Err(UrlError::Postgres(_))));
        assert!(matches!(parse("host=h"), Err(UrlError::Form)));
    }
}
