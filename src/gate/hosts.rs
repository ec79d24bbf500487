//! The names by which clients may call this server, against DNS rebinding: a page elsewhere whose own name suddenly
//! means this board's address must not read the pictures.
//!
//! What public DNS cannot answer for a stranger is safe: addresses, names without a dot (stock Mainsail and Fluidd
//! proxies send `Host: mjpgstreamer1`, the name of their nginx upstream), and the board's own first label under the
//! domains of home networks.

use std::sync::Mutex;

use log::warn;

use super::authority::{Authority, Host};
use crate::host::discovery::AnnouncedName;
use crate::host::log::bounded::{self, Subject};
use crate::host::resolver::SearchDomains;
use crate::sync::lock;

/// Domains that routers, resolvers and private networks give to the machines in them, also in subdomains such as
/// `iot.lan`; nobody else can register a name there. `local`: RFC 6762; `home.arpa`: RFC 8375; `internal`: ICANN
/// resolution 2024.07.29.06; the others are not delegated in the public DNS, or belong to the maker of the router.
const HOME_DOMAINS: [&str; 12] = [
    "local",
    "home.arpa",
    "internal",
    "lan",
    "home",
    "localdomain",
    "intranet",
    "private",
    "corp",
    "fritz.box",
    "speedport.ip",
    "attlocal.net",
];

/// Overlay networks in which each customer's network is a subdomain: `board.tailnet.ts.net`.
const OVERLAY_DOMAINS: [&str; 2] = ["ts.net", "netbird.cloud"];

/// The most refused names that are remembered, so that each is logged once. A further one takes the place of the oldest.
const REFUSED_MAX: usize = 16;

/// The host names that clients may use for this server.
#[derive(Debug, Default)]
pub struct AllowedHosts {
    /// Names from the settings and of the system, in lower case, without port.
    names: Vec<String>,
    /// The first label of the system's name, in lower case.
    label: Option<String>,
    /// The name under which this board is announced now.
    announced: AnnouncedName,
    search_domains: SearchDomains,
    /// Names that were refused and logged.
    refused: Mutex<Vec<String>>,
}

impl AllowedHosts {
    /// These names, in lower case and without port, and everything that cannot be rebound.
    pub fn new(names: Vec<String>) -> Self {
        Self { names, ..Self::default() }
    }

    /// Also admits the board's own first label under the domains of home networks and of the resolver.
    pub fn with_label(mut self, label: Option<String>) -> Self {
        self.label = label;
        self
    }

    /// Also admits the name under which this board is announced at that time.
    pub fn with_announced(mut self, announced: AnnouncedName) -> Self {
        self.announced = announced;
        self
    }

    /// The names that were given when the program started.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether a client may call this server `host`, with or without a port. A name that is refused is logged once.
    pub(super) fn admit(&self, host: &str) -> bool {
        let Some(Authority { host, .. }) = Authority::parse(host) else { return false };
        let name = match host {
            Host::V4(_) | Host::V6(_) => return true,
            Host::Name(_) => host.name(),
        };
        let admitted = is_bare(&name)
            || name.ends_with(".localhost")
            || self.names.contains(&name)
            || self.announced.is(&name)
            || self.is_at_home(&name);
        if !admitted {
            self.log_refusal(&name);
        }
        admitted
    }

    /// Whether it is the board's own label under a domain in which no stranger can register a name.
    fn is_at_home(&self, name: &str) -> bool {
        let Some((label, domain)) = name.split_once('.') else { return false };
        let announced = self.announced.name();
        let announced = announced.as_deref().and_then(|name| name.split('.').next());
        if Some(label) != self.label.as_deref() && Some(label) != announced {
            return false;
        }
        let is_below = |parent: &&str| domain.strip_suffix(*parent).is_some_and(|rest| rest.ends_with('.'));
        domain.split('.').all(|label| !label.is_empty())
            && (HOME_DOMAINS.contains(&domain)
                || HOME_DOMAINS.iter().chain(&OVERLAY_DOMAINS).any(is_below)
                || self.search_domains.contains(domain))
    }

