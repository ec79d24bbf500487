//! Listening by TCP.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::slice;

use log::info;
use mio::net::TcpListener;
use socket2::{Domain, Protocol, Socket, Type};

use super::super::limits::BACKLOG;
use super::super::settings::{Settings, every_address};
use super::super::tls::Https;
use crate::host::{addresses, port_holder};
use crate::problem::{Problem, shell_quoted};

/// How many of the next ports are tried when one is in use.
const PORTS_TRIED: u16 = 20;

/// How the listeners of one scheme are named in messages.
struct Scheme {
    name: &'static str,
    option: &'static str,
    /// Where it listens by default.
    default: SocketAddr,
}

/// Opens the addresses to listen on for plain HTTP; `None` is `port` everywhere, or on all of IPv4 where IPv6 is
/// switched off.
///
/// # Errors
/// The first address that cannot be listened on.
pub fn http(addresses: Option<&[SocketAddr]>, port: u16) -> Result<Vec<TcpListener>, Problem> {
    open(&http_scheme(port), addresses)
}

/// The same for HTTPS.
///
/// # Errors
/// The first address that cannot be listened on.
pub fn https(addresses: Option<&[SocketAddr]>) -> Result<Vec<TcpListener>, Problem> {
    open(&https_scheme(), addresses)
}

/// What would keep the addresses of these settings from being listened on: what starting would refuse is the error; the
/// rest may be different for the service, such as its own port and its rights.
///
/// # Errors
/// The first address that this machine does not have, or that cannot be used.
pub fn check(settings: &Settings) -> Result<Vec<Problem>, Problem> {
    let secure = (settings.https != Https::Off).then(https_scheme);
    let secure = secure.map(|scheme| (scheme, settings.https_listen.as_deref()));
    let mut warnings = Vec::new();
    for (scheme, addresses) in
        [(http_scheme(settings.port), settings.listen.as_deref())].into_iter().chain(secure)
    {
        for address in addresses.unwrap_or(&[scheme.default]) {
            let Err(error) = or_ipv4(*address, bind) else { continue };
            let problem = explain(&scheme, *address, &error);
            match error.kind() {
                io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied => warnings.push(problem),
                _ => return Err(problem),
            }
        }
    }
    Ok(warnings)
}

/// Refuses settings that name one port twice. Only the second one could not be opened then, and what holds the port
/// would be this program.
///
/// # Errors
/// The address that is named twice, or that another one includes.
pub fn check_distinct(settings: &Settings) -> Result<(), Problem> {
    let (plain, secure) = (http_scheme(settings.port), https_scheme());
    let both = [(&plain, settings.listen.as_deref()), (&secure, settings.https_listen.as_deref())];
    let served = if settings.https == Https::Off { &both[..1] } else { &both[..] };
    let all: Vec<(&Scheme, SocketAddr)> = served
        .iter()
        .flat_map(|(scheme, addresses)| {
            let addresses = addresses.unwrap_or(slice::from_ref(&scheme.default));
            addresses.iter().map(|address| (*scheme, *address))
        })
        .collect();
    for (number, one) in all.iter().enumerate() {
        if let Some(other) = all.iter().skip(number + 1).find(|other| overlap(one.1, other.1)) {
            return Err(named_twice(*one, *other));
        }
    }
    Ok(())
}

/// Whether no two sockets can have these addresses. Of port 0, the system chooses another one for each.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let holds = |all: IpAddr, ip: IpAddr| match all {
        IpAddr::V6(_) => all.is_unspecified(),
        IpAddr::V4(_) => all.is_unspecified() && ip.is_ipv4(),
    };
    let (a, b) = (one.ip(), other.ip());
    one.port() == other.port() && one.port() != 0 && (a == b || holds(a, b) || holds(b, a))
}

