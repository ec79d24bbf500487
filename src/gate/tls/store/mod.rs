//! Keeps the certificate that handshakes use: loads or makes it at the start, and renews or rereads it later.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use log::{info, warn};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::Https;
use super::certificate::{Certificate, now, read};
use super::own::{Own, is_due, is_set};
use crate::host::shutdown::Shutdown;
use crate::host::{addresses, state_dir};
use crate::problem::Problem;
use crate::sync::{self, lock, write};

/// How often the certificate and its files are checked.
const CHECK_PERIOD: Duration = Duration::from_secs(5);

/// The certificate in use. Handshakes read it, and never wait for files.
#[derive(Debug)]
pub struct CertificateStore {
    current: RwLock<Arc<CertifiedKey>>,
    renewal: Mutex<Renewal>,
}

/// Where the certificate in use comes from, and what was reported about it.
#[derive(Debug)]
struct Renewal {
    source: Source,
    certificate: Certificate,
    /// The problem that was logged last, so that it is not logged again with every check.
    reported: Option<String>,
}

#[derive(Debug)]
enum Source {
    Own {
        own: Own,
        /// The certificate was made before the network had an address to put into it.
        lacks_addresses: bool,
    },
    Files {
        certificate: PathBuf,
        key: PathBuf,
        /// The contents of both files at the last check.
        seen: [Vec<u8>; 2],
    },
}

impl CertificateStore {
    /// The store of the certificate that the settings ask for; `None` without HTTPS. `names` are the server's names,
    /// in lower case.
    ///
    /// # Errors
    /// The files cannot be used, or no certificate can be made.
    pub(in crate::gate) fn open(https: &Https, names: &[String]) -> Result<Option<Arc<Self>>, Problem> {
        let now = now();
        let (source, certificate) = match https {
            Https::Off => return Ok(None),
            Https::Auto => open_own(Own::new(state_dir::path(), names.to_vec()), now)?,
            Https::Files { certificate, key } => open_files(certificate, key, now)?,
        };
        info!("HTTPS certificate: {}", certificate.describe(now));
        let current = RwLock::new(certificate.certified.clone());
        Ok(Some(Arc::new(Self {
            current,
            renewal: Mutex::new(Renewal { source, certificate, reported: None }),
        })))
    }

    /// Whether the files that the settings name can be used.
    ///
    /// # Errors
    /// Why not.
    pub(in crate::gate) fn check_files(https: &Https) -> Result<(), Problem> {
        match https {
            Https::Files { certificate, key } => open_files(certificate, key, now()).map(drop),
            Https::Off | Https::Auto => Ok(()),
        }
    }

    /// Checks it at intervals until the program ends.
    pub(in crate::gate) fn run(&self, shutdown: &Shutdown) {
        while !shutdown.wait(CHECK_PERIOD) {
            self.check();
        }
    }

    /// Checks now whether there is a newer certificate, or a new one must be made.
    pub fn check(&self) {
        let mut renewal = lock(&self.renewal);
        if renewal.check(now(), &addresses::own()) == Checked::Renewed {
            *write(&self.current) = renewal.certificate.certified.clone();
        }
    }
}

impl ResolvesServerCert for CertificateStore {
    fn resolve(&self, _client: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(sync::read(&self.current).clone())
    }
}

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Checked {
    /// The certificate in use stays in use.
    Same,
    /// There is a new certificate.
    Renewed,
}

