//! The certificate of HTTPS: made here or given, stored, and replaced while it is in use.

use std::fs;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustix::process::Signal;

use crate::boardcam::{complaint, goes_on};
use crate::https::{Folder, small, start};
use client::{Outcome, Trust, certificate, ensure, wait_for};

impl Folder {
    fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    /// Puts a certificate for `localhost` that expired at the beginning of this year, and its key, into two files.
    fn put(&self, until: i32) -> Outcome {
        let mut params = CertificateParams::new(["localhost".to_owned()])?;
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate()?;
        fs::write(self.0.join("key.pem"), key.serialize_pem())?;
        Ok(fs::write(self.0.join("cert.pem"), params.self_signed(&key)?.pem())?)
    }

    /// The value of `--tls` for these two files.
    fn option(&self) -> String {
        format!("{},{}", self.file("cert.pem"), self.file("key.pem"))
    }
}

#[test]
fn its_certificate_survives_restarts_and_the_log_has_its_fingerprint() -> Outcome {
    let folder = Folder::new()?;
    let see = || -> Outcome<(Vec<u8>, String)> {
        let (boardcam, address) = small(&folder)?;
        let seen = certificate(&Trust::any()?.connect(address, "localhost")?)?.to_vec();
        Ok((seen, boardcam.log()))
    };
    let (first, log) = see()?;
    let digest = ring::digest::digest(&ring::digest::SHA256, &first);
    let digits: Vec<_> = digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    ensure!(log.contains(&format!("SHA-256 fingerprint {}", digits.join(":"))), "{log}");
    ensure!(see()?.0 == first, "another one after a restart");
    fs::write(folder.0.join("https.pem"), "garbage")?;
    let (next, log) = see()?;
    ensure!(next != first && log.contains("https.pem: there is no BEGIN CERTIFICATE"), "{log}");
    Ok(())
}

#[test]
fn its_certificate_is_for_the_name_it_is_found_under_and_is_replaced_for_another_name() -> Outcome {
    let folder = Folder::new()?;
    for name in ["garden", "door"] {
        let (_boardcam, address) = start(&folder, "auto", &["--size", "320x240", "--name", name])?;
        let seen = certificate(&Trust::any()?.connect(address, "localhost")?)?;
        Trust::only(&seen)?.connect(address, &format!("{name}.local"))?;
    }
    Ok(())
}

#[test]
fn certificates_that_cannot_be_used_are_reported_at_the_start() -> Outcome {
    let folder = Folder::new()?;
    let tell = |told: &str| -> Outcome {
        let line =
            complaint(&["--camera", "pattern", "--listen", "127.0.0.1:0", "--tls", &folder.option()], 2)?;
        ensure!(
            line.contains("cannot serve HTTPS with ") && line.contains(told),
            "{line} in place of {told}"
        );
        Ok(())
    };
    tell("No such file")?;
    folder.put(2020)?;
    tell("time of the certificate is over")?;
    let key = fs::read(folder.0.join("key.pem"))?;
    folder.put(2200)?;
    fs::write(folder.0.join("key.pem"), key)?;
    tell("the key does not fit the certificate")?;
    fs::write(folder.0.join("key.pem"), "garbage")?;
    tell("BEGIN PRIVATE KEY")?;
    fs::write(folder.0.join("cert.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")?;
    folder.put(2200)?;
    fs::write(folder.0.join("cert.pem"), b"\0\xff garbage")?;
    tell("BEGIN CERTIFICATE")?;
    let line = complaint(&["--tls", "yes"], 2)?;
    ensure!(line.contains("expected auto, off, or the PEM files"), "{line}");
    let line = complaint(&["--tls-listen", "127.0.0.1:0"], 2)?;
    ensure!(line.contains("there is no certificate; write for example --tls auto"), "{line}");
    Ok(())
}

#[test]
fn a_certificate_that_changes_is_used_from_then_on_and_garbage_in_its_place_is_not() -> Outcome {
    let folder = Folder::new()?;
    folder.put(2200)?;
    let (boardcam, address) = start(&folder, &folder.option(), &["--size", "64x48"])?;
    let served =
        || -> Outcome<Vec<u8>> { Ok(certificate(&Trust::any()?.connect(address, "localhost")?)?.to_vec()) };
    let viewer = Trust::any()?.watch(address, "/stream")?;
    let first = served()?;
    folder.put(2200)?;
    // Without a signal, after a while.
    wait_for("the next certificate", || Ok((served()? != first).then_some(())))?;
    let second = served()?;
    for (bad, told) in [("garbage", "BEGIN CERTIFICATE"), ("", "BEGIN CERTIFICATE")] {
        fs::write(folder.0.join("cert.pem"), bad)?;
        boardcam.signal(Signal::HUP)?;
        wait_for("the log to say so", || Ok(boardcam.log().contains(told).then_some(())))?;
        ensure!(served()? == second, "it is not served any more");
    }
    folder.put(2020)?;
    boardcam.signal(Signal::HUP)?;
    wait_for("the log to say so", || {
        Ok(boardcam.log().contains("time of the certificate is over").then_some(()))
    })?;
    ensure!(served()? == second, "one whose time is over is served");
    fs::remove_file(folder.0.join("key.pem"))?;
    boardcam.signal(Signal::HUP)?;
    wait_for("the log to say so", || Ok(boardcam.log().contains("No such file").then_some(())))?;
    ensure!(served()? == second, "it is not served any more");
    folder.put(2200)?;
    boardcam.signal(Signal::HUP)?;
    wait_for("the third certificate", || Ok((served()? != second).then_some(())))?;
    goes_on(&viewer, 3)
}
