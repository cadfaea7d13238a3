//! Where a request came from and which host it was sent to: `Host`, and what trusted proxies say of both. Pure.
//!
//! `X-Forwarded-For`, `X-Forwarded-Host` and `Forwarded` (RFC 7239) are anybody's to write, so they are read only where the
//! connection comes from a proxy of the configuration, and of the two families only the one that the proxy is known to set. A
//! host is a selector of a tenant at the most; it proves nothing.

use std::net::IpAddr;

use crate::config::{Config, ForwardedHeaders};
use crate::request::RawRequest;

/// A host as a request names it: lower case, without port and without a dot at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    Name(String),
    /// An address, or a single label such as `localhost`: never a tenant's.
    Local,
}

/// What a host may select a tenant by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HostName<'a> {
    /// The label before a base domain.
    Slug(&'a str),
    /// A name under no base domain.
    Domain(&'a str),
}

/// What is wrong with the settings of hosts and proxies.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    #[error("base_domains: {0:?} is no name such as example.com, in lower case")]
    BaseDomain(String),
    #[error("public_url: {0:?} is no URL such as https://api.example.com, without a slash at its end")]
    PublicUrl(String),
    #[error("trusted_proxies: {0:?} is neither an address nor a network such as 10.0.0.0/8")]
    Network(String),
}

/// `Host` is malformed: 400 (T5, RFC 9112 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadHost;

/// The configuration's hosts and proxies.
#[derive(Clone, Debug)]
pub struct Origins {
    base_domains: Vec<String>,
    custom_domains: bool,
    /// That of `public_url`: the service's own name is no tenant's.
    own: Option<Host>,
    proxies: Vec<Network>,
    headers: ForwardedHeaders,
}

impl Origins {
    /// Reads `base_domains`, `custom_domains`, `public_url`, `trusted_proxies` and `forwarded_headers`.
    ///
    /// # Errors
    /// [`OriginError`], in one line that names the key.
    pub fn new(config: &Config) -> Result<Self, OriginError> {
        let own = own_host(&config.public_url);
        if own.is_none() && !config.public_url.is_empty() {
            return Err(OriginError::PublicUrl(config.public_url.clone()));
        }
        let mut origins = Self {
            base_domains: Vec::new(),
            custom_domains: config.custom_domains,
            own,
            proxies: Vec::new(),
            headers: config.forwarded_headers,
        };
        for domain in &config.base_domains {
            match host(domain.as_bytes()) {
                Ok(Host::Name(name)) if name == *domain => origins.base_domains.push(name),
                _ => return Err(OriginError::BaseDomain(domain.clone())),
            }
        }
        for text in &config.trusted_proxies {
            origins.proxies.push(Network::parse(text).ok_or_else(|| OriginError::Network(text.clone()))?);
        }
        Ok(origins)
    }

    /// The client's address: the connection's other end, or, where that is a trusted proxy, the last address before it
    /// that is none.
    pub fn client(&self, raw: &RawRequest) -> Option<IpAddr> {
        let peer = raw.peer.map(|address| address.to_canonical());
        let mut client = peer;
        if self.is_from_proxy(raw) {
            // The newest entry stands last; those that the proxies before added lead to the client.
            for text in self.forwarded_for(raw).iter().rev() {
                let Some(address) = address(text) else { break };
                client = Some(address);
                if !self.trusts(address) {
                    break;
                }
            }
        }
        client
    }

    /// The host that the request was sent to; None where it names none.
    ///
    /// # Errors
    /// [`BadHost`].
    pub fn host(&self, raw: &RawRequest) -> Result<Option<Host>, BadHost> {
        let told = if self.is_from_proxy(raw) { self.forwarded_host(raw) } else { None };
        match told {
            Some(told) => host(told.as_bytes()).map(Some),
            None => raw.host.as_deref().map(host).transpose(),
        }
    }

    fn is_from_proxy(&self, raw: &RawRequest) -> bool {
        raw.peer.is_some_and(|peer| self.trusts(peer.to_canonical()))
    }

    fn forwarded_for(&self, raw: &RawRequest) -> Vec<String> {
        match self.headers {
            ForwardedHeaders::XForwarded => list(&raw.forwarded.x_for),
            ForwardedHeaders::Forwarded => {
                let elements = list(&raw.forwarded.forwarded).into_iter();
                elements.map(|element| parameter(&element, "for").unwrap_or_default()).collect()
            }
        }
    }

