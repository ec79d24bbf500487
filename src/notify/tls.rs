//! Whom to believe: the certificates that this system trusts, to which a user adds their own in the system's way. Read
//! when a target first needs them.

use rustls::pki_types::CertificateDer;

use crate::problem::{Problem, text};

/// The system's root certificates; `target` is where they are needed, without secrets.
///
/// # Errors
/// There are none.
pub(super) fn roots(target: &str) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let found = rustls_native_certs::load_native_certs();
    if !found.certs.is_empty() {
        return Ok(found.certs);
    }
    let why = match found.errors.into_iter().next() {
        Some(error) => text!("this system's root certificates cannot be read: {}", error.to_string()),
        None => text!("this system has no root certificates"),
    };
    Err(Problem::new(
        text!("cannot connect to {}", target),
        why,
        text!(
            "install the package ca-certificates, or name a file of certificates to trust: SSL_CERT_FILE=FILE boardcam"
        ),
    ))
}
