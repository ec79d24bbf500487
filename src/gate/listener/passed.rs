//! Sockets that the service manager opened and passes on (sd_listen_fds(3)).

use std::io;

use listenfd::ListenFd;
use mio::net::TcpListener;

use super::Listener;
use crate::problem::Problem;

/// The sockets that this process was given; empty without any. A second call gives none.
///
/// # Errors
/// One of them is neither for TCP nor in the file system, or does not listen.
pub fn take() -> Result<Vec<Listener>, Problem> {
    let mut passed = ListenFd::from_env();
    (0..passed.len())
        .map(|number| one(&mut passed, number).map_err(|error| refused(number, &error)))
        .collect()
}

fn one(passed: &mut ListenFd, number: usize) -> io::Result<Listener> {
    if let Ok(Some(file)) = passed.take_unix_listener(number) {
        file.set_nonblocking(true)?;
        return Ok(Listener::file(file, None));
    }
    let tcp = passed.take_tcp_listener(number)?.ok_or(io::ErrorKind::InvalidInput)?;
    tcp.set_nonblocking(true)?;
    Ok(Listener::Tcp(TcpListener::from_std(tcp)))
}

fn refused(number: usize, error: &io::Error) -> Problem {
    Problem::new(
        format!("cannot listen on socket {} of the service manager", number + 1),
        error.to_string(),
        "give it ListenStream=ADDR:PORT or ListenStream=/path, and Accept=no",
    )
}
