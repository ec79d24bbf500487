//! This machine's own name, and the domains that its resolver appends to a bare name (resolv.conf(5), `search` and
//! `domain`). On a home network it is the router's: `lan`, `home.arpa`, `fritz.box`.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::sync::lock;

/// How long what was read is used: a lease brings other domains.
const KEPT: Duration = Duration::from_secs(5);

/// The most of the file that is read, in bytes.
const FILE_MAX: u64 = 16 << 10;

/// The most domains that are kept; the resolver itself used six for long.
const DOMAINS_MAX: usize = 16;

/// This machine's own name, in lower case, with or without a domain; empty if it has none.
pub fn own_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().to_ascii_lowercase()
}

/// The first label of this machine's own name.
pub fn own_label() -> Option<String> {
    own_name().split('.').next().filter(|label| !label.is_empty()).map(str::to_owned)
}

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
        let mut text = Vec::new();
        let whole = File::open(&self.path).and_then(|file| file.take(FILE_MAX).read_to_end(&mut text));
        // Without the file, and of one that cannot be read to its end, there is nothing to believe.
        whole.map_or_else(|_: io::Error| Vec::new(), |_| parse(&String::from_utf8_lossy(&text)))
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
    fn a_comment_in_another_encoding_hides_no_domain() {
        let path = std::env::temp_dir().join(format!("boardcam-resolv-latin1-{}", std::process::id()));
        std::fs::write(&path, b"# K\xfcche\nsearch office.example\n").unwrap();
        assert!(SearchDomains::new(&path).contains("office.example"));
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_machine_without_a_resolver_has_no_domains() {
        assert!(!SearchDomains::new("/no/such/file").contains("lan"));
    }
}
