//! The cases: what a user expects of boardcam with real kernel cameras, each tried on the real program.
//!
//! `cases [NAME...]` is started by the guest's init; it needs root and the modules vhci-hcd and uvcvideo.
//! It prints a line for each case and ends with `N passed, N failed`.
#![forbid(unsafe_code)]

mod board;
mod boardcam;
mod capture_cards;
mod choosing;
mod controls;
mod driver;
mod faults;
mod formats;
mod guest;
mod hardware;
mod on_demand;
mod picture;
mod replug;
mod settings;
mod several;
mod stream;
mod trouble;
mod turned;
mod usb;
mod usb_controls;

use std::any::Any;
use std::fs;
use std::panic::catch_unwind;
use std::time::Instant;

use client::Outcome;

type Case = (&'static str, fn() -> Outcome);

/// How many lines of boardcam's log are shown if a case fails.
const LOG_LINES: usize = 30;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let all: Vec<&Case> = [
        stream::CASES,
        formats::CASES,
        choosing::CASES,
        capture_cards::CASES,
        turned::CASES,
        settings::CASES,
        replug::CASES,
        on_demand::CASES,
        several::CASES,
        trouble::CASES,
        faults::CASES,
        usb::CASES,
        driver::CASES,
        hardware::CASES,
        controls::CASES,
        usb_controls::CASES,
        board::CASES,
    ]
    .into_iter()
    .flatten()
    .collect();
    let (mut passed, mut failed) = (0, 0);
    for name in wanted.iter().filter(|name| !all.iter().any(|case| case.0 == *name)) {
        println!("FAIL {name}: there is no such case");
        failed += 1;
    }
    for (name, case) in all.into_iter().filter(|case| wanted.is_empty() || wanted.iter().any(|w| w == case.0))
    {
        let begin = Instant::now();
        let outcome = begin_case()
            .and_then(|()| catch_unwind(case).unwrap_or_else(|why| Err(panic_text(&*why).into())));
        let seconds = begin.elapsed().as_secs_f32();
        match outcome {
            Ok(()) => {
                println!("PASS {name} ({seconds:.1} s)");
                passed += 1;
            }
            Err(why) => {
                println!("FAIL {name} ({seconds:.1} s): {why}");
                show_logs();
                failed += 1;
            }
        }
    }
    println!("{passed} passed, {failed} failed");
}

fn begin_case() -> Outcome {
    if fs::exists(boardcam::LOGS)? {
        fs::remove_dir_all(boardcam::LOGS)?;
    }
    if fs::exists(boardcam::STATE)? {
        fs::remove_dir_all(boardcam::STATE)?;
    }
    Ok(fs::create_dir(boardcam::LOGS)?)
}

fn panic_text(why: &(dyn Any + Send)) -> String {
    let text = why.downcast_ref::<String>().map(String::as_str).or(why.downcast_ref::<&str>().copied());
    format!("panicked: {}", text.unwrap_or("without a text"))
}

fn show_logs() {
    let Ok(logs) = fs::read_dir(boardcam::LOGS) else { return };
    for log in logs.flatten() {
        println!("  end of the log of boardcam on port {}:", log.file_name().display());
        let text = fs::read(log.path()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().collect();
        for line in &lines[lines.len().saturating_sub(LOG_LINES)..] {
            println!("    {line}");
        }
    }
}
