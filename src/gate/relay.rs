//! Carries checked requests to the site and whole answers back, one at a time on each of a few blocking threads, so
//! that neither a slow client nor a slow site stops the loop, and back-pressure never reaches rouille.
//!
//! Requests wait in a queue that is fair by client. Where a password must be hashed, which takes long, the site says so
//! ([`CHECK_HEADER`]), and the request waits again, in a queue for such requests alone: never do more than
//! [`CHECKING_RELAYS`] relays wait for a hash, so that all other requests pass them by.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use log::{error, warn};
use mio::Waker;

use super::answer;
use super::fair_queue::FairQueue;
use super::head::Refusal;
use super::limits::{ANSWER_MAX, CHECKING_RELAYS, RELAYS, SITE_TIME, TURN_TIME};
use crate::auth::network::{Network, client_behind, client_of};
use crate::host::log::bounded::{self, Subject};
use crate::problem::text;
use crate::protocol::{CHECK_HEADER, KEY_HEADER};
use crate::sync::{lock, wait};

/// Where the site listens and the key that it expects; both change when it is restarted.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// Its private address, on loopback.
    pub address: SocketAddr,
    /// The key for [`KEY_HEADER`].
    pub key: String,
    /// Set by a relay whose connection was refused: the site no longer listens.
    pub unreachable: Arc<AtomicBool>,
    /// The proxies that it trusts to say whose requests they pass on.
    pub proxies: Arc<[Network]>,
}

impl Upstream {
    /// A site that has just begun to listen at `address`.
    pub fn new(address: SocketAddr, key: String) -> Self {
        Self { address, key, unreachable: Arc::default(), proxies: Arc::default() }
    }
}

/// The values of `X-Forwarded-For` in a request's head.
fn forwarded(head: &str) -> impl Iterator<Item = &str> {
    let headers = head.lines().filter_map(|line| line.split_once(": "));
    headers.filter(|(name, _)| name.eq_ignore_ascii_case("x-forwarded-for")).map(|(_, value)| value)
}

/// The present upstream of the site, which changes when the site is restarted.
pub type SharedUpstream = Arc<Mutex<Upstream>>;

/// A request on its way to the site.
#[derive(Debug)]
pub struct SiteRequest {
    /// The connection that it came on.
    pub connection: usize,
    /// The client with whose requests it waits.
    pub client: IpAddr,
    /// Method, target and headers, each line ended, without the empty line.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl SiteRequest {
    /// Method and path for the log, without the query, which may be a secret.
    pub fn shown(&self) -> &str {
        let line = self.head.split(['?', '\r']).next().unwrap_or_default();
        line.strip_suffix(" HTTP/1.0").unwrap_or(line) // ours, not the client's
    }
}

/// The site's whole answer to a [`SiteRequest`], or why there is none.
#[derive(Debug)]
pub struct Reply {
    /// The connection that the request came on.
    pub connection: usize,
    /// The answer.
    pub answer: Result<Vec<u8>, Refusal>,
}

/// A request that waits for a relay, and where its answer goes. There are at most as many as connections, since a
/// connection has one request at a time.
#[derive(Debug)]
struct Queued {
    request: SiteRequest,
    since: Instant,
    /// The line in which it waits for its password to be hashed; `None` if it was not said yet that it must be.
    line: Option<u64>,
    answers: Sender<Reply>,
    waker: Arc<Waker>,
}

/// The requests that wait.
#[derive(Debug, Default)]
struct Waiting {
    requests: FairQueue<IpAddr, Queued>,
    /// Those whose password must be hashed, by their lines.
    checks: FairQueue<u64, Queued>,
    /// The lines of those that relays carry now, at most [`CHECKING_RELAYS`]: of each line only one at a time.
    checking: Vec<u64>,
    closed: bool,
}

impl Waiting {
    fn take(&mut self) -> Option<Queued> {
        if self.checking.len() < CHECKING_RELAYS
            && let Some(check) = self.checks.pop_of(|line| !self.checking.contains(&line))
        {
            self.checking.extend(check.line);
            return Some(check);
        }
        self.requests.pop()
    }
}

/// The queue of all relays.
#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

impl Queue {
    fn push(&self, queued: Queued) {
        let mut waiting = lock(&self.waiting);
        let Waiting { requests, checks, .. } = &mut *waiting;
        match queued.line {
            Some(line) => checks.push(line, queued),
            None => requests.push(queued.request.client, queued),
        }
        self.changed.notify_one();
    }

    /// Waits for the next request; `None` once the queue is closed. A relay that ended a check says of which line.
    fn next(&self, checked: Option<u64>) -> Option<Queued> {
        let mut waiting = lock(&self.waiting);
        if checked.is_some() {
            waiting.checking.retain(|line| Some(*line) != checked);
            self.changed.notify_one(); // another relay may take the line's next one
        }
        loop {
            if waiting.closed {
                return None;
            }
            if let Some(queued) = waiting.take() {
                return Some(queued);
            }
            waiting = wait(&self.changed, waiting);
        }
    }
}

