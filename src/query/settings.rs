//! The settings that every policy reads: made in this one place, from parsed values, local to the transaction.

use serde_json::value::RawValue;
use uuid::Uuid;

use super::Param;
use crate::catalog::{Identifier, Server};
use crate::config::{Config, TenantSetting};
use crate::identity::{DatabaseRole, Membership, TenantContext};
use crate::request::TimeZone;

/// How the settings are sent, once `auto` is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingMode {
    /// `SET LOCAL name = 'value'`, in the message that begins the transaction.
    SetLocal,
    /// `select set_config($1, $2, true)`, prepared, in the same flush.
    SetConfig,
}

impl SettingMode {
    /// Decides `auto`: `SET LOCAL` is faster, and the only form that Citus hands on to its workers, but before
    /// PostgreSQL 18 `pg_stat_statements` keeps an entry for each tenant's text and pushes the real queries out.
    pub fn choose(config: &Config, server: Server) -> Self {
        match config.tenant_setting {
            TenantSetting::SetLocal => SettingMode::SetLocal,
            TenantSetting::SetConfig => SettingMode::SetConfig,
            TenantSetting::Auto if server.version < 180_000 && !server.citus && server.utility_tracked => {
                SettingMode::SetConfig
            }
            TenantSetting::Auto => SettingMode::SetLocal,
        }
    }
}

/// What opens a tenant transaction.
#[derive(Debug, Clone)]
pub struct Prologue {
    /// A simple-query message: `begin`, perhaps with `set local`.
    pub begin: String,
    /// What [`Prologue::statement_text`] binds; empty where `begin` sets it all.
    pub params: Vec<Param>,
}

/// What policies may ask of the request itself, beside who makes it: the settings of `transaction_settings`, empty where the
/// configuration does not name one.
#[derive(Debug, Default)]
pub struct AboutRequest {
    client_ip: String,
    attributes: String,
    request_id: String,
}

impl AboutRequest {
    /// The settings that the configuration may name.
    pub const NAMES: [&'static str; 3] = ["app.client_ip", "app.attributes", "app.request_id"];

    /// What `config` asks for; None where it asks for nothing.
    pub fn new(config: &Config, tenant: &TenantContext, request_id: Uuid) -> Option<Self> {
        let names = &config.transaction_settings;
        let if_named = |name: &str, value: &dyn Fn() -> String| {
            if names.iter().any(|named| named == name) { value() } else { String::new() }
        };
        (!names.is_empty()).then(|| AboutRequest {
            // An IPv4 address as such, also where it came by a socket of IPv6: policies name its network.
            client_ip: if_named("app.client_ip", &|| {
                tenant.client().map(|address| address.to_canonical().to_string()).unwrap_or_default()
            }),
            attributes: if_named("app.attributes", &|| match config.membership {
                Membership::Token => attributes(tenant.claims_json()),
                // What a tenant's administrators say of the user, and not what the issuer says.
                Membership::Database | Membership::Both => tenant.attributes_json().to_owned(),
            }),
            request_id: if_named("app.request_id", &|| request_id.to_string()),
        })
    }
}

/// The claim `attributes`, where it is an object: what the issuer says of the user.
fn attributes(claims: &str) -> String {
    #[derive(serde::Deserialize)]
    struct Claims<'a> {
        #[serde(borrow, default)]
        attributes: Option<&'a RawValue>,
    }
    // Of a claim that stands there twice none is taken.
    let claims: Option<Claims<'_>> = serde_json::from_str(claims).ok();
    let attributes = claims.and_then(|claims| claims.attributes).map(RawValue::get).unwrap_or_default();
    if attributes.starts_with('{') { attributes.to_owned() } else { String::new() }
}

/// How the transaction begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    ReadWrite,
    ReadOnly,
    /// Two statements must see the same rows: one that counts, one that reads.
    ReadOnlySnapshot,
}

impl Prologue {
    /// The `set_config` form; always the same five, so that one prepared statement serves all who run as the request role.
    const STATEMENT: &'static str = "select pg_catalog.set_config('app.current_tenant_id', $1::pg_catalog.text, true), \
        pg_catalog.set_config('app.current_user_id', $2::pg_catalog.text, true), \
        pg_catalog.set_config('app.current_role', $3::pg_catalog.text, true), \
        pg_catalog.set_config('app.permissions', $4::pg_catalog.text, true), \
        pg_catalog.set_config('request.jwt.claims', $5::pg_catalog.text, true)";