    fn forwarded_host(&self, raw: &RawRequest) -> Option<String> {
        match self.headers {
            ForwardedHeaders::XForwarded => list(&raw.forwarded.x_host).pop(),
            ForwardedHeaders::Forwarded => parameter(&list(&raw.forwarded.forwarded).pop()?, "host"),
        }
    }

    /// What `host` selects a tenant by, if it can: exactly one label under a base domain, or, where domains of tenants'
    /// own are served, any name under none.
    pub fn selects<'a>(&self, host: &'a Host) -> Option<HostName<'a>> {
        let Host::Name(name) = host else { return None };
        if self.base_domains.iter().any(|base| base == name) || self.own.as_ref() == Some(host) {
            return None;
        }
        let label = |base: &String| name.strip_suffix(base.as_str()).and_then(|rest| rest.strip_suffix('.'));
        // Of base domains within each other the longest is meant.
        let label = self.base_domains.iter().filter_map(label).min_by_key(|label| label.len());
        match label {
            Some(label) if label.contains('.') => None,
            Some(label) => Some(HostName::Slug(label)),
            None => self.custom_domains.then_some(HostName::Domain(name)),
        }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|network| network.contains(address))
    }
}

/// The host of a URL that others can be made of by adding a path.
fn own_host(public_url: &str) -> Option<Host> {
    let rest = public_url.strip_prefix("https://").or_else(|| public_url.strip_prefix("http://"))?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'"' | b'\\');
    if path.ends_with('/') || !path.bytes().all(is_plain) {
        return None;
    }
    host(authority.as_bytes()).ok()
}

/// Reads a host with its port (RFC 3986 3.2.2, 3.2.3), of what can be a name in DNS or an address.
fn host(bytes: &[u8]) -> Result<Host, BadHost> {
    let text = std::str::from_utf8(bytes).map_err(|_| BadHost)?;
    let is_port = |port: &str| port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(rest) = text.strip_prefix('[') {
        let (inner, rest) = rest.split_once(']').ok_or(BadHost)?;
        let port = rest.strip_prefix(':').unwrap_or(rest);
        let fits = rest.is_empty() || (rest.starts_with(':') && is_port(port));
        return match inner.parse::<std::net::Ipv6Addr>() {
            Ok(_) if fits => Ok(Host::Local),
            _ => Err(BadHost),
        };
    }
    let (name, port) = text.split_once(':').unwrap_or((text, ""));
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if !is_port(port) || name.len() > 253 || !name.split('.').all(is_label) {
        return Err(BadHost);
    }
    // A last label of digits alone is the end of an address, however that is written.
    let is_address =
        name.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    Ok(if is_address || !name.contains('.') { Host::Local } else { Host::Name(name.to_ascii_lowercase()) })
}

/// The elements of a list header, of all its lines, without the spaces around them; commas in quotes divide nothing.
fn list(lines: &[bytes::Bytes]) -> Vec<String> {
    let mut elements = Vec::new();
    for line in lines {
        let text = String::from_utf8_lossy(line);
        elements.extend(divide(&text, ',').into_iter().map(|element| element.trim().to_owned()));
    }
    elements
}

/// Splits at `separator` outside of double quotes.
fn divide(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut start, mut quoted) = (Vec::new(), 0, false);
    for (at, character) in text.char_indices() {
        quoted ^= character == '"';
        if character == separator && !quoted {
            parts.push(&text[start..at]);
            start = at + separator.len_utf8();
        }
    }
    parts.push(&text[start..]);
    parts
}

/// The value of one parameter of an element of `Forwarded`.
fn parameter(element: &str, name: &str) -> Option<String> {
    let pairs = divide(element, ';').into_iter();
    let mut named = pairs
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(key, _)| key.eq_ignore_ascii_case(name));
    named.next().map(|(_, value)| value.trim_matches('"').to_owned())
}

/// An address as proxies write it: bare, with a port, or in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None if text.matches(':').count() == 1 => text.split_once(':')?.0,
        None => text,
    };
    bare.parse().ok().map(|address: IpAddr| address.to_canonical())
}

