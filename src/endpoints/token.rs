//! `POST /auth/token` (RFC 6749): an API key or a refresh token for an access token, and the start of a session, in development
//! also by a password.
//!
//! Faults of a request are answered as RFC 6749 5.2 has them. Whatever the database decided is committed by then: a refresh
//! token that was used twice ends its session, and is answered 400.

use std::collections::BTreeMap;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::json;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{json, only};
use crate::answer::Reply;
use crate::app::Worker;
use crate::error::Error;
use crate::events::{Decision, Event};
use crate::identity;
use crate::request::{Method, RawRequest};
use crate::sessions::{self, Access, HashFault, Sessions};
use crate::tenants;

/// The grant (RFC 6749 4.5) by which an API key with the permission `sessions:create` starts a session of a member.
pub(super) const SESSION_GRANT: &str = "urn:rowhouse:grant-type:session";

/// The longest value of a parameter, in bytes.
const VALUE_BYTES_MAX: usize = 8_192;
/// The most methods in `amr`, and the longest.
const METHODS_MAX: usize = 8;
const METHOD_BYTES_MAX: usize = 32;
/// The longest name to sign in with.
const USERNAME_CHARACTERS_MAX: usize = 255;

/// What is wrong with a request to this endpoint (RFC 6749 5.2).
#[derive(Debug)]
pub(super) enum Fault {
    Request(&'static str),
    Client,
    Grant(&'static str),
    /// The client is good and may not do this.
    Unauthorized(&'static str),
    GrantType,
    Limited {
        retry_after_s: u64,
    },
}

impl Fault {
    pub(super) fn reply(&self, raw: &RawRequest) -> Reply {
        let (status, error, description) = match self {
            Fault::Request(why) => (400, "invalid_request", *why),
            Fault::Client => (401, "invalid_client", "no such client, or another secret"),
            Fault::Grant(why) => (400, "invalid_grant", *why),
            Fault::Unauthorized(why) => (400, "unauthorized_client", *why),
            Fault::GrantType => (400, "unsupported_grant_type", "the grant type is not known"),
            Fault::Limited { .. } => (429, "slow_down", "too many requests"),
        };
        let mut reply = json(raw, status, &json!({ "error": error, "error_description": description }));
        match self {
            Fault::Client => reply.headers.push(("www-authenticate", "Basic realm=\"rowhouse\"".to_owned())),
            Fault::Limited { retry_after_s } => {
                reply.headers.push(("retry-after", retry_after_s.to_string()));
            }
            Fault::Request(_) | Fault::Grant(_) | Fault::Unauthorized(_) | Fault::GrantType => {}
        }
        reply
    }
}

/// The parameters of a request, each once.
pub(super) struct Form(BTreeMap<String, String>);

impl Form {
    /// Reads a body: `application/x-www-form-urlencoded`, or a JSON object of texts.
    pub(super) fn read(raw: &RawRequest, body: &[u8]) -> Result<Self, Fault> {
        let kind = raw.content_type.as_deref().unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        let pairs: Vec<(String, String)> =
            if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
                let text = std::str::from_utf8(body).map_err(|_| Fault::Request("the body is not UTF-8"))?;
                text.split('&').filter(|pair| !pair.is_empty()).map(pair).collect::<Option<_>>()
            } else if kind.eq_ignore_ascii_case("application/json") {
                object(body)
            } else {
                return Err(Fault::Request(
                    "the content type is neither application/x-www-form-urlencoded nor application/json",
                ));
            }
            .ok_or(Fault::Request("the body does not parse"))?;
        let mut form = BTreeMap::new();
        for (name, value) in pairs {
            if value.len() > VALUE_BYTES_MAX || value.contains(char::is_control) {
                return Err(Fault::Request("a parameter is too long or has a control character"));
            }
            if form.insert(name, value).is_some() {
                return Err(Fault::Request("a parameter is there twice"));
            }
        }
        Ok(Form(form))
    }

    /// A parameter; one without a value counts as absent (RFC 6749 3.2).
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

fn pair(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    Some((decoded(name)?, decoded(value)?))
}

fn decoded(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// Members in their order, also those that are there twice.
fn object(body: &[u8]) -> Option<Vec<(String, String)>> {
    struct Pairs(Vec<(String, String)>);
    impl<'de> serde::Deserialize<'de> for Pairs {
        fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Pairs;
                fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    formatter.write_str("an object of texts")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                    let mut pairs = Vec::new();
                    while let Some(pair) = map.next_entry()? {
                        pairs.push(pair);
                    }
                    Ok(Pairs(pairs))
                }
            }
            from.deserialize_map(Visitor)
        }
    }
    serde_json::from_slice::<Pairs>(body).ok().map(|pairs| pairs.0)
}

/// The client and the hash of its secret: HTTP Basic or parameters, not both (RFC 6749 2.3).
fn client(raw: &RawRequest, form: &Form) -> Result<(String, Option<String>), Fault> {
    let named = form.get("client_id");
    match raw.authorization.as_slice() {
        [] => {
            let secret = form.get("client_secret").map(sessions::hash);
            Ok((named.unwrap_or_default().to_owned(), secret))
        }
        [header] => {
            if form.get("client_secret").is_some() {
                return Err(Fault::Request("the client authenticates in two ways"));
            }
            let (id, secret) = basic(header).ok_or(Fault::Client)?;
            if named.is_some_and(|named| named != id) {
                return Err(Fault::Request("the client has two names"));
            }
            Ok((id, Some(sessions::hash(&secret))))
        }
        _ => Err(Fault::Request("several Authorization headers")),
    }
}

fn basic(header: &[u8]) -> Option<(String, String)> {
    let (scheme, value) = std::str::from_utf8(header).ok()?.split_once(' ')?;
    let text = scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(value).ok()).flatten()?;
    let (id, secret) = std::str::from_utf8(&text).ok()?.split_once(':')?;
    let (id, secret) = (decoded(id)?, decoded(secret)?);
    (!id.contains(char::is_control)).then_some((id, secret))
}