/// The end of the queue where requests are put in. When the last one is dropped, the relays end.
#[derive(Debug)]
struct Entry(Arc<Queue>);

impl Drop for Entry {
    fn drop(&mut self) {
        lock(&self.0.waiting).closed = true;
        self.0.changed.notify_all();
    }
}

/// The relays. Once this and all handles are dropped, each thread ends after the request that it carries; nothing waits
/// for that.
#[derive(Debug)]
pub struct Relays {
    entry: Arc<Entry>,
    proxies: Arc<[Network]>,
}

impl Relays {
    /// Starts [`RELAYS`] threads.
    ///
    /// # Errors
    /// When the system cannot start more threads.
    pub fn start(upstream: &SharedUpstream) -> io::Result<Self> {
        let queue = Arc::<Queue>::default();
        let entry = Arc::new(Entry(queue.clone()));
        for number in 0..RELAYS {
            let (queue, upstream) = (queue.clone(), upstream.clone());
            let thread = std::thread::Builder::new().name(format!("relay-{number}"));
            thread.spawn(move || relay(&queue, &upstream))?;
        }
        Ok(Self { entry, proxies: lock(upstream).proxies.clone() })
    }

    /// A handle for an event loop, which `waker` wakes when there is an answer.
    pub fn handle(&self, waker: &Arc<Waker>) -> RelayHandle {
        let (answers, replies) = channel();
        RelayHandle {
            entry: self.entry.clone(),
            proxies: self.proxies.clone(),
            answers,
            replies,
            waker: waker.clone(),
        }
    }
}

/// Hands one event loop's requests to the relays and gets the answers.
#[derive(Debug)]
pub struct RelayHandle {
    entry: Arc<Entry>,
    proxies: Arc<[Network]>,
    answers: Sender<Reply>,
    replies: Receiver<Reply>,
    waker: Arc<Waker>,
}

impl RelayHandle {
    /// Whose request with this head it is that came from `peer`, which may be a trusted proxy.
    pub fn client_of(&self, peer: IpAddr, head: &str) -> IpAddr {
        client_of(client_behind(&self.proxies, peer, forwarded(head)))
    }

    /// Queues a request, behind those that its client has waiting.
    pub fn submit(&self, request: SiteRequest) {
        let (answers, waker) = (self.answers.clone(), self.waker.clone());
        self.entry.0.push(Queued { request, since: Instant::now(), line: None, answers, waker });
    }

    /// The next answer, if there is one.
    pub fn reply(&self) -> Option<Reply> {
        self.replies.try_recv().ok()
    }
}

fn relay(queue: &Queue, upstream: &SharedUpstream) {
    let mut checked = None;
    while let Some(queued) = queue.next(checked) {
        checked = queued.line;
        let upstream = lock(upstream).clone(); // a lock that was held during the answer would leave one relay
        let answer = if queued.since.elapsed() > TURN_TIME {
            Err(Refusal::new(503, text!("Too many requests came at once; try again in a second.")))
        } else {
            answer(&queued.request, &upstream)
        };
        let check = answer
            .as_ref()
            .ok()
            .filter(|_| checked.is_none())
            .and_then(|answer| answer::asks_for_check(answer));
        if let Some(line) = check {
            queue.push(for_check(queued, line));
            continue;
        }
        let Queued { request: SiteRequest { connection, .. }, answers, waker, .. } = queued;
        if answers.send(Reply { connection, answer }).is_err() {
            continue; // that loop has ended
        }
        if let Err(failure) = waker.wake() {
            error!("cannot wake the event loop: {failure}");
        }
    }
}

/// The same request once more, with leave to hash its password when it is at the front of this line.
fn for_check(mut queued: Queued, line: u64) -> Queued {
    queued.request.head += &format!("{CHECK_HEADER}: 1\r\n");
    Queued { line: Some(line), ..queued }
}

/// The site's answer. Whatever happens, there must be one, because the connection waits for it.
fn answer(request: &SiteRequest, upstream: &Upstream) -> Result<Vec<u8>, Refusal> {
    let carried = catch_unwind(AssertUnwindSafe(|| carry(request, upstream)));
    let carried = carried.unwrap_or_else(|_| Err(io::Error::other("an error in this program")));
    carried.map_err(|failure| {
        if bounded::may_log(Subject::Requests, "") {
            warn!("the site did not answer {}: {failure}", request.shown());
        }
        match failure.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                Refusal::new(504, text!("The site did not answer in time."))
            }
            _ => Refusal::new(502, text!("The site did not answer; it is being restarted.")),
        }
    })
}