impl Renewal {
    /// Checks the certificate.
    fn check(&mut self, now: Duration, addresses: &[IpAddr]) -> Checked {
        let newer = match &mut self.source {
            Source::Own { own, lacks_addresses } => {
                let found = *lacks_addresses && addresses.iter().any(|address| !address.is_loopback());
                let due = found || is_due(&self.certificate, now);
                *lacks_addresses &= !found;
                match own.newer(&self.certificate, now) {
                    Some(newer) => Ok(Some(newer)),
                    None => due.then(|| make(own, addresses, now)).transpose(),
                }
            }
            Source::Files { certificate, key, seen } => reread(certificate, key, seen, now),
        };
        let trouble = match newer {
            Ok(Some(certificate)) => {
                info!("new HTTPS certificate: {}", certificate.describe(now));
                (self.certificate, self.reported) = (certificate, None);
                return Checked::Renewed;
            }
            Ok(None) if self.certificate.is_over(now) => Some("it has expired".to_owned()),
            Ok(None) if self.certificate.is_early(now) && is_set(now) => {
                Some("it is not valid yet; is the board's clock right?".to_owned())
            }
            Ok(None) => return Checked::Same, // the last report about unchanged files is still valid
            Err(why) => Some(why),
        };
        if self.reported != trouble {
            warn!("keeping the present HTTPS certificate: {}", trouble.as_deref().unwrap_or(""));
            self.reported = trouble;
        }
        Checked::Same
    }
}

/// Makes a certificate and stores it.
fn make(own: &Own, addresses: &[IpAddr], now: Duration) -> Result<Certificate, String> {
    let (certificate, pem) =
        own.make(addresses, now).map_err(|why| format!("a new one cannot be made: {why}"))?;
    let path = own.path().map_or_else(|| "the state folder".to_owned(), |path| path.display().to_string());
    match own.keep(&pem) {
        Ok(()) => info!("made a certificate for HTTPS and saved it in {path}"),
        // A read-only system should have HTTPS, too.
        Err(error) => warn!(
            "cannot save the certificate in {path}: {error}; browsers will have to trust another one after the \
             next start"
        ),
    }
    Ok(certificate)
}

fn open_own(own: Own, now: Duration) -> Result<(Source, Certificate), Problem> {
    let _lock = own.lock();
    let kept = own.kept(now).unwrap_or_else(|why| {
        let path = own.path().unwrap_or_default();
        warn!("replacing the certificate in {}: {why}", path.display());
        None
    });
    if let Some(certificate) = kept {
        return Ok((Source::Own { own, lacks_addresses: false }, certificate));
    }
    let addresses = addresses::own();
    let certificate = make(&own, &addresses, now).map_err(|why| {
        Problem::new("cannot serve HTTPS", why, "use a certificate of your own: --tls CERT.pem,KEY.pem")
    })?;
    let lacks_addresses = addresses.iter().all(IpAddr::is_loopback);
    Ok((Source::Own { own, lacks_addresses }, certificate))
}

fn open_files(certificate: &Path, key: &Path, now: Duration) -> Result<(Source, Certificate), Problem> {
    let mut seen = [Vec::new(), Vec::new()];
    let opened = reread(certificate, key, &mut seen, now);
    let opened = opened.and_then(|opened| opened.ok_or_else(|| "the files are empty".to_owned()));
    let loaded = opened.map_err(|why| {
        Problem::new(
            format!("cannot serve HTTPS with {} and {}", certificate.display(), key.display()),
            why,
            "give two PEM files, --tls CERT.pem,KEY.pem, or let boardcam make them: --tls auto",
        )
    })?;
    if loaded.is_early(now) {
        warn!("the certificate in {} is not valid yet; is the board's clock right?", certificate.display());
    }
    Ok((Source::Files { certificate: certificate.to_owned(), key: key.to_owned(), seen }, loaded))
}

/// Reads both files; `None` if they are the same as those `seen` at the last check.
fn reread(
    certificate: &Path,
    key: &Path,
    seen: &mut [Vec<u8>; 2],
    now: Duration,
) -> Result<Option<Certificate>, String> {
    let read = |path: &Path| read(path).map_err(|error| format!("cannot read {}: {error}", path.display()));
    let found = [read(certificate)?, read(key)?];
    if found == *seen {
        return Ok(None);
    }
    *seen = found;
    let certificate = Certificate::from_pem(&seen[0], &seen[1])?;
    if certificate.is_over(now) {
        return Err("the time of the certificate is over; is the clock right?".to_owned());
    }
    Ok(Some(certificate))
}

#[cfg(test)]
mod tests;