/// Counts a request of `client` from the address that it comes from, so that nobody can use up another's.
pub(super) fn limit(sessions: &Sessions, raw: &RawRequest, client: &str) -> Result<(), Fault> {
    take(sessions, &format!("{:?} {client}", raw.client))
}

fn take(sessions: &Sessions, counted: &str) -> Result<(), Fault> {
    let key = sessions::hash(counted);
    sessions.limiter.take(key, Instant::now()).map_err(|retry_after_s| Fault::Limited { retry_after_s })
}

pub(super) async fn respond(
    worker: &Worker,
    sessions: &Sessions,
    raw: &RawRequest,
    body: impl Future<Output = Result<Bytes, Error>>,
    now_s: u64,
) -> Result<Reply, Error> {
    only(raw, &[Method::Post], "POST")?;
    let body = body.await?;
    let asked = Form::read(raw, &body).and_then(|form| {
        let client = client(raw, &form)?;
        limit(sessions, raw, &client.0)?;
        Ok((form, client))
    });
    let (form, (client, secret)) = match asked {
        Ok(asked) => asked,
        Err(fault) => return Ok(fault.reply(raw)),
    };
    let asking = Asking { worker, sessions, raw, now_s, form: &form, client: &client, secret };
    let answered = match form.get("grant_type") {
        Some("client_credentials") => asking.client_credentials().await?,
        Some("refresh_token") => asking.refresh_token().await?,
        Some(SESSION_GRANT) => asking.session().await?,
        Some("password") => asking.password().await?,
        Some(_) => Err(Fault::GrantType),
        None => Err(Fault::Request("grant_type is missing")),
    };
    Ok(answered.unwrap_or_else(|fault| fault.reply(raw)))
}

struct Asking<'a> {
    worker: &'a Worker,
    sessions: &'a Sessions,
    raw: &'a RawRequest,
    now_s: u64,
    form: &'a Form,
    client: &'a str,
    secret: Option<String>,
}

/// What an event says of a request to these endpoints.
pub(super) struct Told {
    pub(super) decision: Decision,
    pub(super) code: &'static str,
    pub(super) status: u16,
    pub(super) route: &'static str,
}

impl Told {
    fn of_token(decision: Decision, code: &'static str, status: u16) -> Self {
        Told { decision, code, status, route: "/auth/token" }
    }
}

