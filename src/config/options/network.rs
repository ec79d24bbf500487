//! Where the server listens, under which names, and whom it trusts.

use std::net::IpAddr;

use super::parse::{add_address, folder, meant_address, number, texts};
use super::{Kind, Opt, Target};
use crate::auth::network::Network;
use crate::config::settings::{DEFAULT_PORT, Settings};
use crate::gate::{self, SocketFile, every_address};
use crate::problem::{Text, shell_quoted, text};

/// The longest name to be found under, in bytes: with a number behind it (`-99`) it is still a label of 63 bytes
/// (RFC 1035 section 2.3.4).
const LABEL_MAX: usize = 60;

/// The name that keeps the board from being announced.
const UNNAMED: &str = "none";

/// The longest host name, in bytes (RFC 1035 section 2.3.4).
const HOST_MAX: usize = 253;

pub(super) static OPTIONS: &[Opt] = &[
    Opt {
        name: "listen",
        value: "ADDR:PORT",
        many: true,
        help: "Address and port to serve on, or a port alone; [::] is every address of this machine, including IPv4. \
               unix:/path is a socket in the file system for a proxy on this machine, with ,mode=660 and \
               ,owner=USER:GROUP behind it",
        example: "0.0.0.0:8080",
        wrong: &["localhost", "300.1.1.1:80", "127.0.0.1:65536", "unix:boardcam.sock"],
        meant: meant_listener,
        kept: true,
        target: Target::Program { set: add_listener, get: listeners },
        ..Opt::EMPTY
    },
    Opt {
        name: "tls",
        value: "CERTIFICATE",
        help: "Serve HTTPS with a certificate that boardcam makes and renews (auto), or with your own \
               (CERT.pem,KEY.pem, read again when they change). Plain HTTP then redirects to it, except for /healthz and \
               for programs on this machine that call it localhost or 127.0.0.1",
        example: "auto",
        wrong: &["on"],
        kept: true,
        target: Target::Program {
            set: |settings, text| {
                settings.gate.https = text.parse()?;
                Ok(())
            },
            get: |settings| vec![settings.gate.https.to_string()],
        },
        ..Opt::EMPTY
    },
    Opt {
        name: "tls-listen",
        value: "ADDR:PORT",
        many: true,
        unset: "[::]:8443",
        help: "Address and port to serve HTTPS on, or a port alone",
        example: "0.0.0.0:8443",
        wrong: &["localhost"],
        meant: |text| meant_address(text, gate::Settings::DEFAULT_TLS_LISTEN.port()),
        kept: true,
        target: Target::Program {
            set: |settings, text| add_address(&mut settings.gate.https_listen, text),
            get: |settings| settings.gate.https_listen.as_deref().map(texts).unwrap_or_default(),
        },
        ..Opt::EMPTY
    },
    Opt {
        name: "name",
        value: "NAME",
        help: "Name of this board on the network: it is found at http://NAME.local (mDNS). A second board with the same \
               name is NAME-2; none announces nothing",
        example: "garden",
        wrong: &["a.b", "-a", "a-", "my_camera"],
        meant: |text| {
            let label = text.strip_suffix(".local").unwrap_or(text);
            Some(label.replace(['_', ' '], "-"))
        },
        kept: true,
        target: Target::Program {
            set: set_name,
            get: |settings| vec![settings.name.clone().unwrap_or_else(|| UNNAMED.to_owned())],
        },
        ..Opt::EMPTY
    },
    Opt {
        name: "host",
        value: "NAME",
        many: true,
        unset: "addresses, names without a dot, and this machine's name on home networks",
        help: "A further name by which clients may call this server, such as a name in public DNS",
        example: "camera.example.org",
        wrong: &["", "a.b:80", "0.0.0.0", "localhost"],
        meant: |text| {
            let authority = text.split_once("://").map_or(text, |(_, rest)| rest).split('/').next()?;
            Some(authority.split(':').next()?.to_owned())
        },
        kept: true,
        target: Target::Program { set: add_host, get: |settings| settings.hosts.clone() },
        ..Opt::EMPTY
    },
    Opt {
        name: "cors-origin",
        value: "ORIGIN",
        many: true,
        help: "Another web page that may show the page in a frame, and whose scripts may read streams, snapshots and state \
               (Mainsail, Fluidd)",
        example: "http://mainsail.local",
        wrong: &["mainsail.local", "http://", "*", "null", "http://mainsail.local/page"],
        meant: |text| {
            let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
            Some(format!("{scheme}://{}", rest.split('/').next()?))
        },
        kept: true,
        target: Target::Program { set: add_origin, get: |settings| settings.origins.clone() },
        ..Opt::EMPTY
    },
    Opt {
        name: "trusted-proxy",
        value: "ADDR[/BITS]",
        many: true,
        help: "A proxy in front of this server whose X-Forwarded-For is believed",
        example: "127.0.0.1",
        wrong: &["10.0.0.0/33"],
        kept: true,
        target: Target::Program {
            set: |settings, text| {
                let network: Network = text.parse()?;
                settings.proxies.push(network);
                Ok(())
            },
            get: |settings| texts(&settings.proxies),
        },
        ..Opt::EMPTY
    },
    Opt {
        name: "static",
        value: "FOLDER",
        unset: "none, boardcam's page is shown",
        help: "Folder with a page of your own to show in place of boardcam's: its index.html at /, and its other files. \
               No file hides one of boardcam's URLs, such as /stream",
        example: "/srv/page",
        wrong: &["page"],
        target: Target::Program {
            set: |settings, text| {
                settings.page = Some(folder(text)?);
                Ok(())
            },
            get: |settings| settings.page.iter().map(|path| path.to_string_lossy().into_owned()).collect(),
        },
        ..Opt::EMPTY
    },
    Opt {
        name: "max-connections",
        value: "N",
        kind: Kind::Number,
        help: "Connections served at once; fewer if the system allows fewer open files",
        example: "100",
        wrong: &["0", "100001"],
        target: Target::Program {
            set: |settings, text| {
                settings.gate.max_connections = number(text, 1, 100_000)?;
                Ok(())
            },
            get: |settings| vec![settings.gate.max_connections.to_string()],
        },
        ..Opt::EMPTY
    },
];

