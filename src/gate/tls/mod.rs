//! What HTTPS needs besides the encryption itself ([`crate::socket`]): a certificate, made here or given by the user,
//! that is renewed or reread while connections stay open.
//!
//! No answer ever carries Strict-Transport-Security. A browser that has seen it refuses for months to open a board
//! that has made itself a new certificate (RFC 6797 section 8.4) or serves plain HTTP again. Its user would be locked
//! out of the camera until they change the browser's settings by hand.

mod certificate;
mod own;
mod store;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::version::{TLS12, TLS13};

use crate::problem::{Text, text};

pub use store::CertificateStore;

/// Whether HTTPS is served, and with which certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Https {
    /// No HTTPS.
    #[default]
    Off,
    /// With a certificate that is made here.
    Auto,
    /// With a certificate from PEM files.
    Files {
        /// The certificate; those of intermediate authorities may follow it.
        certificate: PathBuf,
        /// Its key.
        key: PathBuf,
    },
}

impl FromStr for Https {
    type Err = Text;

    fn from_str(text: &str) -> Result<Self, Text> {
        match (text, text.split_once(',')) {
            ("off", _) => Ok(Https::Off),
            ("auto", _) => Ok(Https::Auto),
            (_, Some((certificate, key))) if !certificate.is_empty() && !key.is_empty() => {
                Ok(Https::Files { certificate: certificate.into(), key: key.into() })
            }
            _ => Err(text!(
                "expected auto, off, or the PEM files of a certificate and its key with a comma between"
            )),
        }
    }
}

impl fmt::Display for Https {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Https::Off => f.write_str("off"),
            Https::Auto => f.write_str("auto"),
            Https::Files { certificate, key } => write!(f, "{},{}", certificate.display(), key.display()),
        }
    }
}

/// The settings of handshakes: TLS 1.2 and 1.3, with the certificate that `store` has at the time. There is no ALPN:
/// without it all browsers speak HTTP/1.1.
pub(super) fn config(store: Arc<CertificateStore>) -> Result<Arc<ServerConfig>, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_protocol_versions(&[&TLS13, &TLS12])?.with_no_client_auth();
    Ok(Arc::new(builder.with_cert_resolver(store)))
}