fn named_twice((one, a): (&Scheme, SocketAddr), (other, b): (&Scheme, SocketAddr)) -> Problem {
    let all = if a.ip().is_unspecified() { a } else { b };
    let why = match (one.name == other.name, a == b) {
        (true, true) => "it is named twice".to_owned(),
        (false, true) => "HTTP and HTTPS cannot share a port".to_owned(),
        (true, false) => format!("{all} is every address of this machine, and so the other one too"),
        (false, false) => {
            format!("HTTP and HTTPS cannot share a port, and {all} is every address of this machine")
        }
    };
    let advice = match (one.name == other.name, a == b) {
        (true, true) => format!("name it once with {}", one.option),
        (true, false) => format!("name only one of the two with {}", one.option),
        (false, _) => {
            let default = SocketAddr::new(b.ip(), other.default.port());
            let free = if default.port() == a.port() { free_nearby(a) } else { default };
            format!(
                "choose another port for one, such as {} {}",
                other.option,
                shell_quoted(&free.to_string())
            )
        }
    };
    let what = if a == b {
        format!("cannot listen on {a} twice")
    } else {
        format!("cannot listen on both {a} and {b}")
    };
    Problem::new(what, why, advice)
}

fn http_scheme(port: u16) -> Scheme {
    Scheme { name: "http", option: "--listen", default: every_address(port) }
}

fn https_scheme() -> Scheme {
    Scheme { name: "https", option: "--tls-listen", default: Settings::DEFAULT_TLS_LISTEN }
}

fn open(scheme: &Scheme, addresses: Option<&[SocketAddr]>) -> Result<Vec<TcpListener>, Problem> {
    let addresses = addresses.unwrap_or(slice::from_ref(&scheme.default));
    let listen = |address: &SocketAddr| {
        or_ipv4(*address, |address| listen(scheme, address))
            .map_err(|error| explain(scheme, *address, &error))
    };
    addresses.iter().map(listen).collect()
}

/// Does it with this address, or with all of IPv4 in place of all addresses where there is no IPv6.
fn or_ipv4<T>(address: SocketAddr, act: impl Fn(SocketAddr) -> io::Result<T>) -> io::Result<T> {
    match act(address) {
        // EAFNOSUPPORT and EADDRNOTAVAIL: no IPv6 on this machine.
        Err(error) if address == every_address(address.port()) && no_ipv6(&error) => {
            act(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port()))
        }
        other => other,
    }
}

fn no_ipv6(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(rustix::io::Errno::from_raw_os_error);
    matches!(errno, Some(rustix::io::Errno::AFNOSUPPORT | rustix::io::Errno::ADDRNOTAVAIL))
}

fn bind(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // [::] takes IPv4 too, whatever net.ipv6.bindv6only says; a single IPv6 address stays IPv6 only.
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_reuse_address(true)?; // so that a restart need not wait until the kernel has forgotten old connections
    socket.bind(&address.into())?;
    Ok(socket)
}

fn listen(scheme: &Scheme, address: SocketAddr) -> io::Result<TcpListener> {
    let socket = bind(address)?;
    socket.listen(BACKLOG)?;
    let listener = TcpListener::from_std(socket.into());
    let address = listener.local_addr()?;
    info!("{}", describe(scheme.name, address, &addresses::urls(&[address], scheme.name == "https")));
    Ok(listener)
}

/// Where it listens, and the URLs to open on a phone.
fn describe(scheme: &str, address: SocketAddr, urls: &[String]) -> String {
    let port = address.port();
    match address.ip() {
        ip if ip.is_unspecified() && urls.is_empty() => {
            format!(
                "listening on {scheme}://localhost:{port}/; there is no network yet by which other devices could open it"
            )
        }
        ip if ip.is_unspecified() => {
            format!("listening on {scheme}://localhost:{port}/; other devices open {}", urls.join(" or "))
        }
        ip if ip.is_loopback() => format!("listening on {scheme}://{address}/, for this machine alone"),
        _ => format!("listening on {scheme}://{address}/"),
    }
}

fn explain(scheme: &Scheme, address: SocketAddr, error: &io::Error) -> Problem {
    let Scheme { option, default, .. } = scheme;
    let advice = match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "{} uses port {}; end it, or choose another port: {option} {}",
            port_holder::of_port(address.port()).unwrap_or_else(|| "another program".to_owned()),
            address.port(),
            shell_quoted(&free_nearby(address).to_string())
        ),
        io::ErrorKind::PermissionDenied => {
            format!(
                "ports below 1024 are for root; choose a port such as {option} {default}",
                default = shell_quoted(&default.to_string())
            )
        }
        io::ErrorKind::AddrNotAvailable => {
            format!(
                "no interface of this machine has this address; {option} {default} is all of them",
                default = shell_quoted(&default.to_string())
            )
        }
        _ => format!("choose another address with {option} ADDR:PORT"),
    };
    Problem::new(format!("cannot listen on {address}"), error.to_string(), advice)
}