pub(super) fn record(
    worker: &Worker,
    raw: &RawRequest,
    told: Told,
    tenant: Option<Uuid>,
    subject: Option<String>,
) {
    worker.app.events.record(&Event {
        decision: told.decision,
        code: told.code,
        reason: None,
        tenant,
        issuer: worker.app.sessions.as_ref().map(|sessions| sessions.issuer.clone()),
        subject,
        jti: None,
        status: told.status,
        method: "POST",
        route: told.route.to_owned(),
        client: raw.client,
        user_agent: raw.user_agent.clone(),
        request_id: raw.id,
    });
}

type Answered = Result<Result<Reply, Fault>, Error>;

/// The row that answers one of the questions of [`sessions`].
pub(super) async fn ask(worker: &Worker, question: &'static str, params: &[&str]) -> Result<Row, Error> {
    let params: Vec<Option<&str>> = params.iter().map(|param| Some(*param)).collect();
    let rows = worker.pool.ask(question, &params).await.map_err(tenants::unmigrated)?;
    rows.into_iter().next().ok_or(Error::Internal("a function of sessions gave no row"))
}

/// A column of one of our own functions.
pub(super) fn column<'r, T: tokio_postgres::types::FromSql<'r>>(
    row: &'r Row,
    name: &str,
) -> Result<T, Error> {
    row.try_get(name).map_err(|_| Error::Internal("a function of sessions answered something else"))
}