fn carry(request: &SiteRequest, upstream: &Upstream) -> io::Result<Vec<u8>> {
    let deadline = Instant::now() + SITE_TIME;
    let mut site = TcpStream::connect_timeout(&upstream.address, SITE_TIME).inspect_err(|failure| {
        if failure.kind() == ErrorKind::ConnectionRefused {
            upstream.unreachable.store(true, Ordering::Relaxed);
        }
    })?;
    site.set_write_timeout(Some(SITE_TIME))?;
    let mut bytes = request.head.clone().into_bytes();
    write!(bytes, "{KEY_HEADER}: {}\r\n\r\n", upstream.key)?;
    bytes.extend_from_slice(&request.body);
    site.write_all(&bytes)?;

    let mut answer = Vec::new();
    let mut chunk = [0; 16 << 10];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        site.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        let count = match site.read(&mut chunk) {
            Ok(0) => return Ok(answer),
            Ok(count) => count,
            Err(failure) if failure.kind() == ErrorKind::Interrupted => continue,
            Err(failure) => return Err(failure),
        };
        if answer.len() + count > ANSWER_MAX {
            return Err(io::Error::other(format!("its answer is larger than {ANSWER_MAX} bytes")));
        }
        answer.extend_from_slice(chunk.get(..count).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// A site that says this and then waits for the relay to go.
    fn site(says: impl FnOnce(&mut TcpStream) + Send + 'static) -> Upstream {
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut relay, _) = listener.accept().unwrap();
            says(&mut relay);
            while relay.read(&mut [0; 1 << 10]).is_ok_and(|count| count > 0) {}
        });
        Upstream::new(address, "key".to_owned())
    }

    fn request() -> SiteRequest {
        let client = IpAddr::from([192, 0, 2, 1]);
        SiteRequest { connection: 0, client, head: "GET / HTTP/1.0\r\n".to_owned(), body: b"body".to_vec() }
    }

    #[test]
    fn the_log_shows_what_was_asked_for_without_secrets_and_without_the_version_that_only_the_site_gets() {
        for (line, shown) in [
            ("GET /stream HTTP/1.0", "GET /stream"),
            ("GET /stream?token=secret HTTP/1.0", "GET /stream"),
            ("POST /?action=x HTTP/1.0", "POST /"),
        ] {
            assert_eq!(SiteRequest { head: format!("{line}\r\nhost: a b\r\n"), ..request() }.shown(), shown);
        }
    }

    #[test]
    fn an_answer_larger_than_the_limit_is_given_up() {
        let endless = |relay: &mut TcpStream| while relay.write_all(&[b'x'; 64 << 10]).is_ok() {};
        let message = carry(&request(), &site(endless)).unwrap_err().to_string();
        assert!(message.contains("larger than"), "{message}");
    }

    #[test]
    fn a_site_that_trickles_and_never_ends_is_given_up_in_time() {
        const PAUSE: Duration = Duration::from_millis(200);
        let trickle = |relay: &mut TcpStream| {
            for _ in 0..3 * SITE_TIME.as_millis() / PAUSE.as_millis() {
                let _ = relay.write_all(b"x"); // the relay may have gone
                thread::sleep(PAUSE);
            }
        };
        let begin = Instant::now();
        let kind = carry(&request(), &site(trickle)).unwrap_err().kind();
        assert!(matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut), "{kind}");
        assert!((SITE_TIME..3 * SITE_TIME).contains(&begin.elapsed()), "after {:?}", begin.elapsed());
    }

    #[test]
    fn a_relay_that_fails_says_so_and_carries_the_next_request() {
        let gone = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let upstream = Arc::new(Mutex::new(Upstream::new(gone, String::new())));
        let poll = mio::Poll::new().unwrap();
        let waker = Arc::new(Waker::new(poll.registry(), mio::Token(0)).unwrap());
        let handle = Relays::start(&upstream).unwrap().handle(&waker);
        let ask = || {
            handle.submit(request());
            handle.replies.recv_timeout(SITE_TIME).unwrap().answer
        };
        for _ in 0..2 * RELAYS {
            assert_eq!(ask().unwrap_err().status, 502);
        }
        assert!(upstream.lock().unwrap().unreachable.load(Ordering::Relaxed), "the site was not notified");
        let late = Queued {
            request: request(),
            since: Instant::now().checked_sub(TURN_TIME + Duration::from_secs(1)).unwrap(),
            line: None,
            answers: handle.answers.clone(),
            waker: waker.clone(),
        };
        handle.entry.0.push(late);
        assert_eq!(handle.replies.recv_timeout(SITE_TIME).unwrap().answer.unwrap_err().status, 503);
        *upstream.lock().unwrap() = site(|relay| {
            relay.write_all(b"answer").unwrap();
            relay.shutdown(std::net::Shutdown::Write).unwrap();
        });
        assert_eq!(ask().unwrap(), b"answer");
    }
}
