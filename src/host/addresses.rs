//! The addresses at which other devices reach this machine. Read from the system each time, since cables and leases
//! come and go.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use if_addrs::Interface;

/// An address of this machine at which something listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The address, with the port that is listened on.
    pub address: SocketAddr,
    /// The system's number of the interface that has it.
    pub interface: Option<u32>,
}

/// Where other devices reach what listens on these addresses, the best first; empty without a network.
///
/// Of an interface with IPv4 addresses only those count: every phone speaks IPv4, while a board's IPv6 addresses change
/// (RFC 8981) and would be announced again and again. Link-local addresses (RFC 3927, RFC 4291) come last, those of
/// IPv6 only if there is nothing else.
pub fn endpoints(listening: &[SocketAddr]) -> Vec<Endpoint> {
    let outside = outside_address();
    let mut endpoints = reachable(&interfaces(), listening);
    endpoints.sort_by_key(|endpoint| {
        let ip = endpoint.address.ip();
        (Some(ip) != outside, is_link_local(&ip), ip.is_ipv6()) // stable: else as the system lists them
    });
    endpoints
}

/// Every address of this machine's interfaces, loopback included.
pub fn own() -> Vec<IpAddr> {
    interfaces().iter().map(Interface::ip).collect()
}

/// The URLs at which a browser on another device opens what listens on these addresses, the best first. Without
/// link-local IPv6 addresses: a browser would have to name its own interface.
pub fn urls(listening: &[SocketAddr], https: bool) -> Vec<String> {
    let endpoints = endpoints(listening).into_iter().map(|endpoint| endpoint.address);
    let open = endpoints.filter(|endpoint| endpoint.is_ipv4() || !is_link_local(&endpoint.ip()));
    open.map(|endpoint| url(&endpoint, https)).collect()
}

/// The URL of what is served at this address.
fn url(address: &SocketAddr, https: bool) -> String {
    let (scheme, default) = if https { ("https", HTTPS) } else { ("http", HTTP) };
    match address.ip() {
        IpAddr::V4(ip) if address.port() == default => format!("{scheme}://{ip}/"),
        IpAddr::V6(ip) if address.port() == default => format!("{scheme}://[{ip}]/"),
        _ => format!("{scheme}://{address}/"),
    }
}

/// The port that an http URL need not name.
pub const HTTP: u16 = 80;

/// The same for https.
const HTTPS: u16 = 443;

/// The address from which the system would reach another network. Connecting a datagram socket asks the routing table
/// and sends nothing; the far end is an address that nobody has (RFC 5737).
fn outside_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_unspecified() && !address.is_loopback()).then_some(address)
}

fn interfaces() -> Vec<Interface> {
    if_addrs::get_if_addrs().unwrap_or_default() // no list means no network
}

fn is_link_local(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

fn reachable(interfaces: &[Interface], listening: &[SocketAddr]) -> Vec<Endpoint> {
    let listens = |ip: IpAddr| {
        // [::] takes IPv4 too, and nothing else does; see `gate::listener`.
        let fits = |at: &&SocketAddr| match at.ip() {
            all if all.is_unspecified() => all.is_ipv6() || ip.is_ipv4(),
            one => one == ip,
        };
        listening.iter().find(fits).map(SocketAddr::port)
    };
    let found: Vec<Endpoint> = interfaces
        .iter()
        .filter(|interface| interface.is_oper_up() && !interface.is_loopback())
        .filter_map(|interface| {
            let address = SocketAddr::new(interface.ip(), listens(interface.ip())?);
            Some(Endpoint { address, interface: interface.index })
        })
        .collect();
    let has_ipv4 = |of: Option<u32>| found.iter().any(|it| it.interface == of && it.address.is_ipv4());
    let (near, far): (Vec<_>, Vec<_>) = found
        .iter()
        .filter(|endpoint| endpoint.address.is_ipv4() || !has_ipv4(endpoint.interface))
        .cloned()
        .partition(|endpoint| endpoint.address.is_ipv6() && is_link_local(&endpoint.address.ip()));
    if far.is_empty() { near } else { far }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use if_addrs::{IfAddr, IfOperStatus, Ifv4Addr, Ifv6Addr};

    use super::*;

    fn interface(index: u32, ip: &str) -> Interface {
        let addr = match ip.parse().unwrap() {
            IpAddr::V4(ip) => {
                IfAddr::V4(Ifv4Addr { ip, netmask: Ipv4Addr::BROADCAST, prefixlen: 32, broadcast: None })
            }
            IpAddr::V6(ip) => {
                let netmask = Ipv6Addr::from(u128::MAX);
                IfAddr::V6(Ifv6Addr { ip, netmask, prefixlen: 128, broadcast: None })
            }
        };
        let oper_status = IfOperStatus::Up;
        Interface { name: format!("eth{index}"), addr, index: Some(index), oper_status, is_p2p: false }
    }

    fn found(interfaces: &[Interface], listening: &[&str]) -> Vec<String> {
        let listening: Vec<SocketAddr> = listening.iter().map(|text| text.parse().unwrap()).collect();
        reachable(interfaces, &listening).iter().map(|endpoint| url(&endpoint.address, false)).collect()
    }

    #[test]
    fn only_what_is_really_listened_on_is_found() {
        let board = [interface(1, "127.0.0.1"), interface(2, "10.0.0.5"), interface(3, "2001:db8::5")];
        for (listening, expected) in [
            (&["[::]:8080"][..], &["http://10.0.0.5:8080/", "http://[2001:db8::5]:8080/"][..]),
            (&["0.0.0.0:80"], &["http://10.0.0.5/"]),
            (&["[2001:db8::5]:80"], &["http://[2001:db8::5]/"]),
            (&["127.0.0.1:8080"], &[]),
            (&["10.0.0.6:8080"], &[]),
            (&["127.0.0.1:1", "10.0.0.5:2"], &["http://10.0.0.5:2/"]),
        ] {
            assert_eq!(found(&board, listening), expected, "{listening:?}");
        }
        let mut unplugged = board.clone();
        unplugged[1].oper_status = IfOperStatus::Down;
        assert_eq!(found(&unplugged, &["0.0.0.0:80"]), [""; 0]);
    }

    #[test]
    fn a_url_names_the_port_that_its_scheme_does_not_imply() {
        for (address, plain, https) in [
            ("10.0.0.5:80", "http://10.0.0.5/", "https://10.0.0.5:80/"),
            ("10.0.0.5:8443", "http://10.0.0.5:8443/", "https://10.0.0.5:8443/"),
            ("[2001:db8::5]:443", "http://[2001:db8::5]:443/", "https://[2001:db8::5]/"),
        ] {
            let address = address.parse().unwrap();
            assert_eq!((url(&address, false), url(&address, true)), (plain.to_owned(), https.to_owned()));
        }
    }

    #[test]
    fn an_interface_counts_by_its_ipv4_addresses_and_those_of_one_link_come_last() {
        let (near, far) = (interface(2, "fe80::5"), interface(2, "2001:db8::5"));
        let any = &["[::]:80"];
        assert_eq!(found(&[near.clone(), far.clone(), interface(2, "10.0.0.5")], any), ["http://10.0.0.5/"]);
        assert_eq!(found(&[near.clone(), far, interface(3, "fe80::6")], any), ["http://[2001:db8::5]/"]);
        assert_eq!(found(&[near, interface(3, "10.0.0.5")], any), ["http://10.0.0.5/"]);
        assert_eq!(found(&[interface(3, "fe80::6")], any), ["http://[fe80::6]/"]);
    }
}