    /// The same for another database role, which comes last: the settings are made by the request role.
    const STATEMENT_AS: &'static str = "select pg_catalog.set_config('app.current_tenant_id', $1::pg_catalog.text, true), \
        pg_catalog.set_config('app.current_user_id', $2::pg_catalog.text, true), \
        pg_catalog.set_config('app.current_role', $3::pg_catalog.text, true), \
        pg_catalog.set_config('app.permissions', $4::pg_catalog.text, true), \
        pg_catalog.set_config('request.jwt.claims', $5::pg_catalog.text, true), \
        pg_catalog.set_config('role', $6::pg_catalog.text, true)";

    /// Both again, with what `transaction_settings` adds.
    const STATEMENT_MORE: &'static str = "select pg_catalog.set_config('app.current_tenant_id', $1::pg_catalog.text, true), \
        pg_catalog.set_config('app.current_user_id', $2::pg_catalog.text, true), \
        pg_catalog.set_config('app.current_role', $3::pg_catalog.text, true), \
        pg_catalog.set_config('app.permissions', $4::pg_catalog.text, true), \
        pg_catalog.set_config('request.jwt.claims', $5::pg_catalog.text, true), \
        pg_catalog.set_config('app.client_ip', $6::pg_catalog.text, true), \
        pg_catalog.set_config('app.attributes', $7::pg_catalog.text, true), \
        pg_catalog.set_config('app.request_id', $8::pg_catalog.text, true)";

    const STATEMENT_MORE_AS: &'static str = "select pg_catalog.set_config('app.current_tenant_id', $1::pg_catalog.text, true), \
        pg_catalog.set_config('app.current_user_id', $2::pg_catalog.text, true), \
        pg_catalog.set_config('app.current_role', $3::pg_catalog.text, true), \
        pg_catalog.set_config('app.permissions', $4::pg_catalog.text, true), \
        pg_catalog.set_config('request.jwt.claims', $5::pg_catalog.text, true), \
        pg_catalog.set_config('app.client_ip', $6::pg_catalog.text, true), \
        pg_catalog.set_config('app.attributes', $7::pg_catalog.text, true), \
        pg_catalog.set_config('app.request_id', $8::pg_catalog.text, true), \
        pg_catalog.set_config('role', $9::pg_catalog.text, true)";

    /// Opens a transaction as `tenant` and as its database role. `request.jwt.claims` lets policies written for PostgREST
    /// or Supabase work.
    ///
    /// The role ends with the transaction, as the settings do. A tenant that nobody is writes nothing.
    ///
    /// Every setting is set in every transaction, to the empty text where the token says nothing: what an earlier
    /// session-level SET left behind can never be seen.
    pub fn new(tenant: &TenantContext, access: Access, mode: SettingMode) -> Self {
        Self::opening(tenant, tenant.database_role(), access, mode)
    }

    fn opening(
        tenant: &TenantContext,
        database_role: Option<&DatabaseRole>,
        access: Access,
        mode: SettingMode,
    ) -> Self {
        let begin = match access {
            Access::ReadWrite if tenant.is_nobody() => "begin read only",
            Access::ReadWrite => "begin",
            Access::ReadOnly => "begin read only",
            Access::ReadOnlySnapshot => "begin isolation level repeatable read read only",
        };
        let tenant_id = tenant.tenant_id().to_string();
        let permissions = match tenant.permissions() {
            [] => String::new(),
            some => serde_json::Value::from(some).to_string(),
        };
        let role = tenant.role().unwrap_or_default();
        match mode {
            SettingMode::SetConfig => {
                let mut params =
                    vec![tenant_id.as_str(), tenant.user(), role, &permissions, tenant.claims_json()];
                params.extend(database_role.map(DatabaseRole::name));
                Prologue {
                    begin: begin.to_owned(),
                    params: params.into_iter().map(|value| Param::Text(value.to_owned())).collect(),
                }
            }
            SettingMode::SetLocal => {
                let claims = tenant.claims_json();
                let mut text = String::with_capacity(256 + claims.len());
                text.push_str(begin);
                text.push_str(";set local app.current_tenant_id=");
                quote_literal(&mut text, &tenant_id);
                text.push_str(";set local app.current_user_id=");
                quote_literal(&mut text, tenant.user());
                text.push_str(";set local app.\"current_role\"=");
                quote_literal(&mut text, role);
                text.push_str(";set local app.permissions=");
                quote_literal(&mut text, &permissions);
                text.push_str(";set local request.jwt.claims=");
                quote_literal(&mut text, claims);
                if let Some(role) = database_role {
                    text.push_str(";set local role ");
                    text.push_str(role.identifier().quoted());
                }
                Prologue { begin: text, params: Vec::new() }
            }
        }
    }

