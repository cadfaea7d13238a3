//! Admission: whether a candidate may act for its tenant now, as the database knows tenant, membership and token.
//!
//! One look-up (`tenancy.authorize`) answers all of it and is remembered for `tenant_ttl_ms` at the most, and until the
//! database notifies a change. What hosts name (slugs and domains) is remembered in the same way.

use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tokio_postgres::Row;
use uuid::Uuid;

use crate::config::Config;
use crate::db::{self, Pool};
use crate::error::Error;
use crate::identity::{
    Candidate, HostName, Member, Membership, Principal, Reason, Refusal, SelectionError, TenantContext,
};
use crate::remembered::Remembered;

const AUTHORIZE: &str = include_str!("../sql/service/authorize.sql");
const TENANT_NAMED: &str = include_str!("../sql/service/tenant_named.sql");
const TENANTS_OF: &str = include_str!("../sql/service/tenants_of.sql");
const ISSUERS_OF: &str = include_str!("../sql/service/issuers_of.sql");
const ACCEPT_INVITATION: &str = include_str!("../sql/service/accept_invitation.sql");

/// What is remembered of tenants and members, shared by all workers.
pub struct Tenants {
    standings: Remembered<Asked, Arc<Standing>>,
    names: Remembered<Named, Option<Uuid>>,
    /// The issuers of the database that may speak for a tenant; of None, the platform's.
    issuers: Remembered<Option<Uuid>, Arc<[String]>>,
    membership: Membership,
    /// From when on entries count their milliseconds.
    started: Instant,
    ttl_ms: u64,
    /// Counts the changes that were notified: what was read before one is forgotten.
    generation: AtomicU64,
}

/// Who asks for which tenant. `None` is an anonymous caller.
#[derive(PartialEq, Eq, Hash)]
struct Asked {
    tenant: Uuid,
    token: Option<AskingToken>,
}

/// What is asked of the database about a token.
#[derive(PartialEq, Eq, Hash)]
struct AskingToken {
    issuer: Arc<str>,
    subject: Box<str>,
    jti: Box<str>,
    /// Not every issuer gives each token an id of its own.
    issued_s: u64,
}

#[derive(PartialEq, Eq, Hash)]
enum Named {
    Slug(String),
    Domain(String),
}

/// What the database said.
struct Standing {
    tenant: State,
    member: Option<Member>,
    token_is_live: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Active,
    Suspended,
    /// No such tenant, or one that is not yet or no longer served.
    Absent,
}

/// One tenant that a user is a member of.
#[derive(Debug, Clone)]
pub struct Belonging {
    pub tenant_id: Uuid,
    pub slug: String,
    pub name: String,
    pub role: String,
}

/// What came of accepting an invitation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    Member {
        tenant_id: Uuid,
        user_id: Uuid,
        role: String,
    },
    AlreadyMember,
    /// The token is an API key's.
    NotAUser,
    /// No such invitation, or it was accepted, revoked or has expired, or is not for this issuer.
    Unknown,
}

impl Tenants {
    pub fn new(config: &Config) -> Self {
        Self {
            standings: Remembered::new(config.tenants_max),
            names: Remembered::new(config.tenant_names_max),
            issuers: Remembered::new(config.tenants_max),
            membership: config.membership,
            started: Instant::now(),
            ttl_ms: config.tenant_ttl_ms,
            generation: AtomicU64::new(0),
        }
    }

