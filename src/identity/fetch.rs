//! URL -> body: the only requests that the service makes over HTTP, for documents that issuers publish.
//!
//! The URLs come from whoever registers an issuer, so they are treated as an attacker's: https only, no redirects, no proxy,
//! no address that only this machine or its network can reach, little time and few bytes (J7). The addresses that are checked
//! are those that are connected to: the check is the client's own resolver. Knows nothing of keys.

use std::collections::HashSet;
use std::error::Error as _;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{ACCEPT, AGE, CACHE_CONTROL, HeaderMap};
use reqwest::{Client, StatusCode, Url};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};

use crate::config::Config;

/// The longest URL, in bytes.
const URL_BYTES_MAX: usize = 2_048;
/// The largest body, in bytes (J6).
const BODY_BYTES_MAX: usize = 256 * 1024;

const LIMITS: Limits = Limits { connect: Duration::from_secs(3), total: Duration::from_secs(5) };

/// Fetches documents; shared by all workers. Connections are not kept: each belongs to the runtime that made it.
pub(super) struct Fetcher {
    /// Hosts that others' documents may name, in lower case.
    hosts_allowed: HashSet<String>,
    /// Hosts whose addresses need not be public, in lower case.
    private_hosts: Arc<HashSet<String>>,
    lookup: Lookup,
    limits: Limits,
    /// Made at the first use: reading the system's certificate authorities takes a while, and many need none.
    secure: OnceLock<Client>,
    /// For http to this machine, where the configuration allows it.
    plain: Option<Client>,
}

/// A body, and how long it may be kept.
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    /// `max-age` less `Age`, where there is a `max-age`; 0 where the body may not be kept (RFC 9111 5.2.2).
    pub(super) fresh_s: Option<u64>,
}

/// Why there is no body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A URL that is never fetched.
    #[error("the URL {0}")]
    Url(&'static str),
    /// The host is this machine, or one of its network.
    #[error("the host has an address that is not public, and is none of issuer_private_hosts")]
    Address,
    /// No certificate authority is known.
    #[error("this machine has no certificate authorities")]
    Authorities,
    /// No connection, or no TLS.
    #[error("no connection could be made")]
    Connect,
    /// It took too long.
    #[error("the answer took too long")]
    Timeout,
    /// Something else than 200; redirects are not followed.
    #[error("the answer has status {0}")]
    Status(u16),
    /// The body is too large.
    #[error("the answer is larger than 256 kB")]
    TooLarge,
    /// The answer broke off, or is no HTTP.
    #[error("the answer is broken")]
    Broken,
}

impl Fault {
    /// The fault's name in metrics.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Fault::Url(_) => "url",
            Fault::Address => "address",
            Fault::Authorities => "authorities",
            Fault::Connect => "connect",
            Fault::Timeout => "timeout",
            Fault::Status(_) => "status",
            Fault::TooLarge => "too_large",
            Fault::Broken => "broken",
        }
    }
}

impl Fetcher {
    pub(super) fn new(config: &Config) -> Fetcher {
        let set = |hosts: &[String]| hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        let private_hosts = set(&config.issuer_private_hosts);
        Fetcher {
            hosts_allowed: set(&config.issuer_hosts_allowed),
            ..Fetcher::with(private_hosts, config.insecure_issuer_urls, Arc::new(system_lookup), LIMITS)
        }
    }

    fn with(private_hosts: HashSet<String>, insecure: bool, lookup: Lookup, limits: Limits) -> Fetcher {
        let mut fetcher = Fetcher {
            hosts_allowed: HashSet::new(),
            private_hosts: Arc::new(private_hosts),
            lookup,
            limits,
            secure: OnceLock::new(),
            plain: None,
        };
        if insecure {
            // Without TLS nothing can be missing.
            let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .map(|builder| builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth());
            fetcher.plain = tls.ok().and_then(|tls| fetcher.client(tls, Rule::Loopback).ok());
        }
        fetcher
    }