/// A block of addresses (CIDR).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) if bits.bytes().all(|byte| byte.is_ascii_digit()) => bits.parse().ok()?,
            Some(_) => return None,
            None => most,
        };
        (bits <= most).then_some(Self { address, bits })
    }

    fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let differ = u32::from(network) ^ u32::from(address);
                differ.checked_shr(32 - self.bits).unwrap_or(0) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let differ = u128::from(network) ^ u128::from(address);
                differ.checked_shr(128 - self.bits).unwrap_or(0) == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::request::Forwarded;

    fn origins(
        base_domains: &[&str],
        custom_domains: bool,
        proxies: &[&str],
        headers: ForwardedHeaders,
    ) -> Origins {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        Origins::new(&Config {
            base_domains: texts(base_domains),
            custom_domains,
            trusted_proxies: texts(proxies),
            forwarded_headers: headers,
            ..Config::default()
        })
        .expect("good settings")
    }

    fn lines(lines: &[&str]) -> Vec<Bytes> {
        lines.iter().map(|line| Bytes::copy_from_slice(line.as_bytes())).collect()
    }

    #[test]
    fn t05_a_host_is_a_name_or_an_address_with_or_without_a_port() {
        for (text, name) in [
            ("acme.example.test", "acme.example.test"),
            ("ACME.Example.Test.", "acme.example.test"),
            ("acme.example.test:8000", "acme.example.test"),
            ("acme.example.test.:80", "acme.example.test"),
            ("a_b.example.test:", "a_b.example.test"),
        ] {
            assert_eq!(host(text.as_bytes()), Ok(Host::Name(name.to_owned())), "{text}");
        }
        for text in ["localhost", "localhost:8000", "127.0.0.1", "127.0.0.1:80", "1.2", "[::1]", "[::1]:80"] {
            assert_eq!(host(text.as_bytes()), Ok(Host::Local), "{text}");
        }
        let long = format!("{}.test", "a".repeat(64));
        for text in [
            "",
            ".",
            ":80",
            "a b",
            "a..b",
            "user@host.test",
            "a.test:x",
            "a.test:999999",
            "a.test:80:80",
            "a/b.test",
            "[::1",
            "[::1]x",
            "[x]",
            "a.test,b.test",
            "a.test\t",
            "%61.test",
            "ä.test",
            &long,
        ] {
            assert_eq!(host(text.as_bytes()), Err(BadHost), "{text}");
        }
        assert_eq!(host(b"\xff.test"), Err(BadHost));
    }

    #[test]
    fn exactly_one_label_under_a_base_domain_selects() {
        let origins = origins(&["example.test", "eu.example.test"], false, &[], ForwardedHeaders::XForwarded);
        let selects = |text: &str| {
            let host = host(text.as_bytes()).expect("a host");
            origins.selects(&host).map(|name| format!("{name:?}"))
        };
        assert_eq!(selects("ACME.example.test:80").as_deref(), Some("Slug(\"acme\")"));
        assert_eq!(selects("acme.eu.example.test").as_deref(), Some("Slug(\"acme\")"));
        for none in [
            "example.test",
            "eu.example.test",
            "a.b.example.test",
            "a.b.eu.example.test",
            "acmeexample.test",
            "acme.example.org",
            "localhost",
            "127.0.0.1",
            "[::1]",
            "acme.example.test.evil.test",
        ] {
            assert_eq!(selects(none), None, "{none}");
        }
    }

    #[test]
    fn a_name_under_no_base_domain_selects_where_domains_of_tenants_are_served() {
        let origins = origins(&["example.test"], true, &[], ForwardedHeaders::XForwarded);
        let selects = |text: &str| {
            let host = host(text.as_bytes()).expect("a host");
            origins.selects(&host).map(|name| format!("{name:?}"))
        };
        assert_eq!(selects("Data.Acme.org").as_deref(), Some("Domain(\"data.acme.org\")"));
        for none in ["example.test", "a.b.example.test", "localhost", "10.0.0.1"] {
            assert_eq!(selects(none), None, "{none}");
        }
    }

    #[test]
    fn the_service_s_own_name_is_no_tenant_s() {
        let config = Config {
            base_domains: vec!["example.test".to_owned()],
            custom_domains: true,
            public_url: "https://API.example.test:8443/v1".to_owned(),
            ..Config::default()
        };
        let origins = Origins::new(&config).expect("good settings");
        let selects = |text: &str| origins.selects(&host(text.as_bytes()).expect("a host")).is_some();
        assert!(!selects("api.example.test") && !selects("Api.Example.Test.:443"));
        assert!(selects("acme.example.test") && selects("api.example.org"));
    }

    #[test]
    fn t04_forwarded_headers_are_a_trusted_proxy_s_only() {
        let raw = |peer: &str| RawRequest {
            host: Some(Bytes::from_static(b"inner.test")),
            peer: Some(peer.parse().expect("an address")),
            forwarded: Forwarded {
                x_for: lines(&["6.6.6.6, 203.0.113.9", "10.1.2.3"]),
                x_host: lines(&["evil.test", "acme.example.test"]),
                forwarded: lines(&[
                    "for=6.6.6.6;host=evil.test, for=\"[2001:db8::7]:99\";Host=\"b.example.test:80\"",
                ]),
            },
            ..RawRequest::default()
        };
        let read = |origins: &Origins, peer| {
            let raw = raw(peer);
            let host = origins.host(&raw).expect("good").expect("a host");
            (format!("{host:?}"), origins.client(&raw).expect("a client").to_string())
        };
        let told = |name: &str, client: &str| (format!("Name(\"{name}\")"), client.to_owned());
        let none = origins(&[], false, &[], ForwardedHeaders::XForwarded);
        assert_eq!(read(&none, "10.0.0.1"), told("inner.test", "10.0.0.1"));
        let x = origins(&[], false, &["10.0.0.0/8", "::1"], ForwardedHeaders::XForwarded);
        assert_eq!(read(&x, "10.0.0.1"), told("acme.example.test", "203.0.113.9"));
        assert_eq!(read(&x, "::ffff:10.0.0.1"), told("acme.example.test", "203.0.113.9"));
        assert_eq!(read(&x, "11.0.0.1"), told("inner.test", "11.0.0.1"));
        let forwarded = origins(&[], false, &["10.0.0.1"], ForwardedHeaders::Forwarded);
        assert_eq!(read(&forwarded, "10.0.0.1"), told("b.example.test", "2001:db8::7"));
        assert_eq!(read(&forwarded, "10.0.0.2"), told("inner.test", "10.0.0.2"));
        // What is no address ends the chain at the last hop that is known.
        let unknown = RawRequest {
            forwarded: Forwarded { x_for: lines(&["1.2.3.4, unknown"]), ..Forwarded::default() },
            ..raw("10.0.0.1")
        };
        assert_eq!(x.client(&unknown), Some("10.0.0.1".parse().expect("an address")));
        let bad = RawRequest {
            forwarded: Forwarded { x_host: lines(&["a b"]), ..Forwarded::default() },
            ..raw("10.0.0.1")
        };
        assert_eq!(x.host(&bad), Err(BadHost));
    }

    #[test]
    fn networks_contain_their_addresses_and_no_others() {
        let network = |text: &str| Network::parse(text).expect(text);
        let within = |of: &str, text: &str| network(of).contains(text.parse().expect("an address"));
        assert!(within("0.0.0.0/0", "255.1.2.3") && within("::/0", "::1"));
        assert!(within("192.168.1.0/24", "192.168.1.255") && !within("192.168.1.0/24", "192.168.2.0"));
        assert!(within("127.0.0.1", "127.0.0.1") && !within("127.0.0.1", "127.0.0.2"));
        assert!(within("2001:db8::/32", "2001:db8:1::") && !within("2001:db8::/32", "2001:db9::"));
        assert!(!within("0.0.0.0/0", "::1"));
        for bad in
            ["", "x", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8", "10.0.0/8"]
        {
            assert_eq!(Network::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn settings_that_cannot_be_meant_are_refused() {
        let config = |base: &str, proxy: &str| Config {
            base_domains: vec![base.to_owned()],
            trusted_proxies: vec![proxy.to_owned()],
            ..Config::default()
        };
        for base in ["Example.test", "localhost", "example.test.", "10.0.0.1", "https://example.test", ""] {
            let error = Origins::new(&config(base, "10.0.0.1")).expect_err(base);
            assert_eq!(error, OriginError::BaseDomain(base.to_owned()));
        }
        assert!(matches!(Origins::new(&config("example.test", "proxy")), Err(OriginError::Network(_))));
        for url in [
            "api.example.test",
            "https://",
            "https://api.example.test/",
            "https://api.example.test/v1/",
            "https://api.example.test?x",
            "https://api.example.test/#x",
            "https://u@api.example.test",
            "https://a b",
            "https://api.example.test/a b",
            "ftp://api.example.test",
        ] {
            let config = Config { public_url: url.to_owned(), ..Config::default() };
            assert_eq!(Origins::new(&config).err(), Some(OriginError::PublicUrl(url.to_owned())));
        }
        for url in ["", "http://localhost:8000", "http://[::1]:8000", "https://api.example.test/v1"] {
            assert!(
                Origins::new(&Config { public_url: url.to_owned(), ..Config::default() }).is_ok(),
                "{url}"
            );
        }
    }
}
