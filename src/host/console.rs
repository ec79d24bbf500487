//! Shows the address to open on a phone, and its QR code, on the terminal. Started by [`crate::serve`]. The code goes
//! to a terminal only, never to a file, a pipe or the log.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

use log::{debug, info, warn};

use super::addresses;
use super::shutdown::Shutdown;
use crate::problem::Problem;
use crate::qr::Code;

/// How often the addresses are checked for changes, to show them on a terminal.
const TERMINAL_PERIOD: Duration = Duration::from_secs(2);

/// The same, to log them.
const LOG_PERIOD: Duration = Duration::from_secs(10);

/// Shows the address on the terminal, as soon as it is known and again when it changes, until the program ends. Without
/// a terminal, addresses that come later than the first log lines are logged: a board starts before its network does.
/// If only this machine can connect, there is nothing to show.
///
/// `https` says which URL to show. `mistake` is shown below it, since the log line about it has scrolled away by then.
/// A thread of its own does this: a terminal stopped with Ctrl-S blocks no other thread.
pub fn start(listening: Vec<SocketAddr>, https: bool, mistake: Option<Problem>, shutdown: Shutdown) {
    if listening.iter().all(|address| address.ip().is_loopback()) {
        return;
    }
    let mut terminal = terminal();
    let period = if terminal.is_some() { TERMINAL_PERIOD } else { LOG_PERIOD };
    let show = move || {
        // What the listener's log line has named.
        let mut shown = if terminal.is_some() { Vec::new() } else { addresses::urls(&listening, https) };
        while !shutdown.has_begun() {
            let urls = addresses::urls(&listening, https);
            if !urls.is_empty() && urls != shown {
                let written = match &mut terminal {
                    Some(terminal) => terminal.write_all(text(&urls, mistake.as_ref()).as_bytes()),
                    None => {
                        info!("other devices open {}", urls.join(" or "));
                        Ok(())
                    }
                };
                if let Err(failure) = written {
                    debug!("the terminal is gone: {failure}");
                    return;
                }
                shown = urls;
            }
            shutdown.wait(period);
        }
    };
    if let Err(failure) = thread::Builder::new().name("console".to_owned()).spawn(show) {
        warn!("cannot show the address on the terminal: {failure}");
    }
}

/// Standard output if that is a terminal, otherwise standard error if that is one. A file of its own, since others need
/// the locks of std's.
fn terminal() -> Option<File> {
    let file = if io::stdout().is_terminal() {
        io::stdout().as_fd().try_clone_to_owned()
    } else if io::stderr().is_terminal() {
        io::stderr().as_fd().try_clone_to_owned()
    } else {
        return None;
    };
    file.ok().map(File::from)
}

/// What the terminal shows: the QR code of the first URL, every URL, and the mistake in the settings. Empty without a
/// URL.
pub fn text(urls: &[String], mistake: Option<&Problem>) -> String {
    let Some((first, others)) = urls.split_first() else { return String::new() };
    let mut text = Code::of(first).map(|code| code.to_terminal()).unwrap_or_default();
    text += &format!("Open {first} in a browser, or scan the code with a phone on the same network.\n");
    for other in others {
        text += &format!("On this board's other networks: {other}\n");
    }
    if let Some(mistake) = mistake {
        text += &format!("The settings have a mistake: {mistake}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_of_the_first_address_and_every_address_and_mistake_is_listed() {
        let urls = ["http://192.168.1.9:8080/".to_owned(), "http://10.0.0.9:8080/".to_owned()];
        let mistake = Problem::new("cannot use line 3", "it is empty", "remove it");
        let text = text(&urls, Some(&mistake));
        assert!(text.starts_with(&Code::of(&urls[0]).unwrap().to_terminal()));
        for word in [
            "Open http://192.168.1.9:8080/ in",
            "networks: http://10.0.0.9:8080/\n",
            &format!("mistake: {mistake}\n"),
        ] {
            assert!(text.contains(word), "{text}");
        }
        assert_eq!(super::text(&[], None), "");
    }
}