    /// Fetches `url`, in 5 s and 256 kB.
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub(super) async fn get(&self, url: &str) -> Result<Body, Fault> {
        let (url, client) = self.checked(url)?;
        let mut answer = client.get(url).header(ACCEPT, "application/json").send().await.map_err(fault)?;
        if answer.status() != StatusCode::OK {
            return Err(Fault::Status(answer.status().as_u16()));
        }
        if answer.content_length().is_some_and(|length| length > BODY_BYTES_MAX as u64) {
            return Err(Fault::TooLarge);
        }
        let fresh_s = fresh_s(answer.headers());
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(fault)? {
            if bytes.len() + chunk.len() > BODY_BYTES_MAX {
                return Err(Fault::TooLarge);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Body { bytes, fresh_s })
    }

    /// Whether a document of `host` may name a URL of `other`.
    pub(super) fn is_same_or_allowed(&self, host: &Url, other: &Url) -> bool {
        let other = other.host_str();
        other.is_some()
            && (other == host.host_str() || other.is_some_and(|other| self.hosts_allowed.contains(other)))
    }

    /// The URL, and the client for its scheme.
    fn checked(&self, text: &str) -> Result<(Url, &Client), Fault> {
        let url = parsed(text)?;
        let (plain, rule) = match (url.scheme(), &self.plain) {
            ("https", _) => (None, self.public()),
            ("http", Some(plain)) => (Some(plain), Rule::Loopback),
            _ => return Err(Fault::Url("is not https")),
        };
        let host = url.host_str().ok_or(Fault::Url("has no host"))?;
        // A host that is an address is never resolved.
        if let Ok(address) = host.trim_matches(['[', ']']).parse()
            && !rule.admits(host, address)
        {
            return Err(Fault::Address);
        }
        let client = plain.map_or_else(|| self.secure(), Ok)?;
        Ok((url, client))
    }

    fn public(&self) -> Rule {
        Rule::Public { private_hosts: self.private_hosts.clone() }
    }

    fn secure(&self) -> Result<&Client, Fault> {
        if let Some(client) = self.secure.get() {
            return Ok(client);
        }
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err(Fault::Authorities);
        }
        let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|_| Fault::Connect)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = self.client(tls, self.public()).map_err(|_| Fault::Connect)?;
        Ok(self.secure.get_or_init(|| client))
    }

    fn client(&self, tls: ClientConfig, rule: Rule) -> reqwest::Result<Client> {
        Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(!matches!(rule, Rule::Loopback))
            .dns_resolver(Arc::new(Checked { lookup: self.lookup.clone(), rule }))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .http1_only()
            .retry(reqwest::retry::never())
            .pool_max_idle_per_host(0)
            .connect_timeout(self.limits.connect)
            .timeout(self.limits.total)
            .user_agent(concat!("rowhouse/", env!("CARGO_PKG_VERSION")))
            .build()
    }
}

/// A URL that may be fetched as far as its text goes.
///
/// # Errors
///
/// [`Fault::Url`].
pub(super) fn parsed(text: &str) -> Result<Url, Fault> {
    if text.len() > URL_BYTES_MAX {
        return Err(Fault::Url("is longer than 2048 bytes"));
    }
    let url = Url::parse(text).map_err(|_| Fault::Url("is no URL"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Fault::Url("has a user name or a password"));
    }
    if url.fragment().is_some() {
        return Err(Fault::Url("has a fragment"));
    }
    Ok(url)
}

/// How long a request may take.
#[derive(Clone, Copy)]
struct Limits {
    /// Name look-up, connection and TLS.
    connect: Duration,
    /// From the start to the end of the body.
    total: Duration,
}

type Lookup =
    Arc<dyn Fn(String) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> + Send + Sync>;

fn system_lookup(host: String) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
    Box::pin(async move {
        let addresses = tokio::net::lookup_host((host, 0)).await?;
        Ok(addresses.map(|address| address.ip()).collect())
    })
}

/// Which addresses may be connected to.
#[derive(Clone)]
enum Rule {
    /// Public ones, and any of these hosts.
    Public { private_hosts: Arc<HashSet<String>> },
    /// This machine's own.
    Loopback,
}

impl Rule {
    fn admits(&self, host: &str, address: IpAddr) -> bool {
        match self {
            Rule::Public { private_hosts } => is_public(address) || private_hosts.contains(host),
            Rule::Loopback => address.is_loopback(),
        }
    }
}

/// A resolver that gives out no address that the rule does not admit. A name with one such address among others is refused
/// whole: nobody has a good reason for it.
struct Checked {
    lookup: Lookup,
    rule: Rule,
}

