//! The web hook: a POST of JSON for each event.
//!
//! A receiver that fails for a reason that may pass gets the event again, a few times; one that finds it too large
//! gets it without the picture. Its answer is not read beyond the head, and redirects are not followed: an event goes to
//! the named host and to no other.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64ct::{Base64, Encoding};
use rustls::crypto::ring;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Error, Timeout};

use super::look_up::{Failure as NameFailure, LookUp};
use super::notice::Notice;
use super::settings::HookUrl;
use super::{Tell, tls};
use crate::host::inject;
use crate::host::shutdown::Shutdown;
use crate::names::printable;
use crate::problem::{Problem, Text, text};
use crate::sync::lock;

/// The longest that one try takes, from looking up the name to the head of the answer.
const TRY_TIME: Duration = Duration::from_secs(10);

/// The times between tries.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(25)];

/// The largest head of an answer, in bytes.
const HEAD_MAX: usize = 16 << 10;

/// 413: too large for the receiver (RFC 9110 section 15.5.14).
const TOO_LARGE: u16 = 413;

/// A web hook.
pub(super) struct Hook {
    url: HookUrl,
    /// Made for the first event.
    agent: Option<Agent>,
    pauses: [Duration; 3],
}

/// Why a try failed.
struct Failure {
    problem: Box<Problem>,
    /// Whether another try may succeed.
    may_pass: bool,
    /// The status of the answer, if there was one.
    status: Option<u16>,
}

impl Hook {
    pub(super) fn new(url: HookUrl) -> Self {
        Self { url, agent: None, pauses: PAUSES }
    }

    fn agent(&mut self) -> Result<Agent, Problem> {
        if let Some(agent) = &self.agent {
            return Ok(agent.clone());
        }
        let agent = new_agent(&self.url, LookUp::new("hook name"))?;
        self.agent = Some(agent.clone());
        Ok(agent)
    }

    fn post(&self, agent: &Agent, body: &str) -> Result<(), Failure> {
        let address = &self.url.address;
        let port = address.port.map(|port| format!(":{port}")).unwrap_or_default();
        let url = format!("{}://{}{port}{}", address.scheme, address.host, address.path);
        let mut request = agent.post(url).header("Content-Type", "application/json");
        if let Some((user, password)) = &address.user {
            let both = format!("{user}:{}", password.as_deref().unwrap_or_default());
            request =
                request.header("Authorization", format!("Basic {}", Base64::encode_string(both.as_bytes())));
        }
        match request.send(body) {
            Ok(answer) => self.judge(answer.status().as_u16()),
            Err(error) => Err(self.failure(why(&error), true, None)),
        }
    }

    fn judge(&self, status: u16) -> Result<(), Failure> {
        match status {
            200..300 => Ok(()),
            300..400 => {
                let why = text!("it answered with {}, which leads to another URL", u32::from(status));
                let problem = self.problem(why, text!("set notify to the URL that it leads to"));
                Err(Failure { problem: Box::new(problem), may_pass: false, status: Some(status) })
            }
            // 408 and 429: too slow, or too often (RFC 9110 section 15.5.9, RFC 6585 section 4).
            _ => {
                let may_pass = status >= 500 || matches!(status, 408 | 429);
                Err(self.failure(text!("it answered with {}", u32::from(status)), may_pass, Some(status)))
            }
        }
    }

    fn failure(&self, why: Text, may_pass: bool, status: Option<u16>) -> Failure {
        let problem =
            self.problem(why, text!("see whether notify is the right URL, and what its receiver says"));
        Failure { problem: Box::new(problem), may_pass, status }
    }

    fn problem(&self, why: Text, advice: Text) -> Problem {
        Problem::new(text!("cannot tell {} what happened", self.url.shown()), why, advice)
    }
}

impl Tell for Hook {
    fn tell(&mut self, notice: &Notice, shutdown: &Shutdown) -> Result<(), Problem> {
        inject::panic_at("hook");
        let agent = self.agent()?;
        let mut is_too_large = false;
        let mut pauses = self.pauses.iter();
        loop {
            // Made for each try: privacy may have begun meanwhile.
            let Err(failure) = self.post(&agent, &notice.json(!is_too_large)) else { return Ok(()) };
            if !is_too_large && failure.status == Some(TOO_LARGE) && notice.has_picture() {
                is_too_large = true;
                continue;
            }
            match pauses.next() {
                Some(pause) if failure.may_pass && !shutdown.wait(*pause) => {}
                _ => return Err(*failure.problem),
            }
        }
    }
}

fn new_agent(url: &HookUrl, look_up: LookUp) -> Result<Agent, Problem> {
    let mut config = Agent::config_builder()
        .timeout_global(Some(TRY_TIME))
        .max_redirects(0)
        .http_status_as_error(false)
        .max_response_header_size(HEAD_MAX)
        .max_idle_connections(0) // events come seldom
        .proxy(None)
        .user_agent(concat!("boardcam/", env!("CARGO_PKG_VERSION")));
    if url.address.scheme == "https" {
        let roots: Vec<_> = tls::roots(&url.shown())?;
        let roots: Vec<_> = roots.iter().map(|root| Certificate::from_der(root).to_owned()).collect();
        let provider = Arc::new(ring::default_provider());
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::Specific(Arc::new(roots)))
            .unversioned_rustls_crypto_provider(provider);
        config = config.tls_config(tls.build());
    }
    Ok(Agent::with_parts(config.build(), DefaultConnector::new(), Names(Mutex::new(look_up))))
}

/// Finds the hook's addresses. ureq's own resolver starts a thread for each try, also while earlier ones hang.
#[derive(Debug)]
struct Names(Mutex<LookUp>);

impl Resolver for Names {
    fn resolve(&self, uri: &Uri, _: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let host = uri.host().ok_or(Error::HostNotFound)?.trim_matches(['[', ']']);
        let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        let patience = TRY_TIME.min(*timeout.after);
        let found = lock(&self.0).addresses(host, uri.port_u16().unwrap_or(default), patience);
        let found = found.map_err(|failure| match failure {
            NameFailure::System(error) => Error::Io(error),
            NameFailure::TimedOut => Error::Timeout(Timeout::Resolve),
            NameFailure::Problem(problem) => Error::Io(std::io::Error::other(problem.to_string())),
        })?;
        let mut addresses = self.empty();
        found.into_iter().for_each(|address| addresses.push(address));
        if addresses.is_empty() { Err(Error::HostNotFound) } else { Ok(addresses) }
    }
}

/// What the system or the protocol says; never the URL.
fn why(error: &Error) -> Text {
    match error {
        Error::Timeout(Timeout::Resolve) => {
            text!("its name was not found within {} s", TRY_TIME.as_secs())
        }
        Error::Timeout(_) => text!("there was no answer within {} s", TRY_TIME.as_secs()),
        Error::HostNotFound => text!("its name is not known"),
        Error::Io(error) => Text::from(printable(error.to_string().as_bytes())),
        Error::BadUri(_) => text!("its URL cannot be used"),
        error => Text::from(printable(error.to_string().as_bytes())),
    }
}

#[cfg(test)]
mod tests;