fn add_listener(settings: &mut Settings, text: &str) -> Result<(), Text> {
    if !text.starts_with("unix:") {
        return add_address(&mut settings.gate.listen, text);
    }
    let file: SocketFile = text.parse()?;
    if settings.gate.socket_files.iter().any(|other| other.path == file.path) {
        return Err(text!("it is named twice"));
    }
    settings.gate.listen.get_or_insert_default(); // no address unless one is named, too
    settings.gate.socket_files.push(file);
    Ok(())
}

fn meant_listener(text: &str) -> Option<String> {
    match text.strip_prefix("unix:") {
        Some(_) => Some("unix:/run/boardcam/boardcam.sock".to_owned()),
        None if text.starts_with('/') => Some(format!("unix:{text}")),
        None => meant_address(text, DEFAULT_PORT),
    }
}

fn listeners(settings: &Settings) -> Vec<String> {
    let addresses = match &settings.gate.listen {
        Some(addresses) => texts(addresses),
        None => vec![every_address(settings.gate.port).to_string()],
    };
    [addresses, texts(&settings.gate.socket_files)].concat()
}

fn set_name(settings: &mut Settings, text: &str) -> Result<(), Text> {
    let fits = text.len() <= LABEL_MAX
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-');
    if !fits {
        return Err(text!("expected 1 to {} letters, digits and -, or none", LABEL_MAX));
    }
    let label = text.to_ascii_lowercase();
    settings.name = Some(label).filter(|label| !label.is_empty() && label != UNNAMED);
    Ok(())
}

fn add_host(settings: &mut Settings, text: &str) -> Result<(), Text> {
    // What ustreamer calls --host is where it listens; here these names need no permission.
    if text.eq_ignore_ascii_case("localhost") || text.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        return Err(text!(
            "expected a name by which browsers may call this server; addresses and localhost they always may; to serve \
             on one, write --listen {}",
            shell_quoted(&meant_address(text, DEFAULT_PORT).unwrap_or_default())
        ));
    }
    let fits = (1..=HOST_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    if !fits {
        return Err(text!("expected a host name without a port"));
    }
    settings.hosts.push(text.to_ascii_lowercase());
    Ok(())
}

fn add_origin(settings: &mut Settings, text: &str) -> Result<(), Text> {
    settings.origins.push(origin(text)?);
    Ok(())
}

/// An origin as browsers write it (RFC 6454 section 6.2), since it is compared with what they send: in lower case,
/// without a slash at the end, and without the usual port.
fn origin(text: &str) -> Result<String, Text> {
    if text == "*" {
        return Err(text!(
            "expected the address of one page, and not *: any web page that somebody in this network opens could then \
             see the camera; this option may be given several times"
        ));
    }
    let lower = text.to_ascii_lowercase();
    let parts = [("http://", ":80"), ("https://", ":443")]
        .into_iter()
        .find_map(|(scheme, port)| Some((scheme, port, lower.strip_prefix(scheme)?)));
    let (scheme, port, rest) = parts.ok_or_else(|| {
        text!("expected http:// or https://, a name, and a port unless it is the usual one")
    })?;
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    let authority = authority.strip_suffix(port).unwrap_or(authority);
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
    if !(1..=HOST_MAX).contains(&authority.len()) || !authority.bytes().all(is_plain) {
        return Err(text!(
            "expected a scheme and a name, and a port unless it is the usual one, without a path"
        ));
    }
    Ok(format!("{scheme}{authority}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_taken_as_people_write_it_and_compared_as_browsers_do() {
        for (text, expected) in [
            ("http://mainsail.local", "http://mainsail.local"),
            ("http://mainsail.local/", "http://mainsail.local"),
            ("HTTP://Mainsail.local:80/", "http://mainsail.local"),
            ("https://a.b:443", "https://a.b"),
            ("http://a.b:8080/", "http://a.b:8080"),
            ("https://[::1]:8443/", "https://[::1]:8443"),
        ] {
            assert_eq!(origin(text).as_deref(), Ok(expected));
        }
        assert!(origin("*").unwrap_err().to_string().contains("any web page"));
        assert!(origin("http://a.b/camera").unwrap_err().to_string().contains("without a path"));
    }
}
