//! What HTTPS needs besides the encryption itself ([`crate::socket`]): a certificate, made here or given, that is
//! renewed or read anew while connections go on.
//!
//! No answer ever carries Strict-Transport-Security: a browser that has seen it refuses for months to open a board
//! whose certificate was made here and is made anew (RFC 6797 section 8.4), or that serves plain HTTP again. Its
//! user would be locked out of a camera on a home network, where nothing can be done about it but by hand.

mod certificate;
mod keeper;
mod own;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::version::{TLS12, TLS13};

pub use keeper::Keeper;

/// With which certificate HTTPS is served.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Https {
    /// There is none.
    #[default]
    Off,
    /// One that is made here.
    Auto,
    /// One from PEM files.
    Files {
        /// The certificate; those that lead to a known authority may follow it.
        certificate: PathBuf,
        /// Its key.
        key: PathBuf,
    },
}

impl FromStr for Https {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.split_once(',')) {
            ("off", _) => Ok(Https::Off),
            ("auto", _) => Ok(Https::Auto),
            (_, Some((certificate, key))) if !certificate.is_empty() && !key.is_empty() => {
                Ok(Https::Files { certificate: certificate.into(), key: key.into() })
            }
            _ => {
                Err("expected auto, off, or the PEM files of a certificate and its key with a comma between"
                    .to_owned())
            }
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

/// How handshakes are made: TLS 1.2 and 1.3, with the certificate that `keeper` has at the time. Browsers are not
/// asked which protocol they want inside: all speak HTTP/1.1 where nothing else is agreed.
pub(super) fn config(keeper: Arc<Keeper>) -> Result<Arc<ServerConfig>, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_protocol_versions(&[&TLS13, &TLS12])?.with_no_client_auth();
    Ok(Arc::new(builder.with_cert_resolver(keeper)))
}