    /// Adds what `transaction_settings` asks for. All three are set where one is, to the empty text where the configuration
    /// does not name it or nothing is known: what is left of something earlier can never be seen.
    pub fn with_request(mut self, about: Option<&AboutRequest>) -> Self {
        let Some(about) = about else { return self };
        let values = [about.client_ip.as_str(), &about.attributes, &about.request_id];
        if self.params.is_empty() {
            for (name, value) in AboutRequest::NAMES.into_iter().zip(values) {
                self.begin.push_str(";set local ");
                self.begin.push_str(name);
                self.begin.push('=');
                quote_literal(&mut self.begin, value);
            }
        } else {
            // Before the role, which comes last.
            let values = values.map(|value| Param::Text(value.to_owned()));
            self.params.splice(5..5, values);
        }
        self
    }

    /// Says times in `zone`, and reads those that name none as of it. Always literal: there are few zones.
    pub fn in_time_zone(mut self, zone: &TimeZone) -> Self {
        self.begin.push_str(";set local timezone=");
        quote_literal(&mut self.begin, zone.setting());
        self
    }

    /// Adds what `alter role ... set` says of the database role, which Postgres itself applies at a login only.
    pub fn with_role_settings(mut self, settings: &[(Identifier, String)]) -> Self {
        for (name, value) in settings {
            self.begin.push_str(";set local ");
            self.begin.push_str(name.quoted());
            self.begin.push('=');
            quote_literal(&mut self.begin, value);
        }
        self
    }

    /// Forgets what a function of an earlier request may have said of its answer, where it said so to the whole session.
    pub fn forgetting_answers(mut self) -> Self {
        self.begin.push_str(";set local response.status='';set local response.headers=''");
        self
    }

    /// The statement that must be ready before the flush.
    pub fn statement_text(&self) -> Option<&'static str> {
        match self.params.len() {
            0 => None,
            5 => Some(Self::STATEMENT),
            6 => Some(Self::STATEMENT_AS),
            8 => Some(Self::STATEMENT_MORE),
            _ => Some(Self::STATEMENT_MORE_AS),
        }
    }
}

/// Writes `text` as a string constant (Postgres manual, 4.1.2), whatever `standard_conforming_strings` is: quotes are
/// doubled, and with a backslash in it the escape form is used, as Postgres' own `quote_literal` does. NUL, which no
/// constant can hold, is left out; what comes from a token cannot hold one.
pub fn quote_literal(out: &mut String, text: &str) {
    if !text.contains(['\'', '\\', '\0']) {
        out.push('\'');
        out.push_str(text);
        out.push('\'');
        return;
    }
    if text.contains('\\') {
        out.push('E');
    }
    out.push('\'');
    for character in text.chars() {
        match character {
            '\0' => {}
            '\'' | '\\' => {
                out.push(character);
                out.push(character);
            }
            other => out.push(other),
        }
    }
    out.push('\'');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(text: &str) -> String {
        let mut out = String::new();
        quote_literal(&mut out, text);
        out
    }

    #[test]
    fn literals_cannot_be_left() {
        assert_eq!(quoted("plain"), "'plain'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("o'clock"), "'o''clock'");
        assert_eq!(quoted("a\\'; drop table x; --"), "E'a\\\\''; drop table x; --'");
        assert_eq!(quoted("a\0b"), "'ab'");
    }

    #[test]
    fn attributes_are_an_object_of_the_token_or_nothing() {
        assert_eq!(attributes(r#"{"sub":"x","attributes":{"clearance":3}}"#), r#"{"clearance":3}"#);
        for none in ["", "{}", r#"{"attributes":3}"#, r#"{"attributes":{},"attributes":{"clearance":9}}"#] {
            assert_eq!(attributes(none), "", "{none}");
        }
    }

    #[test]
    fn auto_avoids_an_entry_per_tenant_where_the_server_would_keep_one() {
        let server = |version, citus, utility_tracked| Server { version, citus, utility_tracked };
        let choose = |server| SettingMode::choose(&Config::default(), server);
        assert_eq!(choose(server(150_018, false, false)), SettingMode::SetLocal);
        assert_eq!(choose(server(150_018, false, true)), SettingMode::SetConfig);
        assert_eq!(choose(server(150_018, true, true)), SettingMode::SetLocal);
        assert_eq!(choose(server(180_001, false, true)), SettingMode::SetLocal);
    }
}
