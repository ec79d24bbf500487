//! The certificate of `--tls auto`: made once, stored in one file, replaced before it expires.
//!
//! It is self-signed, since no authority knows a board on a home network. So each browser asks once whether to trust
//! it, and a careful user compares the fingerprint with the one in the log.
//!
//! Several boardcams on one board have the same file. A new certificate is also for the names of the one before, and the
//! others take it over: otherwise each start would replace that of another one, and browsers would ask again.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, date_time_ymd};
use rustls::pki_types::ServerName;

use super::certificate::{Certificate, read};
use crate::host::folder_lock::FolderLock;

/// A day.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// It is valid for this long after the day on which it is made, and from some time before, for clocks that differ. Both
/// together stay below the 825 days that Apple's devices accept (support.apple.com/103769).
const LIFE: Duration = DAY.saturating_mul(790);
const BEFORE: Duration = DAY.saturating_mul(30);

/// It is replaced when it is valid for no longer than this.
const RENEW: Duration = DAY.saturating_mul(60);

/// A clock that shows an earlier time is not set, since this program is younger: 2026-01-01, in time since 1970.
const FLOOR: Duration = Duration::from_secs(1_767_225_600);

/// The file in the state folder, key and certificate in one so that they always fit.
const FILE: &str = "https.pem";

/// Where the certificate is stored, and what it is for.
#[derive(Debug)]
pub(super) struct Own {
    /// `None` if there is no state folder: then each start makes another one.
    folder: Option<PathBuf>,
    /// Host names that it must cover, in lower case.
    names: Vec<String>,
    /// The file when it was last looked at.
    seen: Vec<u8>,
}

/// The most names of others that a certificate is for.
const OTHERS_MAX: usize = 64;

/// The longest wait for another boardcam that makes one.
const LOCK_WAIT: Duration = Duration::from_secs(2);

impl Own {
    pub(super) fn new(folder: Option<PathBuf>, mut names: Vec<String>) -> Self {
        names.push("localhost".to_owned());
        // `--host` and the system allow names that cannot be in a certificate, so no client checks them.
        names.retain(|name| ServerName::try_from(name.as_str()).is_ok());
        Self { folder, names, seen: Vec::new() }
    }

    /// The file that it is stored in; `None` without a state folder.
    pub(super) fn path(&self) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.join(FILE))
    }

    /// The stored certificate; `None` if there is none yet.
    ///
    /// # Errors
    /// Why it must be replaced, as the end of a sentence.
    pub(super) fn kept(&self, now: Duration) -> Result<Option<Certificate>, String> {
        let Some(path) = self.path() else { return Ok(None) };
        let pem = match read(&path) {
            Ok(pem) => pem,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        self.usable(&pem, now).map(Some)
    }

    fn usable(&self, pem: &[u8], now: Duration) -> Result<Certificate, String> {
        let certificate = Certificate::from_pem(pem, pem)?;
        if is_due(&certificate, now) {
            return Err("its time is nearly over".to_owned());
        }
        match self.names.iter().find(|name| !certificate.is_for(name)) {
            Some(name) => Err(format!("it is not for the name {name}")),
            None => Ok(certificate),
        }
    }

    /// The stored certificate, if another boardcam has replaced this one by it.
    pub(super) fn newer(&mut self, present: &Certificate, now: Duration) -> Option<Certificate> {
        let pem = read(&self.path()?).ok().filter(|pem| *pem != self.seen)?;
        let stored = self.usable(&pem, now);
        self.seen = pem;
        stored.ok().filter(|stored| stored.certified.cert != present.certified.cert)
    }

    /// Keeps other boardcams from making one at the same time. Without a folder that can be locked, nothing does.
    pub(super) fn lock(&self) -> Option<FolderLock> {
        let folder = self.folder.as_ref()?;
        make_folder(folder).and_then(|()| FolderLock::acquire(folder, LOCK_WAIT)).ok()
    }

    /// The names that a new one is for: its own, and those of the stored one unless its time is nearly over.
    fn all_names(&self, now: Duration) -> Vec<String> {
        let pem = self.path().and_then(|path| read(&path).ok()).unwrap_or_default();
        let stored = Certificate::from_pem(&pem, &pem).ok().filter(|stored| !is_due(stored, now));
        let others = stored.map(|stored| stored.names()).unwrap_or_default();
        let others = others.into_iter().filter(|name| !self.names.contains(name)).take(OTHERS_MAX);
        self.names.iter().cloned().chain(others).collect()
    }

    /// Makes a new certificate for the names and these addresses.
    ///
    /// # Errors
    /// Why it cannot be made, as the end of a sentence.
    pub(super) fn make(&self, addresses: &[IpAddr], now: Duration) -> Result<(Certificate, String), String> {
        let pem =
            generate(&self.all_names(now), addresses, now.max(FLOOR)).map_err(|error| error.to_string())?;
        Ok((Certificate::from_pem(pem.as_bytes(), pem.as_bytes())?, pem))
    }

    /// Stores it, whole or not at all, readable only by this user.
    ///
    /// # Errors
    /// What the system answered.
    pub(super) fn keep(&self, pem: &str) -> io::Result<()> {
        let folder = self.folder.as_ref().ok_or_else(|| io::Error::other("there is no folder for it"))?;
        make_folder(folder)?;
        let unfinished = folder.join(format!("{FILE}.{}", std::process::id()));
        let kept = write(&unfinished, pem).and_then(|()| fs::rename(&unfinished, folder.join(FILE)));
        if kept.is_err() {
            let _ = fs::remove_file(&unfinished); // it may not be there
        }
        kept?;
        File::open(folder)?.sync_all() // or a power cut may undo the renaming
    }
}

fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let _ = fs::remove_file(path); // left by a process that died and had our number; its mode may differ
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Whether it should be replaced. Never while the clock is not set: then the clock is wrong.
pub(super) fn is_due(certificate: &Certificate, now: Duration) -> bool {
    now + RENEW > certificate.valid[1]
}

/// Whether the clock has been set since the board was powered on. Boards without a battery begin in 1970.
pub(super) fn is_set(now: Duration) -> bool {
    now >= FLOOR
}

/// Key and certificate in PEM, as made at that time.
pub(super) fn generate(
    names: &[String],
    addresses: &[IpAddr],
    made: Duration,
) -> Result<String, rcgen::Error> {
    let addresses = addresses.iter().map(IpAddr::to_string);
    let mut params = CertificateParams::new(names.iter().cloned().chain(addresses).collect::<Vec<_>>())?;
    let name = names.first().map_or("boardcam", String::as_str);
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let date = |time: Duration| date_time_ymd(1970, 1, 1) + time;
    (params.not_before, params.not_after) = (date(made - BEFORE), date(made + LIFE));
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok(key.serialize_pem() + &certificate.pem())
}
