//! The sockets that clients connect to.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use log::info;
use mio::net::TcpListener;
use socket2::{Domain, Protocol, Socket, Type};

use super::limits::BACKLOG;
use super::settings::{Settings, every_address};
use crate::host::addresses::outside_address;
use crate::problem::Problem;

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
    open(&Scheme { name: "http", option: "--listen", default: every_address(port) }, addresses)
}

/// The same for HTTPS.
///
/// # Errors
/// The first address that cannot be listened on.
pub fn https(addresses: Option<&[SocketAddr]>) -> Result<Vec<TcpListener>, Problem> {
    let default = Settings::DEFAULT_TLS_LISTEN;
    open(&Scheme { name: "https", option: "--tls-listen", default }, addresses)
}

fn open(scheme: &Scheme, addresses: Option<&[SocketAddr]>) -> Result<Vec<TcpListener>, Problem> {
    let bind = |address| bind(scheme, address);
    let explain = |address, error| explain(scheme, address, &error);
    let Some(addresses) = addresses else {
        let v6 = scheme.default;
        let opened = match bind(v6) {
            // EAFNOSUPPORT and EADDRNOTAVAIL: no IPv6 on this machine.
            Err(error) if no_ipv6(&error) => {
                let v4 = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), v6.port());
                bind(v4).map_err(|error| explain(v4, error))
            }
            other => other.map_err(|error| explain(v6, error)),
        };
        return Ok(vec![opened?]);
    };
    addresses.iter().map(|address| bind(*address).map_err(|error| explain(*address, error))).collect()
}

fn no_ipv6(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(rustix::io::Errno::from_raw_os_error);
    matches!(errno, Some(rustix::io::Errno::AFNOSUPPORT | rustix::io::Errno::ADDRNOTAVAIL))
}

fn bind(scheme: &Scheme, address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // [::] takes IPv4 too, whatever net.ipv6.bindv6only says; a single IPv6 address stays IPv6 only.
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_reuse_address(true)?; // so that a restart need not wait until the kernel has forgotten old connections
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let listener = TcpListener::from_std(socket.into());
    let address = listener.local_addr()?;
    let scheme = scheme.name;
    if address.ip().is_unspecified() {
        let port = address.port();
        let outside =
            outside_address().map_or_else(String::new, |ip| format!(", elsewhere {scheme}://{ip}:{port}/"));
        info!("listening on {scheme}://localhost:{port}/{outside}");
    } else {
        info!("listening on {scheme}://{address}/");
    }
    Ok(listener)
}

fn explain(scheme: &Scheme, address: SocketAddr, error: &io::Error) -> Problem {
    let Scheme { option, default, .. } = scheme;
    let advice = match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "another program uses port {0}, perhaps another boardcam; end it, or choose another port: \
             {option} [::]:{1}",
            address.port(),
            address.port().wrapping_add(1).max(1024)
        ),
        io::ErrorKind::PermissionDenied => {
            format!("ports below 1024 are for root; choose a port such as {option} {default}")
        }
        io::ErrorKind::AddrNotAvailable => {
            format!("no interface of this machine has this address; {option} {default} is all of them")
        }
        _ => format!("choose another address with {option} ADDR:PORT"),
    };
    Problem::new(format!("cannot listen on {address}"), error.to_string(), advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_and_a_foreign_address_are_explained_with_a_way_out() {
        let first = http(Some(&[SocketAddr::from(([127, 0, 0, 1], 0))]), 0).unwrap();
        let taken = first[0].local_addr().unwrap();
        let message = http(Some(&[taken]), 0).unwrap_err().to_string();
        assert!(message.contains(&format!("cannot listen on {taken}")), "{message}");
        assert!(message.contains("choose another port: --listen"), "{message}");
        let message = http(Some(&["198.51.100.77:8080".parse().unwrap()]), 0).unwrap_err().to_string();
        assert!(message.contains("no interface of this machine"), "{message}");
    }
}
