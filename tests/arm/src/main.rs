//! Does rustls with ring work on this processor? `tests/arm/run` starts it under emulation, with a folder that holds
//! an ECDSA and an RSA certificate for `localhost` and their keys.
//!
//! For every cipher suite that rustls offers with ring, each certificate that the suite can use, and every key
//! exchange: a handshake over loopback, then frames from server to client, each byte compared. Prints a line for
//! each, beginning with `PASS` or `FAIL`. Before that, whether a panic ends no more than its thread.
#![forbid(unsafe_code)]

use std::error::Error;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, Stream,
    SupportedCipherSuite,
};

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

const FRAMES: u32 = 100;
/// Bytes of a frame: about a picture of 1280x720.
const FRAME: usize = 100_000;
/// How long either end waits for the other; generous, an emulated processor is slow.
const PATIENCE: Duration = Duration::from_secs(300);
const KEYS: [&str; 2] = ["ecdsa", "rsa"];

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1) else {
        eprintln!("usage: tls FOLDER-WITH-CERTIFICATES");
        return ExitCode::from(2);
    };
    // Without an unwinder the program ends here.
    if thread::spawn(|| panic!("this one is meant")).join().is_ok() {
        return ExitCode::FAILURE;
    }
    println!("PASS a panic ends its thread and nothing else");
    let mut code = ExitCode::SUCCESS;
    for &suite in ring::ALL_CIPHER_SUITES {
        for key in KEYS {
            if !suite.usable_for_signature_algorithm(algorithm(key)) {
                continue;
            }
            for (nth, &group) in ring::ALL_KX_GROUPS.iter().enumerate() {
                // The frames of one suite are encrypted alike, whatever the keys were exchanged by.
                let frames = if nth == 0 { FRAMES } else { 1 };
                let what = format!("{:?}, {key} key, {:?}, {frames} frames", suite.suite(), group.name());
                match converse(suite, group, Path::new(&folder), key, frames) {
                    Ok(()) => println!("PASS {what}"),
                    Err(error) => {
                        println!("FAIL {what}: {error}");
                        code = ExitCode::FAILURE;
                    }
                }
            }
        }
    }
    code
}

fn algorithm(key: &str) -> rustls::SignatureAlgorithm {
    if key == "rsa" { rustls::SignatureAlgorithm::RSA } else { rustls::SignatureAlgorithm::ECDSA }
}

/// One connection, from handshake to close.
fn converse(
    suite: SupportedCipherSuite,
    group: &'static dyn SupportedKxGroup,
    folder: &Path,
    key: &str,
    frames: u32,
) -> Outcome {
    let only =
        CryptoProvider { cipher_suites: vec![suite], kx_groups: vec![group], ..ring::default_provider() };
    let only = Arc::new(only);
    let certificate = CertificateDer::from_pem_file(folder.join(key).with_extension("crt"))?;
    let secret = PrivateKeyDer::from_pem_file(folder.join(key).with_extension("key"))?;

    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone())?;
    let server = ServerConfig::builder_with_provider(only.clone())
        .with_protocol_versions(&[suite.version()])?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], secret)?;
    let client = ClientConfig::builder_with_provider(only)
        .with_protocol_versions(&[suite.version()])?
        .with_root_certificates(roots)
        .with_no_client_auth();

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let serving = thread::spawn(move || serve(&listener, server, frames));
    let viewed = view(TcpStream::connect(address)?, client, suite, frames);
    serving.join().map_err(|_| "the server's thread panicked")??;
    viewed
}

fn serve(listener: &TcpListener, config: ServerConfig, frames: u32) -> Outcome {
    let mut socket = patient(listener.accept()?.0)?;
    let mut connection = ServerConnection::new(Arc::new(config))?;
    let mut stream = Stream::new(&mut connection, &mut socket);
    for number in 0..frames {
        stream.write_all(&frame(number))?;
    }
    connection.send_close_notify();
    connection.complete_io(&mut socket)?;
    Ok(())
}

fn view(socket: TcpStream, config: ClientConfig, suite: SupportedCipherSuite, frames: u32) -> Outcome {
    let mut socket = patient(socket)?;
    let mut connection = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost")?)?;
    let mut stream = Stream::new(&mut connection, &mut socket);
    let mut got = vec![0; FRAME];
    for number in 0..frames {
        stream.read_exact(&mut got)?;
        if got != frame(number) {
            return Err(format!("frame {number} arrived changed").into());
        }
    }
    // A clean end, not a cut one: else this is an error.
    if stream.read(&mut got)? != 0 {
        return Err("there is more than was sent".into());
    }
    if connection.negotiated_cipher_suite() != Some(suite) {
        return Err(format!("{:?} was negotiated", connection.negotiated_cipher_suite()).into());
    }
    Ok(())
}

fn patient(socket: TcpStream) -> Outcome<TcpStream> {
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok(socket)
}

/// The bytes of a frame, no two alike: a linear congruential generator's (Knuth's MMIX constants).
fn frame(number: u32) -> Vec<u8> {
    let mut state = u64::from(number);
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..FRAME).map(|_| next()).collect()
}
