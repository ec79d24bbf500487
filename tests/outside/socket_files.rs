//! Sockets in the file system: their clients, proxies among them, and what `check` says of them.

use std::io::{BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use client::{Answer, Outcome, ensure, wait_for};

use crate::boardcam::{Boardcam, complaint, run};
use crate::passwords::users;
use crate::recording::Place;

const PATTERN: [&str; 4] = ["--camera", "pattern", "--size", "64x48"];

/// Sends these bytes to a socket.
fn request(path: &Path, bytes: &str) -> Outcome<BufReader<UnixStream>> {
    let mut socket = UnixStream::connect(path)?;
    socket.set_read_timeout(Some(std::time::Duration::from_secs(60)))?;
    socket.write_all(bytes.as_bytes())?;
    Ok(BufReader::new(socket))
}

fn listen(place: &Place, name: &str) -> String {
    format!("unix:{}", place.0.join(name).display())
}

#[test]
fn clients_of_two_sockets_are_told_apart() -> Outcome {
    let place = Place::new()?;
    let (one, two) = (listen(&place, "one"), listen(&place, "two"));
    let boardcam = Boardcam::start(&[&PATTERN[..], &["--listen", &one, "--listen", &two]].concat())?;
    let mut viewers = Vec::new();
    for name in ["one", "two"] {
        let mut viewer = request(&place.0.join(name), "GET /stream HTTP/1.0\r\n\r\n")?;
        viewer.read_exact(&mut [0; 1000])?;
        viewers.push(viewer);
    }
    let state = boardcam.state()?;
    let addresses: Vec<_> =
        state["viewers"].as_array().ok_or("no viewers")?.iter().map(|viewer| &viewer["address"]).collect();
    ensure!(addresses.len() == 2 && addresses[0] != addresses[1], "{addresses:?}");
    Ok(())
}

#[test]
fn a_proxy_at_the_socket_is_believed_whose_wrong_password_it_is() -> Outcome {
    let (place, file) = (Place::new()?, users("socket-proxy")?);
    let socket = listen(&place, "socket");
    let boardcam =
        Boardcam::start(&[&PATTERN[..], &["--config", file.path(), "--listen", &socket]].concat())?;
    for (client, number) in [("192.0.2.7", 6), ("192.0.2.8", 1)] {
        let head = format!(
            "GET /state HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: {client}\r\n\
             Authorization: Basic YmVuOndyb25n\r\nConnection: close\r\n\r\n"
        );
        let mut status = 0;
        for _ in 0..number {
            status = Answer::read(&mut request(&place.0.join("socket"), &head)?)?.status;
        }
        // The sixth of one client has to wait, and the first of another one has not.
        ensure!(status == if number > 5 { 429 } else { 401 }, "{client}: {status}");
        wait_for("the log to name the client", || Ok(boardcam.log().contains(client).then_some(())))?;
    }
    Ok(())
}

#[test]
fn check_says_of_a_socket_what_starting_would() -> Outcome {
    let place = Place::new()?;
    let socket = listen(&place, "socket");
    let check = |listen: &str| -> Outcome<String> {
        let output = run(&[&PATTERN[..], &["--listen", listen, "check"]].concat())?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    };
    let told = check(&socket)?;
    ensure!(told.ends_with("\n# OK\n"), "{told}");
    let _boardcam = Boardcam::start(&[&PATTERN[..], &["--listen", &socket]].concat())?;
    let told = check(&socket)?;
    ensure!(told.contains("# warning") && told.contains("another program serves there already"), "{told}");
    let second = complaint(&[&PATTERN[..], &["--listen", &socket]].concat(), 1)?;
    ensure!(second.contains("another program serves there already"), "{second}");
    let misspelt = complaint(&[&PATTERN[..], &["--listen", &format!("{socket},mdoe=600")]].concat(), 2)?;
    ensure!(misspelt.contains("there is no mdoe= here"), "{misspelt}");
    Ok(())
}