/// The same address with one of the next ports, one that is free if there is any.
fn free_nearby(address: SocketAddr) -> SocketAddr {
    let first = address.port().checked_add(1).unwrap_or_default().max(1024);
    let mut nearby =
        (first..first.saturating_add(PORTS_TRIED)).map(|port| SocketAddr::new(address.ip(), port));
    nearby.find(|address| bind(*address).is_ok()).unwrap_or(SocketAddr::new(address.ip(), first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_it_listens_is_said_with_what_a_phone_can_open() {
        let said = |address: &str, urls: &[&str]| {
            let urls: Vec<_> = urls.iter().map(|url| (*url).to_owned()).collect();
            describe("http", address.parse().unwrap(), &urls)
        };
        let urls = ["http://192.168.1.9:8080/", "http://10.0.0.9:8080/"];
        assert!(
            said("[::]:8080", &urls)
                .ends_with("other devices open http://192.168.1.9:8080/ or http://10.0.0.9:8080/")
        );
        assert!(said("0.0.0.0:8080", &[]).contains("http://localhost:8080/; there is no network yet"));
        assert!(said("127.0.0.1:8080", &[]).ends_with("for this machine alone"));
        assert_eq!(said("10.0.0.9:8080", &urls[1..]), "listening on http://10.0.0.9:8080/");
    }

    #[test]
    fn one_port_twice_is_refused_before_anything_is_opened() {
        let told = |http: &[&str], https: &[&str]| {
            let addresses = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
            let settings = Settings {
                listen: Some(addresses(http)),
                port: 8080,
                https: if https.is_empty() { Https::Off } else { Https::Auto },
                https_listen: Some(addresses(https)),
                socket_files: Vec::new(),
                max_connections: 9,
            };
            check_distinct(&settings).err().map(|problem| problem.to_string()).unwrap_or_default()
        };
        let twice = told(&["127.0.0.1:9200", "127.0.0.1:9200"], &[]);
        assert!(twice.contains("cannot listen on 127.0.0.1:9200 twice: it is named twice"), "{twice}");
        let shared = told(&["[::]:9200"], &["[::]:9200"]);
        assert!(shared.contains("HTTP and HTTPS cannot share a port; choose another"), "{shared}");
        assert!(shared.contains("--tls-listen '[::]:8443'"), "{shared}");
        let all = told(&["127.0.0.1:9200", "[::]:9200"], &[]);
        assert!(all.contains("[::]:9200 is every address of this machine"), "{all}");
        assert!(!told(&["0.0.0.0:80"], &["10.0.0.9:80"]).is_empty());
        assert!(!told(&["0.0.0.0:8443"], &["[::]:8443"]).contains("'[::]:8443'"), "that is the one in use");
        for (http, https) in [
            (&["127.0.0.1:0", "127.0.0.1:0"][..], &[][..]),
            (&["127.0.0.1:80", "[::1]:80", "10.0.0.9:80"], &["[::]:443"]),
            (&["0.0.0.0:80", "[::1]:80"], &[]),
        ] {
            assert_eq!(told(http, https), "");
        }
    }

    #[test]
    fn a_port_in_use_and_a_foreign_address_are_explained_with_a_way_out() {
        let first = http(Some(&[SocketAddr::from(([127, 0, 0, 1], 0))]), 0).unwrap();
        let taken = first[0].local_addr().unwrap();
        let message = http(Some(&[taken]), 0).unwrap_err().to_string();
        assert!(message.contains(&format!("cannot listen on {taken}")), "{message}");
        let own = format!("(process {}) uses port {}", std::process::id(), taken.port());
        assert!(message.contains(&own), "{message}");
        let (_, other) = message.split_once("choose another port: --listen ").unwrap();
        let other: SocketAddr = other.parse().unwrap();
        assert!(other.ip() == taken.ip() && bind(other).is_ok(), "{message}");
        let message = http(Some(&["198.51.100.77:8080".parse().unwrap()]), 0).unwrap_err().to_string();
        assert!(message.contains("no interface of this machine"), "{message}");
    }
}
