//! Sockets that the service manager opened and passes on (sd_listen_fds(3)).

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;

use listenfd::ListenFd;
use mio::net::TcpListener;
use socket2::SockRef;

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
        return of_file(file);
    }
    let tcp = passed.take_tcp_listener(number)?.ok_or(io::ErrorKind::InvalidInput)?;
    listens(&tcp)?;
    tcp.set_nonblocking(true)?;
    Ok(Listener::Tcp(TcpListener::from_std(tcp)))
}

fn of_file(file: UnixListener) -> io::Result<Listener> {
    listens(&file)?;
    file.set_nonblocking(true)?;
    Ok(Listener::file(file, None))
}

/// With Accept=yes, a connection is passed on in place of a socket that listens.
fn listens(socket: impl AsFd) -> io::Result<()> {
    let is_listener = SockRef::from(&socket).is_listener()?;
    if is_listener { Ok(()) } else { Err(io::Error::other("it does not listen")) }
}

fn refused(number: usize, error: &io::Error) -> Problem {
    Problem::new(
        format!("cannot listen on socket {} of the service manager", number + 1),
        error.to_string(),
        "give it ListenStream=ADDR:PORT or ListenStream=/path, and Accept=no",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_connection_in_place_of_a_socket_that_listens_is_refused() {
        let (connection, _other) = UnixStream::pair().unwrap();
        let refusal = of_file(OwnedFd::from(connection).into()).unwrap_err();
        assert!(refusal.to_string().contains("does not listen"), "{refusal}");
    }
}
