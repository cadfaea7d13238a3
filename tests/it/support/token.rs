//! Tokens for the demo's tenants, minted with the secret that the test's service trusts.

use std::time::{SystemTime, UNIX_EPOCH};

use rowhouse::identity::issuers::{Algorithm, IssuerConfig, Secret};
use rowhouse::identity::mint::{self, Mint};
use serde_json::{Map, Value};
use uuid::{Uuid, uuid};

pub const PAWNEE: Uuid = uuid!("7a245486-3fc8-47ec-b303-04fefe7a58ff");
pub const DUNDER: Uuid = uuid!("162be16f-4c1d-4b0e-9a53-6f7d20c8e915");
pub const ALIKI: Uuid = uuid!("ebdba44d-93f2-4e67-8d1b-0a5c7be3f248");

pub const SECRET: &str = "9f1c2e7a5d3b8064e2a97c41f05b6d8893ce17ab";

/// A token in the making.
#[derive(Debug, Clone)]
pub struct Token {
    mint: Mint,
}

impl Token {
    /// For `user` in `tenant`, with a role.
    pub fn new(tenant: Uuid, user: &str, role: &str) -> Self {
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let mint = Mint {
            subject: user.to_owned(),
            tenant_id: Some(tenant),
            role: Some(role.to_owned()),
            permissions: Vec::new(),
            ttl_s: 900,
            now_s,
            extra: Map::new(),
        };
        Self { mint }
    }

    /// Leslie Knope, owner of pawnee-parks-and-rec.
    pub fn leslie() -> Self {
        Self::new(PAWNEE, "leslie.knope", "owner")
    }

    /// Michael Scott, owner of dunder-mifflin.
    pub fn michael() -> Self {
        Self::new(DUNDER, "michael.scott", "owner")
    }

    pub fn without_role(mut self) -> Self {
        self.mint.role = None;
        self
    }

    /// With no active tenant.
    pub fn without_tenant(mut self) -> Self {
        self.mint.tenant_id = None;
        self
    }

    pub fn permissions(mut self, permissions: &[&str]) -> Self {
        self.mint.permissions = permissions.iter().map(|&permission| permission.to_owned()).collect();
        self
    }

    /// With one more claim.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.mint.extra.insert(name.to_owned(), value.into());
        self
    }

    /// Issued `seconds` earlier than now.
    pub fn issued_before(mut self, seconds: u64) -> Self {
        self.mint.now_s -= seconds;
        self
    }

    pub fn sign(&self) -> String {
        mint::mint(&Self::issuer(), &self.mint).expect("the test's token can be signed")
    }

    /// The issuer that every test's service trusts.
    pub fn issuer() -> IssuerConfig {
        IssuerConfig {
            kid: Some("test".to_owned()),
            secret: Some(Secret::new(SECRET)),
            ..IssuerConfig::new("https://issuer.test", "rowhouse", Algorithm::HS256)
        }
    }
}
