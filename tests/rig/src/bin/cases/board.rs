//! Events on the board: the log daemon restarts, the clock jumps, IPv6 is missing.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use client::{Outcome, ensure, get, wait_for};
use rustix::process::Signal;

use crate::Case;
use crate::boardcam::{Boardcam, PROGRAM};
use crate::guest::{Camera, run};

pub const CASES: &[Case] = &[
    ("without_ipv6_it_serves_on_ipv4", without_ipv6_it_serves_on_ipv4),
    ("log_lines_resume_after_syslogd_was_restarted", log_lines_resume_after_syslogd_was_restarted),
    ("a_clock_that_jumps_disturbs_nothing", a_clock_that_jumps_disturbs_nothing),
];

/// A background program; dropping this ends it.
struct Background(Child);

impl Background {
    fn start(program: &str, args: &[&str]) -> Outcome<Self> {
        Ok(Self(Command::new(program).args(args).stdin(Stdio::null()).stderr(Stdio::null()).spawn()?))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.0.kill(); // it may have ended
        let _ = self.0.wait();
    }
}

fn without_ipv6_it_serves_on_ipv4() -> Outcome {
    ensure!(!Path::new("/proc/net/if_inet6").exists(), "this guest has IPv6");
    let _boardcam = Background::start(PROGRAM, &["--camera", "pattern"])?;
    let address = "127.0.0.1:8080".parse()?;
    wait_for("an answer", || Ok(get(address, "/state").ok()))?;
    Ok(())
}

fn log_lines_resume_after_syslogd_was_restarted() -> Outcome {
    const MESSAGES: &str = "/tmp/messages";
    let daemon = || Background::start("/bin/syslogd", &["-n", "-O", MESSAGES]);
    let told = |what: &str| {
        wait_for(what, || Ok(fs::read_to_string(MESSAGES).is_ok_and(|log| log.contains(what)).then_some(())))
    };
    let first = daemon()?;
    wait_for("syslogd to listen", || Ok(Path::new("/dev/log").exists().then_some(())))?;
    let boardcam = Boardcam::start(&["--camera", "pattern", "--log", "syslog"])?;
    told("daemon.info boardcam")?;
    drop(first);
    boardcam.watch_first()?.next()?; // a line that is lost
    fs::remove_file(MESSAGES)?;
    let _second = daemon()?;
    wait_for("syslogd to write again", || {
        let viewer = boardcam.watch_first()?;
        viewer.next()?;
        drop(viewer);
        Ok(fs::read_to_string(MESSAGES).is_ok_and(|log| log.contains("started watching")).then_some(()))
    })?;
    boardcam.signal(Signal::HUP)?;
    told("SIGHUP: reopened the log")
}

fn a_clock_that_jumps_disturbs_nothing() -> Outcome {
    let _camera = Camera::plug_in()?;
    let boardcam = Boardcam::start(&["--camera", "auto"])?;
    boardcam.wait_until_live()?;
    let viewer = boardcam.watch_first()?;
    viewer.next()?;
    let before = boardcam.holdings()?;
    let warnings = boardcam.log()?.matches("WARN").count(); // that anybody can watch
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    for clock in [now + 5 * 3600, now - 5 * 3600, 1_000, now] {
        run("/bin/date", &["-s", &format!("@{clock}")])?;
        for _ in 0..30 {
            viewer.next()?;
        }
    }
    let log = boardcam.log()?;
    let quiet = log.matches("WARN").count() == warnings && !log.contains("stopped watching");
    ensure!(quiet, "it was disturbed: {log}");
    boardcam.ensure_no_more_than(before)
}