    /// Forgets everything: something changed.
    pub fn forget(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    /// Lets a candidate pass whose tenant is active, who is a member where membership counts, and whose token was not
    /// revoked. An anonymous caller passes in any case, but for a tenant that is not served as
    /// [`TenantContext::nobody`]: no answer tells whether there is such a tenant.
    ///
    /// # Errors
    /// [`SelectionError::Forbidden`], the same for a tenant that there is not and for who is no member; the token's
    /// refusal, and [`Error::Suspended`], told to proven members only; [`Error::Database`].
    pub async fn admit(
        &self,
        pool: &Pool,
        candidate: Candidate,
        client: Option<IpAddr>,
    ) -> Result<TenantContext, Error> {
        let standing = self.standing(pool, &candidate).await?;
        if candidate.is_anonymous() {
            let tenant = candidate.admit(None, Membership::Token, client)?;
            return Ok(if standing.tenant == State::Active { tenant } else { tenant.nobody() });
        }
        if standing.tenant == State::Absent {
            return Err(SelectionError::Forbidden.into());
        }
        let tenant = candidate.admit(standing.member.as_ref(), self.membership, client)?;
        if !standing.token_is_live {
            return Err(Refusal::Invalid(Reason::Revoked).into());
        }
        match standing.tenant {
            State::Active => Ok(tenant),
            State::Suspended => Err(Error::Suspended),
            State::Absent => Err(SelectionError::Forbidden.into()),
        }
    }

    /// Refuses a token that was revoked, where no tenant is chosen.
    ///
    /// # Errors
    /// [`Reason::Revoked`]; [`Error::Database`].
    pub async fn vouch(&self, pool: &Pool, principal: &Principal) -> Result<(), Error> {
        let standing = authorize(pool, Some(principal), Uuid::nil()).await?;
        if standing.token_is_live { Ok(()) } else { Err(Refusal::Invalid(Reason::Revoked).into()) }
    }

    /// The tenant that a host names. A slug that is nobody's gives an id that no tenant has: the request then goes the way of
    /// one for a tenant that it does not prove. A domain that is no tenant's is just one of ours, and names none.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn named(&self, pool: &Pool, name: HostName<'_>) -> Result<Option<Uuid>, Error> {
        let key = match name {
            HostName::Slug(slug) => Named::Slug(slug.to_owned()),
            HostName::Domain(domain) => Named::Domain(domain.to_owned()),
        };
        let generation = self.generation.load(Ordering::SeqCst);
        if let Some(tenant) = self.names.recall(&key, generation, self.now_ms()) {
            return Ok(tenant);
        }
        let params = match name {
            HostName::Slug(slug) => [Some(slug), None],
            HostName::Domain(domain) => [None, Some(domain)],
        };
        let rows = pool.ask(TENANT_NAMED, &params).await.map_err(unmigrated)?;
        let tenant: Option<Uuid> = get(&rows, 0)?;
        let tenant = match name {
            HostName::Slug(_) => tenant.or_else(|| Some(Uuid::new_v4())),
            HostName::Domain(_) => tenant,
        };
        self.keep(&self.names, key, tenant, generation);
        Ok(tenant)
    }

    /// The enabled issuers of the database that may speak for `tenant`; of None, all of the platform's. None for a tenant that
    /// there is not.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn issuers(&self, pool: &Pool, tenant: Option<Uuid>) -> Result<Arc<[String]>, Error> {
        let generation = self.generation.load(Ordering::SeqCst);
        if let Some(issuers) = self.issuers.recall(&tenant, generation, self.now_ms()) {
            return Ok(issuers);
        }
        let named = tenant.map(|tenant| tenant.to_string());
        let rows = pool.ask(ISSUERS_OF, &[named.as_deref()]).await.map_err(unmigrated)?;
        let issuers = rows.iter().map(|row| column(row, 0)).collect::<Result<Arc<[String]>, _>>()?;
        self.keep(&self.issuers, tenant, issuers.clone(), generation);
        Ok(issuers)
    }

    /// The tenants that a principal is an active member of, by the database.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn belongings(&self, pool: &Pool, principal: &Principal) -> Result<Vec<Belonging>, Error> {
        let params = [Some(principal.issuer()), Some(principal.subject()), Some(listed(principal))];
        let rows = pool.ask(TENANTS_OF, &params).await.map_err(unmigrated)?;
        rows.iter()
            .map(|row| {
                Ok(Belonging {
                    tenant_id: column(row, 0)?,
                    slug: column(row, 1)?,
                    name: column(row, 2)?,
                    role: column(row, 3)?,
                })
            })
            .collect()
    }

    /// Makes a principal a member by the token of an invitation.
    ///
    /// # Errors
    /// [`Reason::Revoked`]; [`Error::Database`].
    pub async fn accept(&self, pool: &Pool, principal: &Principal, token: &str) -> Result<Accepted, Error> {
        let issued = principal.issued_s().to_string();
        let only_tenant = principal.bound_to().map(|tenant| tenant.to_string());
        let params = [
            Some(token),
            Some(principal.issuer()),
            Some(principal.subject()),
            Some(principal.jti()),
            Some(issued.as_str()),
            only_tenant.as_deref(),
            Some(listed(principal)),
        ];
        let rows = pool.ask(ACCEPT_INVITATION, &params).await.map_err(unmigrated)?;
        let row = rows.first().ok_or(Error::Internal("accepting an invitation gave no row"))?;
        let outcome: String = column(row, 0)?;
        match outcome.as_str() {
            "accepted" => Ok(Accepted::Member {
                tenant_id: column(row, 1)?,
                user_id: column(row, 2)?,
                role: column(row, 3)?,
            }),
            "member" => Ok(Accepted::AlreadyMember),
            "not_a_user" => Ok(Accepted::NotAUser),
            "dead_token" => Err(Refusal::Invalid(Reason::Revoked).into()),
            _ => Ok(Accepted::Unknown),
        }
    }

    async fn standing(&self, pool: &Pool, candidate: &Candidate) -> Result<Arc<Standing>, Error> {
        let principal = candidate.principal();
        let asked = Asked {
            tenant: candidate.tenant_id(),
            token: principal.map(|principal| AskingToken {
                issuer: principal.shared_issuer(),
                subject: principal.subject().into(),
                jti: principal.jti().into(),
                issued_s: principal.issued_s(),
            }),
        };
        // Taken before the read: a change that is notified meanwhile makes the entry stale at once.
        let generation = self.generation.load(Ordering::SeqCst);
        if let Some(standing) = self.standings.recall(&asked, generation, self.now_ms()) {
            return Ok(standing);
        }
        let standing = Arc::new(authorize(pool, principal, candidate.tenant_id()).await?);
        // Anybody can make up tenants: they shall not push out those that are proven.
        // What is remembered shall not tell by its speed which tenants there are, either.
        let anonymous = candidate.is_anonymous() && standing.tenant != State::Absent;
        if candidate.is_proven() || standing.member.is_some() || anonymous {
            self.keep(&self.standings, asked, standing.clone(), generation);
        }
        Ok(standing)
    }

    fn keep<K: Hash + Eq, V: Clone>(&self, entries: &Remembered<K, V>, key: K, value: V, generation: u64) {
        let now_ms = self.now_ms();
        entries.keep(key, value, generation, now_ms, now_ms + self.ttl_ms);
    }

    fn now_ms(&self) -> u64 {
        self.started.elapsed().as_millis().try_into().unwrap_or(u64::MAX)
    }
}