    fn log_refusal(&self, name: &str) {
        let mut refused = lock(&self.refused);
        if refused.iter().any(|known| known == name) {
            return;
        }
        if refused.len() == REFUSED_MAX {
            refused.remove(0);
        }
        refused.push(name.to_owned());
        if !bounded::may_log(Subject::HostNames, "") {
            return;
        }
        warn!(
            "a client was refused because it called this server {name}, which is not one of its names; if it is to \
             be one, start boardcam with --host {name}, or put host = \"{name}\" into the settings file"
        );
    }
}

/// Whether it is a name without a dot. Public DNS has no such names, so none can be rebound.
fn is_bare(name: &str) -> bool {
    !name.is_empty() && !name.contains('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> AllowedHosts {
        AllowedHosts::new(vec!["camera.example".to_owned()]).with_label(Some("garden".to_owned()))
    }

    #[track_caller]
    fn check(hosts: &AllowedHosts, admitted: bool, names: &[&str]) {
        for name in names {
            assert_eq!(hosts.admit(name), admitted, "{name}");
        }
    }

    #[test]
    fn a_page_elsewhere_cannot_reach_us_under_a_name_of_its_own() {
        let own = [
            "camera.example",
            "Camera.Example.:80",
            "192.168.1.5:8080",
            "[fe80::1]",
            "[::1]:80",
            "localhost",
        ];
        check(&hosts(), true, &own);
        let foreign = [
            "evil.example",
            "camera.example.evil.example",
            "garden.evil.example",
            "1.2.3.4.evil.example",
            "",
            ":80",
            ".",
            "[evil]",
            "[::1",
            "[fe80::1%@evil.example/]",
            "a b",
            "localhost@evil",
            "garden..ts.net",
            "garden.ts.net",
            "garden.notlan",
            "garden.lan.evil.example",
        ];
        check(&hosts(), false, &foreign);
    }

    #[test]
    fn a_printers_proxy_that_names_its_upstream_is_served() {
        check(&hosts(), true, &["mjpgstreamer1", "mjpgstreamer4:8080", "webcam_1", "MJPGSTREAMER1."]);
    }

    #[test]
    fn the_name_that_the_router_gives_to_the_board_is_accepted() {
        let own =
            ["garden.lan", "garden.home.arpa", "garden.internal", "GARDEN.local", "garden.fritz.box:8080"];
        check(&hosts(), true, &own);
        check(&hosts(), true, &["garden.tail1234.ts.net", "garden.tail1234.ts.net.", "garden.iot.lan"]);
        check(&hosts(), false, &["other.lan", "other.fritz.box", "other.tail1234.ts.net", "garden..lan"]);
        check(&AllowedHosts::default(), false, &["garden.lan", ".lan"]);
    }

    #[test]
    fn the_domain_of_the_office_is_read_from_the_resolver() {
        let file = std::env::temp_dir().join(format!("boardcam-resolv-{}", std::process::id()));
        std::fs::write(&file, "search office.example\n").unwrap();
        let hosts = AllowedHosts { search_domains: SearchDomains::new(&file), ..hosts() };
        check(&hosts, true, &["garden.office.example"]);
        check(&hosts, false, &["other.office.example", "garden.example"]);
        std::fs::remove_file(file).unwrap();
    }

    #[test]
    fn the_announced_name_is_accepted_while_it_is_announced() {
        let announced = AnnouncedName::default();
        let hosts = hosts().with_announced(announced.clone());
        announced.set(Some("boardcam-2.local".to_owned()));
        check(&hosts, true, &["Boardcam-2.local:8080", "boardcam-2.lan", "camera.example"]);
        check(&hosts, false, &["boardcam.local", "boardcam-2.evil.example"]);
        announced.set(None);
        check(&hosts, false, &["boardcam-2.local:8080"]);
    }

    #[test]
    fn refused_names_are_remembered_within_a_bound() {
        let hosts = hosts();
        for number in 0..2 * REFUSED_MAX {
            assert!(!hosts.admit(&format!("evil{number}.example")) && !hosts.admit("evil0.example"));
        }
        let refused = lock(&hosts.refused);
        assert_eq!(
            (refused.len(), refused.iter().filter(|name| *name == "evil0.example").count()),
            (REFUSED_MAX, 1)
        );
    }
}
