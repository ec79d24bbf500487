//! What was found, for people.

use std::io::{self, Write};

use super::found::{Camera, Format, Input, Kind, Other, Report, Usable};
use crate::camera::v4l2::controls::{Control, ControlList, MenuItem, Shown};
use crate::camera::v4l2::modes::{Rate, Rates, Sizes, rate_text};
use crate::problem::{Problem, shell_quoted};

/// The width of a terminal that is filled, in columns.
const COLUMNS: usize = 100;

/// As many items of a menu are printed.
const ITEMS_MAX: usize = 16;

/// Prints a camera.
pub fn camera(camera: &Camera, out: &mut dyn Write) -> io::Result<()> {
    let Camera { source, name, stable_names, driver, bus, formats, inputs, controls, tried } = camera;
    writeln!(out, "{}", format!("{source}  {name}").trim_end())?;
    match tried {
        Ok(usable) => verdict(usable, out)?,
        Err(Problem { why, advice, .. }) => {
            wrapped(out, "  cannot be used: ", &words(&why.to_string()))?;
            wrapped(out, "  what to do: ", &words(&advice.to_string()))?;
        }
    }
    for name in stable_names {
        writeln!(out, "  the same by a name that stays: {name}")?;
    }
    match (driver.is_empty(), bus.is_empty()) {
        (true, _) => {}
        (false, true) => writeln!(out, "  driver {driver}")?,
        (false, false) => writeln!(out, "  driver {driver}, at {bus}")?,
    }
    if !inputs.is_empty() {
        let input = |input: &Input| {
            let used = if input.is_chosen { ", used now" } else { "" };
            format!("{} ({}{used})", input.index, input.name)
        };
        let all: Vec<String> = inputs.iter().map(input).collect();
        wrapped(out, "  inputs, for --input: ", &words(&all.join(", ")))?;
    }
    for listed in formats.iter().filter(|listed| listed.layout.is_some()) {
        format(listed, out)?;
    }
    let unused: Vec<String> =
        formats.iter().filter(|listed| listed.layout.is_none()).map(|listed| listed.code.clone()).collect();
    if !unused.is_empty() {
        wrapped(out, "  formats that boardcam does not use: ", &unused)?;
    }
    control_lines(controls, out)?;
    writeln!(out)
}

/// Prints the controls with their values and what they take, and what is wrong with some.
fn control_lines(list: &ControlList, out: &mut dyn Write) -> io::Result<()> {
    if list.controls.is_empty() && list.problems.is_empty() {
        return Ok(());
    }
    writeln!(out, "  controls:")?;
    let width = list.controls.iter().map(|control| control.name.len()).max().unwrap_or_default();
    for control in &list.controls {
        let heading = format!("    {:<width$}  ", control.name);
        wrapped(out, &heading, &words(&control_line(control)))?;
    }
    let problems = list.problems.iter().map(|problem| problem.problem.to_string());
    for note in problems.chain(list.left_out.iter().map(ToString::to_string)) {
        wrapped(out, "    note: ", &words(&note))?;
    }
    Ok(())
}

/// The value of a control, what it takes, and why it cannot be set now.
fn control_line(control: &Control) -> String {
    let Control { min, max, step, menu, value, .. } = control;
    let items = menu.as_deref().unwrap_or_default();
    let named = |item: &MenuItem| format!("{} ({})", item.label, item.value);
    let now = match value {
        Some(Shown::Switch(is_on)) => if *is_on { "on" } else { "off" }.to_owned(),
        Some(Shown::Number(bits)) if control.kind == "bitmask" => format!("{bits:#x}"),
        Some(Shown::Number(number)) => {
            items.iter().find(|item| item.value == *number).map_or_else(|| number.to_string(), named)
        }
        Some(Shown::Text(text)) => format!("\"{text}\""),
        None => "-".to_owned(),
    };
    let takes = match control.kind {
        "button" => return "a button".to_owned(),
        "boolean" => String::new(),
        "menu" | "integer_menu" => {
            let more = if items.len() > ITEMS_MAX { ", …" } else { "" };
            format!(", of {}{more}", items.iter().take(ITEMS_MAX).map(named).collect::<Vec<_>>().join(", "))
        }
        "string" => format!(", a text of {min} to {max} bytes"),
        "bitmask" => format!(", bits of {:#x}", max & i64::from(u32::MAX)),
        _ if *step > 1 => format!(", from {min} to {max} in steps of {step}"),
        _ => format!(", from {min} to {max}"),
    };
    let state = match &control.waits_for {
        _ if control.read_only => "; it can only be read".to_owned(),
        Some(other) => format!("; it waits for {other}"),
        None if control.inactive => "; it cannot be set now".to_owned(),
        None => String::new(),
    };
    format!("{now}{takes}{state}")
}

/// How a camera can be used.
fn verdict(Usable { info, took }: &Usable, out: &mut dyn Write) -> io::Result<()> {
    let rate = match info.interval {
        Some(interval) => format!(" at {}/s", rate_text(1.0 / interval.as_secs_f64())),
        None => String::new(),
    };
    let took = took.as_millis();
    writeln!(out, "  can be used: {} {}{rate} (first picture after {took} ms)", info.layout, info.size)?;
    if let Some(chosen) = info.chosen.as_ref().filter(|chosen| !info.compromises.contains(chosen)) {
        wrapped(out, "  chosen: ", &words(chosen))?;
    }
    for compromise in &info.compromises {
        wrapped(out, "  note: ", &words(compromise))?;
    }
    Ok(())
}

