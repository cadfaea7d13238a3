//! TLS to Postgres with the meanings that libpq gives `sslmode` (Postgres manual, 34.19.1, table 34.1).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::UrlError;

/// `sslmode`. `allow` is read as `prefer`: both are content without TLS, and neither verifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Mode {
    Disable,
    #[default]
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

impl Mode {
    /// What tokio-postgres must negotiate; the rest is the verifier's.
    pub(super) fn negotiation(self) -> tokio_postgres::config::SslMode {
        match self {
            Mode::Disable => tokio_postgres::config::SslMode::Disable,
            Mode::Prefer => tokio_postgres::config::SslMode::Prefer,
            Mode::Require | Mode::VerifyCa | Mode::VerifyFull => tokio_postgres::config::SslMode::Require,
        }
    }
}

/// The TLS part of a database URL.
#[derive(Debug, Default)]
pub(super) struct Options {
    pub mode: Mode,
    root_certificate: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

impl Options {
    /// Takes one parameter of a URL; false if it is not about TLS.
    pub(super) fn set(&mut self, key: &str, value: &str) -> Result<bool, UrlError> {
        match key {
            "sslmode" => {
                self.mode = match value {
                    "disable" => Mode::Disable,
                    "allow" | "prefer" => Mode::Prefer,
                    "require" => Mode::Require,
                    "verify-ca" => Mode::VerifyCa,
                    "verify-full" => Mode::VerifyFull,
                    _ => return Err(UrlError::SslMode),
                };
            }
            "sslrootcert" => self.root_certificate = Some(value.into()),
            "sslcert" => self.certificate = Some(value.into()),
            "sslkey" => self.key = Some(value.into()),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Builds the connector that `options` ask for.
pub(super) fn connector(options: &Options) -> Result<MakeRustlsConnect, UrlError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|_| UrlError::Combination("TLS 1.2 and 1.3 are both missing from the crypto provider"))?
        .dangerous()
        .with_custom_certificate_verifier(verifier(options, provider)?);
    let config = match (&options.certificate, &options.key) {
        (None, None) => builder.with_no_client_auth(),
        (Some(certificate), Some(key)) => {
            let chain = certificates("sslcert", certificate)?;
            let private =
                PrivateKeyDer::from_pem_file(key).map_err(|error| unusable("sslkey", key, &error))?;
            builder.with_client_auth_cert(chain, private).map_err(|error| unusable("sslkey", key, &error))?
        }
        _ => return Err(UrlError::Combination("sslcert and sslkey come together")),
    };
    Ok(MakeRustlsConnect::new(config))
}

fn verifier(
    options: &Options,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, UrlError> {
    let system = options.root_certificate.as_deref() == Some(Path::new("system"));
    let mode = match options.mode {
        // libpq: with a root certificate at hand, require verifies as verify-ca does.
        Mode::Require if options.root_certificate.is_some() => Mode::VerifyCa,
        mode => mode,
    };
    if system && mode != Mode::VerifyFull {
        return Err(UrlError::Combination("sslrootcert=system needs sslmode=verify-full, as in libpq"));
    }
    match mode {
        Mode::Disable | Mode::Prefer | Mode::Require => Ok(Arc::new(Unverified(provider))),
        Mode::VerifyCa | Mode::VerifyFull => {
            let roots = roots(options.root_certificate.as_deref())?;
            let strict = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|_| UrlError::Combination("no usable certificate authority in sslrootcert"))?;
            Ok(match mode {
                Mode::VerifyFull => strict,
                _ => Arc::new(ChainOnly(strict)),
            })
        }
    }
}

fn roots(path: Option<&Path>) -> Result<RootCertStore, UrlError> {
    let mut roots = RootCertStore::empty();
    match path {
        Some(path) if path == Path::new("system") => {
            let (added, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if added == 0 {
                return Err(UrlError::Combination(
                    "sslrootcert=system: the system has no certificate authorities",
                ));
            }
        }
        Some(path) => {
            for certificate in certificates("sslrootcert", path)? {
                roots.add(certificate).map_err(|error| unusable("sslrootcert", path, &error))?;
            }
        }
        None => {
            return Err(UrlError::Combination(
                "sslmode=verify-ca and verify-full need sslrootcert=FILE or =system",
            ));
        }
    }
    Ok(roots)
}

fn certificates(what: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, UrlError> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| unusable(what, path, &error))?;
    if chain.is_empty() { Err(unusable(what, path, &"it holds no certificate")) } else { Ok(chain) }
}

fn unusable(what: &'static str, path: &Path, why: &dyn std::fmt::Display) -> UrlError {
    UrlError::Certificate { what, path: path.display().to_string(), why: why.to_string() }
}

/// `prefer` and `require`: the wire is encrypted, and nobody says by whom.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

/// `verify-ca`: the chain is checked, the name is not.
#[derive(Debug)]
struct ChainOnly(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

impl ServerCertVerifier for ChainOnly {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        use rustls::Error::InvalidCertificate;
        match self.0.verify_server_cert(end_entity, intermediates, name, ocsp, now) {
            // The name is checked last, once the chain is found good.
            Err(InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
