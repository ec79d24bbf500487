//! Ranges of IP addresses, such as `192.168.1.0/24`.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use crate::problem::{Text, text};

/// One address, or all addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    /// The length of the prefix.
    bits: u32,
}

/// An address as a number, and the number's length in bits.
fn number(address: IpAddr) -> (u128, u32) {
    match address.to_canonical() {
        IpAddr::V4(v4) => (v4.to_bits().into(), u32::BITS),
        IpAddr::V6(v6) => (v6.to_bits(), u128::BITS),
    }
}

/// The part of an address that stands for one client: all of an IPv4 address, the first 64 bits of an IPv6 address
/// (one network, RFC 6177).
pub fn client_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        v6 @ IpAddr::V6(_) => prefix(v6, 64),
        v4 => v4,
    }
}

/// The first address of the network with the first `bits` bits of an IPv6 address. IPv4 addresses stay as they are.
pub(super) fn prefix(address: IpAddr, bits: u32) -> IpAddr {
    match address {
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(u128::BITS.saturating_sub(bits)).unwrap_or(0);
            Ipv6Addr::from_bits(v6.to_bits() & mask).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Whether one of these networks contains this address.
pub fn is_in(networks: &[Network], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(address))
}

/// The client's address: `peer`, that of the connection, or the one that trusted `proxies` report in the lines of
/// `X-Forwarded-For`.
pub fn client_behind<'a>(
    proxies: &[Network],
    peer: IpAddr,
    forwarded: impl Iterator<Item = &'a str>,
) -> IpAddr {
    let mut address = peer;
    let hops: Vec<&str> = forwarded.flat_map(|line| line.split(',')).collect();
    // Each proxy appends the address of its client. The client may have made up everything before that.
    for hop in hops.into_iter().rev() {
        if !is_in(proxies, address) {
            break;
        }
        match hop_address(hop.trim()) {
            Some(hop) => address = hop.to_canonical(),
            None => break,
        }
    }
    address
}

/// An address in X-Forwarded-For. Some proxies append the port.
fn hop_address(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']')).unwrap_or(hop);
    bare.parse().ok().or_else(|| hop.parse().ok().map(|hop: SocketAddr| hop.ip()))
}

impl Network {
    /// Whether it contains this address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let ((own, width), (other, other_width)) = (number(self.address), number(address));
        width == other_width && (own ^ other).checked_shr(width - self.bits).unwrap_or(0) == 0
    }
}

impl From<IpAddr> for Network {
    /// The network of this address alone.
    fn from(address: IpAddr) -> Self {
        let (_, bits) = number(address);
        Self { address, bits }
    }
}

impl FromStr for Network {
    type Err = Text;

    fn from_str(text: &str) -> Result<Self, Text> {
        let expected = || text!("expected an IP address, or a network such as 192.168.1.0/24");
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| expected())?;
        let (_, width) = number(address);
        let bits = bits.map_or(Ok(width), str::parse).map_err(|_| expected())?;
        if bits > width {
            return Err(expected());
        }
        Ok(Self { address: address.to_canonical(), bits })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_in_its_network_and_in_no_other() {
        for (network, inside, outside) in [
            ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("192.168.1.0/24", "192.168.1.255", "192.168.2.1"),
            ("10.0.0.1", "::ffff:10.0.0.1", "::10.0.0.1"),
            ("::1", "::1", "127.0.0.1"),
            ("fd00::/8", "fdff::1", "fe80::1"),
            ("0.0.0.0/0", "1.2.3.4", "::1"),
            ("::/0", "2001:db8::1", "1.2.3.4"),
        ] {
            let network: Network = network.parse().unwrap();
            assert!(network.contains(inside.parse().unwrap()), "{network}: {inside}");
            assert!(!network.contains(outside.parse().unwrap()), "{network}: {outside}");
            assert_eq!(network.to_string().parse(), Ok(network));
        }
        for bad in ["", "localhost", "1.2.3", "1.2.3.4/33", "::1/129", "1.2.3.4/", "1.2.3.4/-1", "1.2.3.4/x"]
        {
            assert!(bad.parse::<Network>().unwrap_err().to_string().starts_with("expected "), "{bad}");
        }
    }
}