/// Prints a supported format with its sizes and rates.
fn format(listed: &Format, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "  {} {}", listed.code, listed.description)?;
    if let Sizes::Range { .. } = listed.sizes {
        writeln!(out, "    {}; at the largest:", listed.sizes)?;
    }
    for (size, rates) in &listed.rates {
        // Not by Display, which names only a few.
        let rates = match rates {
            Rates::List(list) => list.iter().map(Rate::to_string).collect::<Vec<_>>().join(", "),
            range @ Rates::Range(..) => range.to_string(),
        };
        let unit = if rates.is_empty() { "" } else { " frames/s" };
        let line = format!("    {:<10} {rates}{unit}", size.to_string());
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Prints all other nodes, and what to do if there is no camera.
pub fn end(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let (sensors, others): (Vec<&Other>, Vec<&Other>) =
        report.others.iter().partition(|other| other.kind == Kind::RawSensor);
    if report.cameras.is_empty() {
        let (why, advice) = nothing(report, !sensors.is_empty());
        let what =
            if sensors.is_empty() { "no camera found: " } else { "no camera that can be used as it is: " };
        wrapped(out, what, &words(&why))?;
        wrapped(out, "  what to do: ", &words(advice))?;
        if !report.others.is_empty() {
            writeln!(out)?;
        }
    } else {
        start(&report.cameras, out)?;
    }
    if let Some(advice) = sensors.first().and_then(|sensor| sensor.kind.advice()) {
        writeln!(out, "camera modules, which libcamera reads:")?;
        grouped(&sensors, out)?;
        if !report.cameras.is_empty() {
            wrapped(out, "  what to do: ", &words(advice))?;
        }
        if !others.is_empty() {
            writeln!(out)?;
        }
    }
    if !others.is_empty() {
        writeln!(out, "not cameras:")?;
        grouped(&others, out)?;
    }
    if !report.encoder.is_empty() {
        let none = if report.encoder == "none" {
            "; software does what a camera does not compress itself"
        } else {
            ""
        };
        writeln!(out)?;
        wrapped(out, "hardware encoder: ", &words(&format!("{}{none}", report.encoder)))?;
    }
    Ok(())
}

/// Says how to start with what was found.
fn start(cameras: &[Box<Camera>], out: &mut dyn Write) -> io::Result<()> {
    // What programs are started with is not shown: it may be secret.
    let is_named = |camera: &&Camera| {
        camera.source.starts_with('/') || ["rpicam", "pattern"].contains(&camera.source.as_str())
    };
    let usable = cameras.iter().map(|camera| &**camera).filter(|camera| camera.tried.is_ok());
    let mut usable = usable.filter(is_named).peekable();
    if usable.peek().is_none() {
        return Ok(());
    }
    writeln!(out, "to see the picture:")?;
    for camera in usable {
        let name = camera.stable_names.first().unwrap_or(&camera.source);
        writeln!(out, "  boardcam --camera {}", shell_quoted(name))?;
    }
    writeln!(out, "  then open the address that it shows in a browser\n")
}

/// Why there is no camera, and what to do about it.
pub fn nothing(report: &Report, has_sensors: bool) -> (String, &'static str) {
    let plug = "plug in a USB camera, then run boardcam probe again (lsusb shows whether the board sees it). A Raspberry Pi \
                camera module needs rpicam-vid, which Raspberry Pi OS has. To try boardcam without a camera: boardcam \
                --camera pattern";
    let through_libcamera = Kind::RawSensor.advice().unwrap_or(plug);
    match (report.others.len(), has_sensors) {
        (_, true) => ("there is a camera module, which needs libcamera".to_owned(), through_libcamera),
        (0, _) => ("there is no /dev/video device".to_owned(), plug),
        (1, _) => ("the one /dev/video device is not for pictures".to_owned(), plug),
        (count, _) => (format!("none of the {count} /dev/video devices is for pictures"), plug),
    }
}

/// Prints nodes, those together that are of one driver and not used for one reason.
fn grouped(others: &[&Other], out: &mut dyn Write) -> io::Result<()> {
    let same = |a: &Other, b: &Other| (&a.why, &a.driver) == (&b.why, &b.driver);
    let mut rest = others.to_vec();
    while let Some(first) = rest.first().copied() {
        let (group, others): (Vec<&Other>, Vec<&Other>) =
            rest.iter().copied().partition(|other| same(first, other));
        rest = others;
        let paths: Vec<String> = group.iter().map(|other| other.source.clone()).collect();
        wrapped(out, "  ", &paths)?;
        let name = match group.as_slice() {
            [_] => &first.name,
            _ => &first.driver,
        };
        let colon = if name.is_empty() { "" } else { ": " };
        writeln!(out, "    {name}{colon}{}", first.why)?;
    }
    Ok(())
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

/// Prints words after a heading, in lines of at most [`COLUMNS`] columns unless one word is longer.
fn wrapped(out: &mut dyn Write, heading: &str, words: &[String]) -> io::Result<()> {
    let mut line = heading.to_owned();
    let mut empty = true;
    for word in words {
        if !empty && line.len() + 1 + word.len() > COLUMNS {
            writeln!(out, "{line}")?;
            line = " ".repeat(heading.len());
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line += word;
        empty = false;
    }
    writeln!(out, "{line}")
}
