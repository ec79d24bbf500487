//! A driver that refuses or fails, by means of vivid's error injection (kernel
//! Documentation/admin-guide/media/vivid.rst, "Error Injection").

use std::fs;

use client::{Outcome, Viewer, ensure, wait_for};
use v4l::Device;
use v4l::control::{Control, Value};

use crate::Case;
use crate::boardcam::{Boardcam, dropped};
use crate::guest::{Vivid, nodes};
use crate::picture::Picture;

pub const CASES: &[Case] =
    &[("a_driver_that_fails_now_and_then_is_asked_again", a_driver_that_fails_now_and_then_is_asked_again)];

/// vivid's buttons (VIVID_CID_* in the kernel's vivid-ctrls.c); each injects one error.
#[derive(Clone, Copy)]
enum Inject {
    BufferFlag = 0x00f0_f000 + 66,
    Reqbufs = 0x00f0_f000 + 67,
    BufPrepare = 0x00f0_f000 + 68,
    Streamon = 0x00f0_f000 + 69,
    Fatal = 0x00f0_f000 + 70,
}

fn a_driver_that_fails_now_and_then_is_asked_again() -> Outcome {
    let _vivid = Vivid::webcam()?;
    let boardcam = Boardcam::start(&["--size", "640x360"])?;
    let viewer = boardcam.watch_first()?;
    see_the_bars(&viewer)?;
    let before = boardcam.holdings()?;

    press(Inject::BufferFlag)?;
    boardcam.wait_until("a flagged frame", |camera| dropped(camera, "flagged") == 1)?;
    see_the_bars(&viewer)?;
    ensure!(boardcam.openings()? == 1, "the camera was reopened for one frame");

    // A fatal error wakes a wait for a frame with POLLERR. The errors at the start show once it has ended the stream.
    let errors = [
        (&[Inject::Fatal][..], "stopped"),
        (&[Inject::BufPrepare], "stopped"),
        (&[Inject::Streamon, Inject::Fatal], "cannot start"),
        (&[Inject::Reqbufs, Inject::Fatal], "cannot start"),
    ];
    for (openings, (injected, told)) in (2..).zip(errors) {
        let told_before = boardcam.log()?.matches(told).count();
        injected.iter().try_for_each(|button| press(*button))?;
        wait_for("the camera to be reopened", || Ok((boardcam.openings()? == openings).then_some(())))?;
        see_the_bars(&viewer)?;
        ensure!(boardcam.log()?.matches(told).count() > told_before, "the log does not say {told:?}");
    }

    fs::write("/sys/bus/platform/drivers/vivid/unbind", "vivid.0")?;
    boardcam.wait_until_waiting()?;
    fs::write("/sys/bus/platform/drivers/vivid/bind", "vivid.0")?;
    see_the_bars(&viewer)?;
    boardcam.wait_until_live()?;
    boardcam.ensure_no_more_than(before)
}

fn see_the_bars(viewer: &Viewer) -> Outcome {
    viewer.wait_for("vivid's bars", shows_the_bars).map(drop)
}

/// vivid's first test pattern, whose second bar is yellow; the card has no such colour.
pub fn shows_the_bars(frame: &[u8]) -> bool {
    Picture::decode(frame).is_ok_and(|picture| {
        let [red, green, blue] = picture.colour(picture.width * 3 / 16, picture.height * 3 / 4);
        red > 150 && green > 150 && blue < 50
    })
}

fn press(button: Inject) -> Outcome {
    let nodes = nodes()?;
    let (path, _) = nodes.first().ok_or("no video node")?;
    Ok(Device::with_path(path)?.set_control(Control { id: button as u32, value: Value::Integer(1) })?)
}
