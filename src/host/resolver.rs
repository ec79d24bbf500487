//! The domains that this machine's resolver appends to a bare name (resolv.conf(5), `search` and `domain`). On a home
//! network it is the router's: `lan`, `home.arpa`, `fritz.box`.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::kernel_file::{FILE_MAX, read};
use crate::sync::lock;

/// How long what was read is used: a lease brings other domains.
const KEPT: Duration = Duration::from_secs(5);

/// The most domains that are kept; the resolver itself used six for long.
const DOMAINS_MAX: usize = 16;

/// The resolver's search domains, read again when they are asked for and a few seconds old.
#[derive(Debug)]
pub struct SearchDomains {
    path: PathBuf,
    read: Mutex<Option<(Instant, Vec<String>)>>,
}

impl Default for SearchDomains {
    fn default() -> Self {
        Self::new("/etc/resolv.conf")
    }
}

impl SearchDomains {
    /// Those that the file at this path names.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self { path: path.as_ref().to_owned(), read: Mutex::default() }
    }

    /// Whether `domain`, in lower case and without a final dot, is one of them.
    pub fn contains(&self, domain: &str) -> bool {
        let now = Instant::now();
        let mut read = lock(&self.read);
        let fresh = read.take().filter(|(when, _)| now.saturating_duration_since(*when) < KEPT);
        let (_, domains) = read.insert(fresh.unwrap_or_else(|| (now, self.domains())));
        domains.iter().any(|known| known == domain)
    }

    fn domains(&self) -> Vec<String> {
        let mut buffer = [0; FILE_MAX];
        parse(read(&self.path, &mut buffer).unwrap_or_default())
    }
}

/// The domains in the text of a resolv.conf.
fn parse(text: &str) -> Vec<String> {
    let mut domains = Vec::new();
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        if matches!(words.next(), Some("search" | "domain")) {
            let named = words.map(|word| word.trim_matches('.').to_ascii_lowercase());
            domains.extend(named.filter(|domain| !domain.is_empty()));
        }
    }
    domains.truncate(DOMAINS_MAX);
    domains
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_read_as_the_resolver_reads_them() {
        let text =
            "# made by a lease\nnameserver 192.168.1.1\ndomain Home.Example.\nsearch lan\tfritz.box .\n";
        assert_eq!(parse(text), ["home.example", "lan", "fritz.box"]);
        assert_eq!(parse("searching for nothing\nsearch\n"), [""; 0]);
        assert_eq!(parse(&format!("search {}", "a ".repeat(100))).len(), DOMAINS_MAX);
    }

    #[test]
    fn a_machine_without_a_resolver_has_no_domains() {
        assert!(!SearchDomains::new("/no/such/file").contains("lan"));
    }
}
