//! The listeners of one event loop, and the poll that it waits on.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use mio::{Interest, Poll, Token, Waker};
use rustls::ServerConfig;

use super::super::listener::Listener;
use super::super::loop_waker::LoopWaker;
use crate::host::service::Pulse;
use crate::problem::Problem;

/// The token of the waker. Those of the listeners follow, then those of connections.
pub(super) const WAKER: Token = Token(0);

/// Where the clients of one event loop connect.
#[derive(Debug)]
pub(in crate::gate) struct Port {
    pub(super) poll: Poll,
    pub(super) listeners: Vec<Listener>,
    /// The TLS settings of its connections; `None` for plain HTTP.
    pub(super) tls: Option<Arc<ServerConfig>>,
    pub(in crate::gate) waker: Arc<LoopWaker>,
    pub(in crate::gate) pulse: Arc<Pulse>,
}

impl Port {
    /// Registers these listeners in a new poll.
    ///
    /// # Errors
    /// When the system has no descriptors or memory for it.
    pub(in crate::gate) fn open(
        mut listeners: Vec<Listener>,
        tls: Option<Arc<ServerConfig>>,
    ) -> Result<Self, Problem> {
        let failed = |error: io::Error| {
            Problem::new(
                "cannot watch the network",
                error.to_string(),
                "is the system out of files or memory?",
            )
        };
        let poll = Poll::new().map_err(failed)?;
        let waker = Waker::new(poll.registry(), WAKER).map_err(failed)?;
        for (index, listener) in listeners.iter_mut().enumerate() {
            poll.registry().register(listener, listener_token(index), Interest::READABLE).map_err(failed)?;
        }
        Ok(Self { poll, listeners, tls, waker: Arc::new(LoopWaker::new(waker)), pulse: Arc::default() })
    }

    /// The addresses that it listens on.
    pub(in crate::gate) fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(Listener::address).collect()
    }

    /// Whether one of its sockets is in the file system.
    pub(in crate::gate) fn has_socket_file(&self) -> bool {
        self.listeners.iter().any(|listener| matches!(listener, Listener::File { .. }))
    }

    /// The first token of a connection.
    pub(super) fn first_token(&self) -> usize {
        listener_token(self.listeners.len()).0
    }

    /// Which listener has this token; `None` for the waker's and a connection's.
    pub(super) fn listener_index(&self, token: usize) -> Option<usize> {
        token.checked_sub(listener_token(0).0).filter(|index| *index < self.listeners.len())
    }
}

/// The token of the listener with this index.
pub(super) fn listener_token(index: usize) -> Token {
    Token(WAKER.0 + 1 + index)
}