impl Asking<'_> {
    fn deny(&self, code: &'static str, status: u16, fault: Fault) -> Answered {
        record(self.worker, self.raw, Told::of_token(Decision::Deny, code, status), None, None);
        Ok(Err(fault))
    }

    fn token_s(&self) -> String {
        self.worker.app.config.access_token_s.to_string()
    }

    /// A signed token as RFC 6749 5.1 answers it, which is told as `told`; nobody is given one that is longer than what is
    /// read.
    fn issue(&self, told: Told, access: &Access<'_>, refresh: Option<&str>) -> Answered {
        let token = self.sessions.sign(access).ok_or(Error::Internal("a token could not be signed"))?;
        if token.len() > identity::TOKEN_BYTES_MAX {
            return self.deny(told.code, 400, Fault::Grant(TOO_MANY));
        }
        record(self.worker, self.raw, told, Some(access.tenant), Some(access.subject.to_string()));
        let mut document = json!({
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": access.expires_s.saturating_sub(access.issued_s),
        });
        if let Some(refresh) = refresh {
            document["refresh_token"] = refresh.into();
        }
        Ok(Ok(json(self.raw, 200, &document)))
    }

    async fn client_credentials(&self) -> Answered {
        let Some(secret) = &self.secret else {
            return self.deny("invalid_client", 401, Fault::Client);
        };
        let jti = Uuid::new_v4().to_string();
        let issuer = &self.sessions.issuer;
        let token_s = self.token_s();
        let row =
            ask(self.worker, sessions::EXCHANGE_API_KEY, &[self.client, secret, issuer, &jti, &token_s])
                .await?;
        if column::<&str>(&row, "outcome")? != "exchanged" {
            return self.deny("invalid_client", 401, Fault::Client);
        }
        let (subject, tenant): (Uuid, Uuid) = (column(&row, "api_key_id")?, column(&row, "tenant_id")?);
        let permissions: Vec<String> = column(&row, "permissions")?;
        let access = Access {
            subject,
            client_id: self.client,
            tenant,
            role: column(&row, "role")?,
            permissions: &permissions,
            jti: &jti,
            issued_s: self.now_s,
            expires_s: self.now_s + self.worker.app.config.access_token_s,
            session: None,
        };
        self.issue(Told::of_token(Decision::Allow, "api_key", 200), &access, None)
    }

    async fn session(&self) -> Answered {
        let Some(secret) = &self.secret else {
            return self.deny("invalid_client", 401, Fault::Client);
        };
        let Some(user) = self.form.get("user_id").and_then(|text| Uuid::try_parse(text).ok()) else {
            return Ok(Err(Fault::Request("user_id is missing, or no UUID")));
        };
        // Whom the refresh token is given to; without a name it is the key's own.
        let bound_to = self.form.get("session_client").unwrap_or(self.client);
        if bound_to.chars().count() > 128 {
            return Ok(Err(Fault::Request("session_client is longer than 128 characters")));
        }
        let methods: Vec<String> =
            self.form.get("amr").unwrap_or_default().split_whitespace().map(str::to_owned).collect();
        if methods.len() > METHODS_MAX || methods.iter().any(|method| method.len() > METHOD_BYTES_MAX) {
            return Ok(Err(Fault::Request("amr has more than 8 methods, or one of more than 32 bytes")));
        }
        let refresh = sessions::refresh_token().ok_or(Error::Internal("no randomness"))?;
        let jti = Uuid::new_v4().to_string();
        let config = &self.worker.app.config;
        let params = [
            self.client,
            secret,
            &user.to_string(),
            bound_to,
            &methods.join(" "),
            &sessions::hash(&refresh),
            &self.sessions.issuer,
            &jti,
            &self.token_s(),
            &config.session_idle_s.to_string(),
            &config.session_absolute_s.to_string(),
        ];
        let row = ask(self.worker, sessions::START_SESSION, &params).await?;
        match column(&row, "outcome")? {
            "started" => {}
            "not_permitted" => {
                let fault = Fault::Unauthorized("the key lacks the permission sessions:create");
                return self.deny("sign_in", 400, fault);
            }
            "no_subject" => {
                return self.deny("sign_in", 400, Fault::Grant("no such member that the key may sign in"));
            }
            _ => return self.deny("invalid_client", 401, Fault::Client),
        }
        self.issue_in_session(&row, user, bound_to, &methods, &jti, &refresh, "sign_in")
    }

    /// RFC 6749 4.3, in development (`password_grant`).
    async fn password(&self) -> Answered {
        let Some(passwords) = &self.sessions.passwords else {
            return Ok(Err(Fault::GrantType));
        };
        let (username, password, header) = match self.signing_in() {
            Ok(asked) => asked,
            Err(fault) => return Ok(Err(fault)),
        };
        let app = &self.worker.app;
        let host = app.origins.host(self.raw).map_err(|_| Error::Host)?;
        let host = match host.as_ref().and_then(|host| app.origins.selects(host)) {
            Some(name) => app.tenants.named(&self.worker.pool, name).await?,
            None => None,
        };
        let tenant = match (header, host) {
            (Some(header), Some(host)) if header != host => {
                return Ok(Err(Fault::Request("X-Tenant-Id and the host name two tenants")));
            }
            (header, host) => header.or(host),
        };
        let row = ask(self.worker, sessions::PASSWORD_PARAMETERS, &[username]).await?;
        let hash = match passwords.hash(password.to_owned(), column(&row, "parameters")?).await {
            Ok(hash) => hash,
            Err(HashFault::Busy) => return self.deny("sign_in", 429, Fault::Limited { retry_after_s: 1 }),
            Err(HashFault::Parameters) => return Err(Error::Internal("a password could not be hashed")),
        };
        let refresh = sessions::refresh_token().ok_or(Error::Internal("no randomness"))?;
        let jti = Uuid::new_v4().to_string();
        let config = &app.config;
        let params = [
            username,
            &hash,
            &tenant.map(|tenant| tenant.to_string()).unwrap_or_default(),
            self.client,
            &sessions::hash(&refresh),
            &self.sessions.issuer,
            &jti,
            &self.token_s(),
            &config.session_idle_s.to_string(),
            &config.session_absolute_s.to_string(),
        ];
        let row = ask(self.worker, sessions::START_PASSWORD_SESSION, &params).await?;
        match column(&row, "outcome")? {
            "started" => {}
            "tenant_required" => {
                return Ok(Err(Fault::Request(
                    "the user is a member of several tenants: X-Tenant-Id names one",
                )));
            }
            "no_member" => {
                return self.deny("sign_in", 400, Fault::Grant("the user is no member of such a tenant"));
            }
            _ => return self.deny("sign_in", 400, Fault::Grant("no such user, or another password")),
        }
        let methods: Vec<String> = column(&row, "amr")?;
        let user = column(&row, "user_id")?;
        self.issue_in_session(&row, user, self.client, &methods, &jti, &refresh, "sign_in")
    }

    /// Name, password and tenant of a request to sign in, counted: by address, whatever client it says it is, and by name,
    /// from wherever it comes, so that guessing is slow both ways.
    fn signing_in(&self) -> Result<(&str, &str, Option<Uuid>), Fault> {
        if self.secret.is_some() {
            return Err(Fault::Request("the password grant is for clients without a secret"));
        }
        if self.client.is_empty() || self.client.chars().count() > 128 {
            return Err(Fault::Request("client_id is missing, or longer than 128 characters"));
        }
        let username = self.form.get("username").ok_or(Fault::Request("username is missing"))?;
        let password = self.form.get("password").ok_or(Fault::Request("password is missing"))?;
        if username.chars().count() > USERNAME_CHARACTERS_MAX || password.len() > sessions::PASSWORD_BYTES_MAX
        {
            return Err(Fault::Request("username or password is too long"));
        }
        let tenant = match self.raw.tenant_headers.as_slice() {
            [] => None,
            [value] => match std::str::from_utf8(value).ok().and_then(identity::tenant_id) {
                Some(tenant) => Some(tenant),
                None => return Err(Fault::Request("X-Tenant-Id is no UUID in lower case")),
            },
            [_, _, ..] => return Err(Fault::Request("several X-Tenant-Id headers")),
        };
        for counted in [format!("password from {:?}", self.raw.client), format!("password of {username}")] {
            take(self.sessions, &counted)?;
        }
        Ok((username, password, tenant))
    }

    async fn refresh_token(&self) -> Answered {
        let Some(presented) = self.form.get("refresh_token") else {
            return Ok(Err(Fault::Request("refresh_token is missing")));
        };
        let refresh = sessions::refresh_token().ok_or(Error::Internal("no randomness"))?;
        let jti = Uuid::new_v4().to_string();
        let config = &self.worker.app.config;
        let params = [
            &sessions::hash(presented),
            &sessions::hash(&refresh),
            self.client,
            &self.sessions.issuer,
            &jti,
            &self.token_s(),
            &config.session_idle_s.to_string(),
            &config.refresh_grace_s.to_string(),
            &config.refreshes_per_minute.to_string(),
        ];
        let row = ask(self.worker, sessions::ROTATE_REFRESH, &params).await?;
        match column(&row, "outcome")? {
            "rotated" => {}
            "limited" => {
                return self.deny("refresh_limited", 429, Fault::Limited { retry_after_s: 60 });
            }
            "reuse" => {
                let told = Told::of_token(Decision::Deny, "refresh_reuse", 400);
                let user: Uuid = column(&row, "user_id")?;
                record(self.worker, self.raw, told, column(&row, "tenant_id")?, Some(user.to_string()));
                return Ok(Err(Fault::Grant(NOT_GOOD)));
            }
            _ => return self.deny("refresh", 400, Fault::Grant(NOT_GOOD)),
        }
        let methods: Vec<String> = column(&row, "amr")?;
        let user = column(&row, "user_id")?;
        self.issue_in_session(&row, user, self.client, &methods, &jti, &refresh, "refresh")
    }

    #[allow(clippy::too_many_arguments)]
    fn issue_in_session(
        &self,
        row: &Row,
        user: Uuid,
        client_id: &str,
        methods: &[String],
        jti: &str,
        refresh: &str,
        code: &'static str,
    ) -> Answered {
        let tenant: Uuid = column(row, "tenant_id")?;
        let permissions: Vec<String> = column(row, "permissions")?;
        let access = Access {
            subject: user,
            client_id,
            tenant,
            role: column(row, "role")?,
            permissions: &permissions,
            jti,
            issued_s: self.now_s,
            expires_s: self.now_s + self.worker.app.config.access_token_s,
            session: Some((column(row, "session_id")?, methods, column(row, "auth_time_s")?)),
        };
        self.issue(Told::of_token(Decision::Allow, code, 200), &access, Some(refresh))
    }
}

/// What a member or a key may do stands in each token.
const TOO_MANY: &str = "the permissions do not fit into a token: they must be fewer, or shorter";
/// One text for unknown, expired, revoked and used: nobody learns which.
const NOT_GOOD: &str = "the refresh token is not good";