/// Whether the database is to look at the list of tenants that the issuer may speak for, as the text of a boolean.
fn listed(principal: &Principal) -> &'static str {
    if principal.is_listed() { "true" } else { "false" }
}

async fn authorize(pool: &Pool, principal: Option<&Principal>, tenant: Uuid) -> Result<Standing, Error> {
    let tenant = tenant.to_string();
    let issued = principal.map_or(0, Principal::issued_s).to_string();
    let params = [
        Some(principal.map_or("", Principal::issuer)),
        Some(tenant.as_str()),
        Some(principal.map_or("", Principal::subject)),
        Some(principal.map_or("", Principal::jti)),
        Some(issued.as_str()),
        Some(principal.map_or("false", listed)),
    ];
    let rows = pool.ask(AUTHORIZE, &params).await.map_err(unmigrated)?;
    let row = rows.first().ok_or(Error::Internal("the look-up of a tenant gave no row"))?;
    let state: Option<String> = column(row, 0)?;
    let member_state: Option<String> = column(row, 1)?;
    Ok(Standing {
        tenant: match state.as_deref() {
            Some("active") => State::Active,
            Some("suspended") => State::Suspended,
            _ => State::Absent,
        },
        member: match member_state {
            None => None,
            Some(state) => Some(Member {
                user_id: column(row, 5)?,
                role: column(row, 2)?,
                permissions: column(row, 3)?,
                attributes: Arc::from(column::<String>(row, 4)?),
                is_active: state == "active",
            }),
        },
        token_is_live: column(row, 6)?,
    })
}

fn get<'r, T: tokio_postgres::types::FromSql<'r>>(rows: &'r [Row], index: usize) -> Result<Option<T>, Error> {
    match rows.first() {
        Some(row) => row.try_get(index).map_err(|_| Error::Internal(UNEXPECTED)),
        None => Ok(None),
    }
}

fn column<'r, T: tokio_postgres::types::FromSql<'r>>(row: &'r Row, index: usize) -> Result<T, Error> {
    row.try_get(index).map_err(|_| Error::Internal(UNEXPECTED))
}

const UNEXPECTED: &str = "a function of schema tenancy gave another type than the service expects";

/// A function that is not there is no client's mistake.
pub(crate) fn unmigrated(error: db::Error) -> Error {
    match error {
        db::Error::Statement(refusal) if refusal.code().code().starts_with("42") => {
            tracing::error!(code = refusal.code().code(), "the database lacks what `rowhouse migrate` makes");
            Error::Internal("the database is not migrated to this version")
        }
        error => error.into(),
    }
}
