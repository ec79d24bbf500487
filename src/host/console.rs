//! For whoever sits at the terminal: the address to open on a phone, and its QR code. Started by [`crate::serve`].
//! Only a terminal gets it, never a file, a pipe or the log.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

use log::{debug, warn};

use super::addresses;
use super::shutdown::Shutdown;
use crate::problem::Problem;
use crate::qr::Code;

/// How often it looks whether the address is another one.
const LOOK_PERIOD: Duration = Duration::from_secs(2);

/// Shows the address on the terminal, if there is one, as soon as it is known, and again when it has changed; with
/// `https` by that, until the program ends; and what is wrong with the settings, which scrolled away on a screen whose
/// last lines these are. A thread of its own does it: a terminal stopped with Ctrl-S holds up nobody else.
pub fn start(listening: Vec<SocketAddr>, https: bool, mistake: Option<Problem>, shutdown: Shutdown) {
    let Some(mut terminal) = terminal() else { return };
    let show = move || {
        let mut shown = Vec::new();
        while !shutdown.has_begun() {
            let urls = addresses::urls(&listening, https);
            if !urls.is_empty() && urls != shown {
                if let Err(failure) = terminal.write_all(text(&urls, mistake.as_ref()).as_bytes()) {
                    debug!("the terminal is gone: {failure}");
                    return;
                }
                shown = urls;
            }
            shutdown.wait(LOOK_PERIOD);
        }
    };
    if let Err(failure) = thread::Builder::new().name("console".to_owned()).spawn(show) {
        warn!("cannot show the address on the terminal: {failure}");
    }
}

/// Standard output if it is a terminal, else standard error if that is one; apart from std's, whose locks
/// others need.
fn terminal() -> Option<File> {
    let (out, err) = (io::stdout(), io::stderr());
    let place = match () {
        () if out.is_terminal() => out.as_fd(),
        () if err.is_terminal() => err.as_fd(),
        () => return None,
    };
    place.try_clone_to_owned().ok().map(File::from)
}

/// What stands on the terminal: the QR code of the first URL, all of them in words, and the mistake; nothing without
/// one.
pub fn text(urls: &[String], mistake: Option<&Problem>) -> String {
    let Some((first, others)) = urls.split_first() else { return String::new() };
    let mut text = Code::of(first).map(|code| code.to_terminal()).unwrap_or_default();
    text += &format!("Open {first} in a browser, or scan the code with a phone in the same network.\n");
    for other in others {
        text += &format!("In other networks of this board: {other}\n");
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
    fn the_code_is_of_the_first_address_and_all_are_listed_and_what_is_wrong() {
        let urls = ["http://192.168.1.9:8080/".to_owned(), "http://10.0.0.9:8080/".to_owned()];
        let mistake = Problem::new("cannot use line 3", "it says nothing", "take it out");
        let text = text(&urls, Some(&mistake));
        assert!(text.starts_with(&Code::of(&urls[0]).unwrap().to_terminal()));
        for word in [
            "Open http://192.168.1.9:8080/ in",
            "board: http://10.0.0.9:8080/\n",
            &format!("mistake: {mistake}\n"),
        ] {
            assert!(text.contains(word), "{text}");
        }
        assert_eq!(super::text(&[], None), "");
    }
}
