//! By which addresses other devices reach this machine. Asked anew each time: cables and leases come and go.

use std::net::IpAddr;

/// Every address of this machine's interfaces, loopback too; empty where the system does not tell.
pub fn own() -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    interfaces.iter().map(if_addrs::Interface::ip).collect()
}