#[derive(Debug, thiserror::Error)]
#[error("the name has an address that is not public")]
struct Refused;

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let (found, rule) = ((self.lookup)(host.clone()), self.rule.clone());
        Box::pin(async move {
            let addresses = found.await?;
            if addresses.iter().any(|address| !rule.admits(&host, *address)) {
                return Err(Refused.into());
            }
            Ok(Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

/// Whether the address is one of the public internet (the special-purpose registries of IANA, RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match (a, b, c) {
        // This network, private, loopback, multicast and what is above it.
        (0 | 10 | 127 | 224..=255, _, _) => true,
        // Shared by the customers of a carrier (RFC 6598).
        (100, 64..=127, _) => true,
        // Link-local: the metadata service of most clouds, too.
        (169, 254, _) => true,
        (172, 16..=31, _) | (192, 168, _) => true,
        // Protocol assignments, documentation, the relay anycast of 6to4, benchmarks.
        (192, 0, 0 | 2) | (192, 88, 99) | (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113) => true,
        _ => false,
    };
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    // NAT64 (RFC 6052): an IPv4 address by another name. Of the mapped and compatible forms nothing is public.
    if segments[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
        let [.., a, b, c, d] = address.octets();
        return is_public_v4(Ipv4Addr::new(a, b, c, d));
    }
    let special = match (segments[0], segments[1]) {
        // Protocol assignments (Teredo among them), documentation, 6to4.
        (0x2001, 0..=0x1ff | 0xdb8) | (0x2002, _) | (0x3fff, 0..=0xfff) => true,
        // All that is assigned so far is 2000::/3; loopback, private, link-local and multicast lie outside.
        (0x2000..=0x3fff, _) => false,
        _ => true,
    };
    !special
}

fn fault(error: reqwest::Error) -> Fault {
    let mut source = error.source();
    while let Some(cause) = source {
        if cause.is::<Refused>() {
            return Fault::Address;
        }
        source = cause.source();
    }
    match () {
        () if error.is_timeout() => Fault::Timeout,
        () if error.is_connect() => Fault::Connect,
        () => Fault::Broken,
    }
}

/// How long an answer may be kept by its own word.
fn fresh_s(headers: &HeaderMap) -> Option<u64> {
    let mut age_max_s = None;
    for value in headers.get_all(CACHE_CONTROL) {
        for directive in value.to_str().ok()?.split(',') {
            let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "no-store" | "no-cache" => return Some(0),
                "max-age" => age_max_s = value.trim().trim_matches('"').parse::<u64>().ok(),
                _ => {}
            }
        }
    }
    let age_s = headers.get(AGE).and_then(|age| age.to_str().ok()?.trim().parse::<u64>().ok()).unwrap_or(0);
    age_max_s.map(|age_max_s| age_max_s.saturating_sub(age_s))
}

