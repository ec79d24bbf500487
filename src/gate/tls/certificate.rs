//! A certificate with its key: what a PEM file says, and whether it can be used.

use std::fmt::Write;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, Error, InconsistentKeys, RootCertStore};
use webpki::EndEntityCert;

/// The largest file of certificates or keys, in bytes; chains take a few thousand.
const FILE_MAX: u64 = 256 << 10;

/// A day, in seconds.
const DAY: u64 = 24 * 60 * 60;

/// A chain of certificates, the server's own first, with the key that fits it.
#[derive(Debug)]
pub(super) struct Certificate {
    pub(super) certified: Arc<CertifiedKey>,
    /// The first and the last second in which it is valid, since 1970.
    pub(super) valid: [Duration; 2],
}

impl Certificate {
    /// Reads both from PEM, which may be the same text.
    ///
    /// # Errors
    /// What is wrong with them, as the end of a sentence.
    pub(super) fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, String> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificates).collect();
        let chain = chain.map_err(|error| format!("the certificate is not valid PEM: {error}"))?;
        if chain.is_empty() {
            return Err("there is no BEGIN CERTIFICATE where the certificate should be".to_owned());
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| match error {
            pem::Error::NoItemsFound => {
                "there is no BEGIN PRIVATE KEY where the key should be (with a password it cannot be used)"
                    .to_owned()
            }
            other => format!("the key is not valid PEM: {other}"),
        })?;
        let certified =
            CertifiedKey::from_der(chain, key, &default_provider()).map_err(|error| match error {
                Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                    "the key does not fit the certificate".to_owned()
                }
                other => format!("certificate and key cannot be used: {other}"),
            })?;
        let valid = validity(&certified).ok_or("the certificate does not say how long it is valid")?;
        Ok(Self { certified: Arc::new(certified), valid })
    }

    /// Whether it has expired at `now`, in time since 1970.
    pub(super) fn is_over(&self, now: Duration) -> bool {
        now > self.valid[1]
    }

    /// Whether it is not valid yet at `now`, or our clock is not set.
    pub(super) fn is_early(&self, now: Duration) -> bool {
        now < self.valid[0]
    }

    /// Whether it is for this name or address.
    pub(super) fn is_for(&self, name: &str) -> bool {
        let parsed = self.certified.end_entity_cert().and_then(ParsedCertificate::try_from);
        match (parsed, ServerName::try_from(name)) {
            (Ok(parsed), Ok(name)) => verify_server_name(&parsed, &name).is_ok(),
            _ => false,
        }
    }

    /// The host names that it is for.
    pub(super) fn names(&self) -> Vec<String> {
        let parsed = self.certified.end_entity_cert().ok().and_then(|der| EndEntityCert::try_from(der).ok());
        parsed.map(|parsed| parsed.valid_dns_names().map(str::to_owned).collect()).unwrap_or_default()
    }

    /// What identifies it in the log: its SHA-256 fingerprint, as browsers show it, and how long it is valid.
    pub(super) fn describe(&self, now: Duration) -> String {
        let leaf = self.certified.cert.first().map_or(&[][..], |leaf| leaf.as_ref());
        let mut text = String::from("SHA-256 fingerprint");
        for (number, byte) in ring::digest::digest(&ring::digest::SHA256, leaf).as_ref().iter().enumerate() {
            let before = if number == 0 { ' ' } else { ':' };
            let _ = write!(text, "{before}{byte:02X}"); // writing to a String cannot fail
        }
        let days = self.valid[1].saturating_sub(now).as_secs() / DAY;
        let _ = write!(text, ", valid for {days} days");
        text
    }
}

/// The first and the last second in which it is valid. A verifier is asked for the earliest and the latest possible
/// time, and names them in its refusals, because it checks the time first.
fn validity(certified: &CertifiedKey) -> Option<[Duration; 2]> {
    let parsed = ParsedCertificate::try_from(certified.end_entity_cert().ok()?).ok()?;
    let nobody = RootCertStore::empty();
    let algorithms = default_provider().signature_verification_algorithms.all;
    let at = |seconds| {
        let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        match verify_server_cert_signed_by_trust_anchor(&parsed, &nobody, &[], time, algorithms) {
            Err(Error::InvalidCertificate(error)) => Some(error),
            _ => None,
        }
    };
    let begin = match at(0)? {
        CertificateError::NotValidYetContext { not_before, .. } => not_before.as_secs(),
        _ => 0,
    };
    match at(u64::MAX)? {
        CertificateError::ExpiredContext { not_after, .. } => {
            Some([begin, not_after.as_secs()].map(Duration::from_secs))
        }
        _ => None,
    }
}

/// The time since 1970 by this board's clock.
pub(super) fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Reads a file of certificates or keys.
///
/// # Errors
/// What the system answered; it is not a regular file, or too large.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    // Checked before it is opened: opening a pipe would wait until something writes into it.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not an ordinary file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(io::Error::other(format!("it is larger than {FILE_MAX} bytes")));
    }
    Ok(bytes)
}
