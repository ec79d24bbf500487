//! What keeps an input of a capture card from showing a picture, in words.
//!
//! Used only by [`super::capture`].

use std::io;

use rustix::io::Errno;
use v4l2_calls::inputs::{Input, Status};

use crate::problem::{Text, promise, text};

/// Why there is no signal that can be shown, and what to do.
pub type Trouble = (Text, Text);

/// Puts the error of VIDIOC_QUERY_DV_TIMINGS into words; `None` if it says nothing of a signal.
pub fn of_timings(input: &Input, error: &io::Error) -> Option<Trouble> {
    let advice = |advice: Text| advice.and(promise::PICKED_UP);
    let name = &input.name;
    let trouble = match Errno::from_io_error(error)? {
        Errno::NOLINK => (
            text!("no signal at input {} (ENOLINK{})", name, reported(input.status)),
            advice(text!("check its cable, and whether the source is switched on")),
        ),
        Errno::NOLCK => (
            text!("the signal at input {} is unstable (ENOLCK{})", name, reported(input.status)),
            advice(text!("try a shorter cable, or a smaller picture at the source")),
        ),
        Errno::RANGE => (
            text!("the signal at input {} is more than this device can take (ERANGE)", name),
            advice(text!("set a smaller picture or rate at the source, or announce less to it: --edid FILE")),
        ),
        _ => return None,
    };
    Some(trouble)
}

/// Puts what the chip reports of an analogue input into words; `None` if it reports a signal.
pub fn of_status(input: &Input) -> Option<Trouble> {
    if !input.status.is_without_picture() {
        return None;
    }
    let why = text!(
        "no signal at input {} (the chip reports: {})",
        &input.name,
        input.status.problems().join(", ")
    );
    Some((why, text!("check its cable, and whether the source is switched on").and(promise::PICKED_UP)))
}

fn reported(status: Status) -> String {
    let all = status.problems();
    if all.is_empty() { String::new() } else { format!("; the chip reports: {}", all.join(", ")) }
}

/// Why a stream ends because of another signal.
pub fn changed(to: String) -> Trouble {
    (text!("its source changed to {}", to), text!("wait a moment").and(promise::REOPENED))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(status: u32) -> Input {
        let status = Status(status);
        Input {
            index: 0,
            name: "HDMI 0".into(),
            standards: 0,
            has_timings: true,
            has_standards: false,
            status,
        }
    }

    #[test]
    fn each_kind_of_missing_signal_says_what_it_is_and_what_to_do() {
        let says =
            |errno: Errno, status| of_timings(&input(status), &errno.into()).map(|(why, _)| why.to_string());
        assert_eq!(says(Errno::NOLINK, 0).unwrap(), "no signal at input HDMI 0 (ENOLINK)");
        assert_eq!(
            says(Errno::NOLINK, 3).unwrap(),
            "no signal at input HDMI 0 (ENOLINK; the chip reports: no power, no signal)"
        );
        assert!(
            says(Errno::NOLCK, 0x100)
                .unwrap()
                .contains("unstable (ENOLCK; the chip reports: no horizontal lock)")
        );
        assert!(says(Errno::RANGE, 0).unwrap().contains("more than this device can take"));
        assert_eq!(says(Errno::NODATA, 0), None);
    }

    #[test]
    fn an_analogue_input_without_a_signal_is_told_by_its_status_alone() {
        assert!(of_status(&input(0)).is_none());
        assert!(of_status(&input(0x100)).is_none(), "only not locked: it may still show a picture");
        assert!(of_status(&input(1)).unwrap().0.to_string().contains("no power"));
        let (why, _) = of_status(&input(2)).unwrap();
        assert_eq!(why.to_string(), "no signal at input HDMI 0 (the chip reports: no signal)");
    }
}
