//! `WWW-Authenticate` of a 401: the realm of the tenant that the request names, and where its metadata is (RFC 9728 5.1).
//!
//! The realm is what the request itself says, read strictly; nothing is looked up, so it tells nobody whether there is such a
//! tenant.

use uuid::Uuid;

use super::{HostName, Origins, tenant_id};
use crate::request::{self, RawRequest};

/// The realm where a request names no tenant.
const REALM: &str = "rowhouse";
/// Where the metadata of a resource is (RFC 9728 3.1).
const METADATA: &str = "/.well-known/oauth-protected-resource";

/// What a challenge says of whom it asks.
#[derive(Debug, PartialEq, Eq)]
pub struct Realm {
    name: String,
    metadata: Option<String>,
}

impl Realm {
    /// The realm of the tenant that `raw` names; the service's own where it names none, or two. `public_url` is the
    /// setting, perhaps empty.
    pub fn of(raw: &RawRequest, origins: &Origins, public_url: &str) -> Self {
        let header = match raw.tenant_headers.as_slice() {
            [value] => std::str::from_utf8(value).ok().and_then(tenant_id),
            [] | [_, _, ..] => None,
        };
        let tenant: Option<Uuid> = match (request::split_tenant(&raw.path).0, header) {
            (Some(path), Some(header)) if path != header => None,
            (path, header) => path.or(header),
        };
        let host = origins.host(raw).ok().flatten();
        let host = host.as_ref().and_then(|host| match (origins.selects(host)?, host) {
            (HostName::Slug(_) | HostName::Domain(_), super::Host::Name(name)) => Some(name.clone()),
            (HostName::Slug(_) | HostName::Domain(_), super::Host::Local) => None,
        });
        let metadata = (!public_url.is_empty()).then(|| match (tenant, &host) {
            (Some(tenant), _) => format!("{public_url}{METADATA}/{tenant}"),
            (None, Some(host)) => format!("{}{METADATA}", url_at(public_url, host)),
            (None, None) => format!("{public_url}{METADATA}"),
        });
        let name = tenant.map(|tenant| tenant.to_string()).or(host);
        Self { name: name.unwrap_or_else(|| REALM.to_owned()), metadata }
    }

    /// `challenge` in this realm.
    pub fn challenge(&self, challenge: &str) -> String {
        let own = format!("Bearer realm=\"{REALM}\"");
        let rest =
            challenge.strip_prefix(&own).or_else(|| challenge.strip_prefix("Bearer")).unwrap_or_default();
        let mut text = format!("Bearer realm=\"{}\"{rest}", self.name);
        // A URL of the configuration that cannot stand in quotes is left out.
        if let Some(metadata) = self.metadata.as_ref().filter(|url| !url.contains(['"', '\\'])) {
            text.push_str(", resource_metadata=\"");
            text.push_str(metadata);
            text.push('"');
        }
        text
    }
}

/// `public_url` under another host: scheme, port and path stay.
pub fn url_at(public_url: &str, host: &str) -> String {
    let Some((scheme, rest)) = public_url.split_once("://") else { return public_url.to_owned() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    // An address of version 6 has colons in brackets.
    let port = authority.rfind(':').filter(|colon| !authority[*colon..].contains(']'));
    let port = port.map_or("", |colon| &authority[colon..]);
    format!("{scheme}://{host}{port}{path}")
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::Refusal;
    use super::*;
    use crate::config::Config;

    const TENANT: &str = "7a245486-3fc8-47ec-b303-04fefe7a58ff";
    const OTHER: &str = "162be16f-0d3c-4bd0-8f7d-9a0e3a0d6d11";

    fn challenge(path: &str, header: &[&str], host: &str, public_url: &str) -> String {
        let config = Config { base_domains: vec!["example.test".to_owned()], ..Config::default() };
        let raw = RawRequest {
            path: path.to_owned(),
            tenant_headers: header.iter().map(|value| Bytes::copy_from_slice(value.as_bytes())).collect(),
            host: Some(Bytes::copy_from_slice(host.as_bytes())),
            ..RawRequest::default()
        };
        let origins = Origins::new(&config).expect("good settings");
        Realm::of(&raw, &origins, public_url).challenge(Refusal::Missing.challenge().expect("a challenge"))
    }

    #[test]
    fn t02_the_realm_is_the_tenant_s_that_the_request_names() {
        let own = "Bearer realm=\"rowhouse\"";
        let tenant = format!("Bearer realm=\"{TENANT}\"");
        let path = format!("/{TENANT}/items");
        assert_eq!(challenge("/items", &[], "localhost", ""), own);
        assert_eq!(challenge(&path, &[], "localhost", ""), tenant);
        assert_eq!(challenge("/items", &[TENANT], "acme.example.test", ""), tenant);
        assert_eq!(
            challenge("/items", &[], "Acme.example.test:80", ""),
            "Bearer realm=\"acme.example.test\""
        );
        for odd in [&["x\"y"][..], &[TENANT, TENANT], &[&TENANT.to_uppercase()]] {
            assert_eq!(challenge("/items", odd, "localhost", ""), own);
        }
        assert_eq!(challenge(&path, &[OTHER], "localhost", ""), own);
        assert_eq!(challenge("/items", &[], "a b", ""), own);
    }

    #[test]
    fn t02_the_metadata_s_url_stands_beside_the_realm() {
        let well_known = "https://api.example/.well-known/oauth-protected-resource";
        assert_eq!(
            challenge("/items", &[], "localhost", "https://api.example"),
            format!("Bearer realm=\"rowhouse\", resource_metadata=\"{well_known}\"")
        );
        assert_eq!(
            challenge("/items", &[TENANT], "localhost", "https://api.example"),
            format!("Bearer realm=\"{TENANT}\", resource_metadata=\"{well_known}/{TENANT}\"")
        );
    }

    #[test]
    fn t02_the_metadata_of_a_host_s_tenant_is_at_that_host() {
        let at = |host| challenge("/items", &[], host, "https://api.example:8443");
        let expected = "Bearer realm=\"acme.example.test\", resource_metadata=\"https://acme.example.test:8443/.well-known/oauth-protected-resource\"";
        assert_eq!(at("Acme.example.test.:80"), expected);
        for (url, there) in [
            ("https://api.example", "https://acme.example.test"),
            ("http://localhost:8000", "http://acme.example.test:8000"),
            ("http://[::1]:8000", "http://acme.example.test:8000"),
            ("http://[::1]", "http://acme.example.test"),
            ("https://api.example/v1", "https://acme.example.test/v1"),
        ] {
            assert_eq!(url_at(url, "acme.example.test"), there);
        }
    }

    #[test]
    fn t02_the_error_attribute_stays() {
        let realm = Realm { name: "x".to_owned(), metadata: None };
        assert_eq!(realm.challenge("Bearer"), "Bearer realm=\"x\"");
        assert_eq!(
            realm.challenge("Bearer realm=\"rowhouse\", error=\"invalid_token\""),
            "Bearer realm=\"x\", error=\"invalid_token\""
        );
    }
}