/// A fetcher for http to this machine, and for nothing else that a test has.
#[cfg(test)]
pub(super) fn insecure() -> Fetcher {
    Fetcher::with(HashSet::new(), true, Arc::new(system_lookup), LIMITS)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::net::TcpListener;

    use super::super::provider::{Provider, Reply};
    use super::*;

    /// A fetcher for which every name has these addresses, and the number of look-ups.
    fn resolving(addresses: &[&str], private_hosts: &[&str], insecure: bool) -> (Fetcher, Arc<AtomicUsize>) {
        let addresses: Vec<IpAddr> = addresses.iter().map(|text| text.parse().expect("an address")).collect();
        let lookups = Arc::new(AtomicUsize::new(0));
        let counted = lookups.clone();
        let lookup: Lookup = Arc::new(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            let addresses = addresses.clone();
            Box::pin(async move { Ok(addresses) })
        });
        let hosts = private_hosts.iter().map(|host| (*host).to_owned()).collect();
        let fetcher = Fetcher::with(hosts, insecure, lookup, LIMITS);
        // A machine that tests may have no certificate authorities. That none is trusted is no matter here.
        let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        let client = fetcher.client(tls, fetcher.public()).expect("a client");
        fetcher.secure.set(client).expect("not made yet");
        (fetcher, lookups)
    }

    #[test]
    fn a_host_for_documents_elsewhere_is_none_with_an_address_that_is_not_public_nor_the_other_way_round() {
        let config = Config {
            issuer_hosts_allowed: vec!["Keys.test".to_owned()],
            issuer_private_hosts: vec!["Idp.internal".to_owned()],
            ..Config::default()
        };
        let fetcher = Fetcher::new(&config);
        let url = |host: &str| Url::parse(&format!("https://{host}/")).expect("a URL");
        let names = |other: &str| fetcher.is_same_or_allowed(&url("idp.test"), &url(other));
        assert_eq!(["idp.test", "keys.test", "idp.internal"].map(names), [true, true, false]);
        let private: IpAddr = "10.0.0.1".parse().expect("an address");
        let admits = |host: &str| fetcher.public().admits(host, private);
        assert_eq!(["idp.test", "keys.test", "idp.internal"].map(admits), [false, false, true]);
    }

    async fn fault_of(fetcher: &Fetcher, url: &str) -> Option<Fault> {
        fetcher.get(url).await.err()
    }

    #[tokio::test]
    async fn j07_only_https_is_fetched_and_http_from_this_machine_where_it_is_allowed() {
        let provider = Provider::start().await;
        provider.answer("/", Reply::json("{}"));
        let (strict, _) = resolving(&["127.0.0.1"], &["127.0.0.1", "localhost"], false);
        for url in [&provider.url, "http://localhost/", "ftp://idp.test/", "file:///etc/passwd", "data:,x"] {
            assert_eq!(fault_of(&strict, url).await, Some(Fault::Url("is not https")), "{url}");
        }
        assert_eq!(provider.hits("/"), 0);
        let body = insecure().get(&provider.url).await.expect("a body");
        assert_eq!((body.bytes.as_slice(), body.fresh_s), (&b"{}"[..], None));
    }

    #[tokio::test]
    async fn j07_http_is_for_this_machine_alone() {
        let (fetcher, _) = resolving(&["93.184.216.34"], &[], true);
        for url in
            ["http://93.184.216.34/", "http://[2606:2800:220:1::1]/", "http://10.0.0.1/", "http://idp.test/"]
        {
            assert_eq!(fault_of(&fetcher, url).await, Some(Fault::Address), "{url}");
        }
    }

    #[tokio::test]
    async fn j07_urls_that_say_more_than_where_are_refused() {
        let long = format!("https://idp.test/{}", "x".repeat(URL_BYTES_MAX));
        let (fetcher, lookups) = resolving(&["93.184.216.34"], &[], false);
        for url in [
            "",
            "idp.test",
            "https://",
            "https://u@idp.test/",
            "https://:p@idp.test/",
            "https://idp.test/#x",
            &long,
        ] {
            assert!(matches!(fault_of(&fetcher, url).await, Some(Fault::Url(_))), "{url}");
        }
        assert_eq!(lookups.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn j07_addresses_that_are_not_public_are_refused_however_they_are_written() {
        let (fetcher, lookups) = resolving(&["93.184.216.34"], &[], false);
        let hosts = [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f.1",
            "0177.0.0.1",
            "127.0.0.1.",
            "0.0.0.0",
            "0",
            "169.254.169.254",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:93.184.216.34]",
            "[::127.0.0.1]",
            "[fe80::1]",
            "[fd00::1]",
            "[ff02::1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "\u{ff11}27.0.0.1",
        ];
        for host in hosts {
            assert_eq!(fault_of(&fetcher, &format!("https://{host}/")).await, Some(Fault::Address), "{host}");
        }
        assert_eq!(lookups.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn j07_names_with_an_address_that_is_not_public_are_refused_before_any_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        for addresses in
            [&["127.0.0.1"][..], &["93.184.216.34", "127.0.0.1"], &["169.254.169.254"], &["fd00::1"]]
        {
            let (fetcher, lookups) = resolving(addresses, &["other.test"], false);
            let url = format!("https://idp.test:{port}/");
            assert_eq!(fault_of(&fetcher, &url).await, Some(Fault::Address), "{addresses:?}");
            // What was checked is what would be connected to: there is no second look-up.
            assert_eq!(lookups.load(Ordering::SeqCst), 1);
        }
        // The near miss: the same name, vouched for. It is the first to get here.
        let (fetcher, _) = resolving(&["127.0.0.1"], &["idp.test"], false);
        let accepting = tokio::spawn(async move { drop(listener.accept().await.expect("a connection")) });
        let fault = fault_of(&fetcher, &format!("https://idp.test:{port}/")).await;
        assert_eq!(fault, Some(Fault::Connect), "nobody speaks TLS there");
        accepting.await.expect("one connection");
    }

    #[tokio::test]
    async fn j07_redirects_are_not_followed() {
        let provider = Provider::start().await;
        provider.answer("/keys", Reply::Text(302, "Location: /other\r\n", String::new()));
        provider.answer("/other", Reply::json("{}"));
        let fault = fault_of(&insecure(), &format!("{}/keys", provider.url)).await;
        assert_eq!(fault, Some(Fault::Status(302)));
        assert_eq!(provider.hits("/other"), 0);
    }

    #[tokio::test]
    async fn j07_bodies_are_read_up_to_256_kb() {
        let provider = Provider::start().await;
        provider.answer("/most", Reply::json("x".repeat(BODY_BYTES_MAX)));
        provider.answer("/more", Reply::json("x".repeat(BODY_BYTES_MAX + 1)));
        provider.answer("/endless", Reply::Endless);
        let fetcher = insecure();
        let most = fetcher.get(&format!("{}/most", provider.url)).await.expect("a body");
        assert_eq!(most.bytes.len(), BODY_BYTES_MAX);
        for path in ["more", "endless"] {
            let fault = fault_of(&fetcher, &format!("{}/{path}", provider.url)).await;
            assert_eq!(fault, Some(Fault::TooLarge), "{path}");
        }
    }

    #[tokio::test]
    async fn j07_an_answer_that_does_not_end_in_time_is_given_up() {
        let provider = Provider::start().await;
        provider.answer("/stuck", Reply::Stuck);
        let limits = Limits { connect: Duration::from_millis(300), total: Duration::from_millis(300) };
        let fetcher = Fetcher::with(HashSet::new(), true, Arc::new(system_lookup), limits);
        let fault = fault_of(&fetcher, &format!("{}/stuck", provider.url)).await;
        assert_eq!(fault, Some(Fault::Timeout));
    }

    #[tokio::test]
    async fn what_is_no_answer_is_told_apart() {
        let provider = Provider::start().await;
        provider.answer("/nothing", Reply::Nothing);
        provider.answer("/empty", Reply::Text(204, "", String::new()));
        provider.answer("/broken", Reply::Text(500, "", "{}".to_owned()));
        let fetcher = insecure();
        for (path, fault) in [
            ("nothing", Fault::Broken),
            ("empty", Fault::Status(204)),
            ("broken", Fault::Status(500)),
            ("x", Fault::Status(404)),
        ] {
            assert_eq!(fault_of(&fetcher, &format!("{}/{path}", provider.url)).await, Some(fault), "{path}");
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let nobody = listener.local_addr().expect("bound");
        drop(listener);
        assert_eq!(fault_of(&fetcher, &format!("http://{nobody}/")).await, Some(Fault::Connect));
    }

    #[test]
    fn public_addresses_are_told_from_all_others() {
        let is_public = |text: &str| is_public(text.parse().expect("an address"));
        for text in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00::1",
            "2001:200::1",
            "2001:4860::8888",
            "64:ff9b::101:101",
        ] {
            assert!(is_public(text), "{text}");
        }
        for text in [
            "0.1.2.3",
            "10.0.0.0",
            "10.255.255.255",
            "100.64.0.0",
            "100.127.255.255",
            "127.0.0.0",
            "127.255.255.255",
            "169.254.0.1",
            "172.16.0.0",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.0",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::1.1.1.1",
            "::ffff:1.1.1.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2002::1",
            "3fff::1",
            "4000::1",
            "fc00::1",
            "fdff::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(text), "{text}");
        }
    }

    #[test]
    fn how_long_an_answer_may_be_kept_is_read_from_its_headers() {
        let fresh = |lines: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(*name, value.parse().expect("a value"));
            }
            fresh_s(&headers)
        };
        assert_eq!(fresh(&[]), None);
        assert_eq!(fresh(&[("cache-control", "public, max-age=300")]), Some(300));
        assert_eq!(fresh(&[("cache-control", "Max-Age=\"300\""), ("age", "100")]), Some(200));
        assert_eq!(fresh(&[("cache-control", "public"), ("cache-control", "max-age=300")]), Some(300));
        assert_eq!(fresh(&[("cache-control", "max-age=300"), ("age", "400")]), Some(0));
        assert_eq!(fresh(&[("cache-control", "max-age=300, no-store")]), Some(0));
        assert_eq!(fresh(&[("cache-control", "no-cache")]), Some(0));
        assert_eq!(fresh(&[("cache-control", "s-maxage=300")]), None);
        assert_eq!(fresh(&[("cache-control", "max-age=-1")]), None);
        assert_eq!(fresh(&[("cache-control", "max-age=soon")]), None);
    }
}
