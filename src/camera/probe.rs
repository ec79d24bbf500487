//! What `boardcam probe` prints: every video node, what it offers, and whether it can be used or why not.
//!
//! Called by the command line only. Every usable camera is really started and must deliver a picture, so a
//! node takes as long as its camera needs for that, and a camera in use elsewhere is told as busy.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use log::Level;

use super::config::{SourceConfig, SourceSpec};
use super::find::open_and_prove;
use super::node::{self, Node, Role};
use super::observer::Observer;
use super::pipe::{Pipe, rpicam};
use super::refusal::Refusal;
use super::source::{Source as _, SourceInfo};
use super::v4l2::device::{Device, Listed, code_name};
use super::v4l2::modes::{Rate, Rates, Sizes, rate_text};
use crate::names::printable;
use crate::picture::{Layout, Size};
use crate::problem::Problem;

/// How long a camera may take to its first picture.
const FIRST_PICTURE: Duration = Duration::from_secs(10);

/// Columns of a terminal that are filled.
const COLUMNS: usize = 100;

/// Prints every node, or the one that is wanted, and tries each as `wanted` says.
///
/// Returns whether at least one can be used.
///
/// # Errors
/// Writing to `out` failed.
pub fn run(config: &SourceConfig, out: &mut dyn Write) -> io::Result<bool> {
    let nodes = match &config.spec {
        SourceSpec::Auto => node::list(None),
        SourceSpec::Device(path) => match Node::at(path) {
            Ok(node) => vec![node],
            Err(problem) => {
                writeln!(out, "{problem}")?;
                return Ok(false);
            }
        },
        SourceSpec::Pattern => {
            writeln!(out, "pattern  the built-in test pattern\n  can be used")?;
            return Ok(true);
        }
        SourceSpec::Pipe(piped) => {
            writeln!(out, "{}", piped.label())?;
            let start = Instant::now();
            let opened = Pipe::open("probe", piped, config, Level::Info, &mut Patient);
            return told(opened.map(|source| verdict(source.info(), start.elapsed())), out);
        }
    };
    let mut usable = false;
    if config.spec == SourceSpec::Auto
        && let Some(program) = rpicam::program()
    {
        writeln!(out, "rpicam  camera modules, by {program}")?;
        let start = Instant::now();
        let opened = rpicam::open("probe", config, &mut Patient);
        let tried = opened.map(|source| verdict(source.info(), start.elapsed()));
        usable |= told(tried.map_err(|refusal| refusal.problem), out)?;
        writeln!(out)?;
    }
    if nodes.is_empty() {
        writeln!(out, "no camera found: there is no /dev/video device; plug one in, then look again")?;
        return Ok(usable);
    }
    let mut others = Vec::new();
    for node in nodes {
        match Device::open(node.clone()) {
            Err(Refusal { camera: false, problem }) => others.push((node, problem)),
            opened => {
                usable |= camera(node, opened, config, out)?;
                writeln!(out)?;
            }
        }
    }
    if !others.is_empty() {
        writeln!(out, "not cameras:")?;
    }
    for (node, problem) in others {
        // The name is in the reason already where it was the reason.
        let name = if matches!(node.role(), Role::NotCamera(_)) { "" } else { &node.name };
        writeln!(
            out,
            "  {}  {name}{}{}",
            node.path.display(),
            if name.is_empty() { "" } else { ": " },
            problem.why
        )?;
    }
    Ok(usable)
}

/// Prints one camera, tries it, and says whether it can be used.
fn camera(
    node: Node,
    opened: Result<Device, Refusal>,
    config: &SourceConfig,
    out: &mut dyn Write,
) -> io::Result<bool> {
    let name = opened.as_ref().map_or(&node.name, |device| &device.card);
    writeln!(out, "{}  {name}", node.path.display())?;
    for name in node.stable_names() {
        writeln!(out, "  also {}", printable(name.as_os_str().as_encoded_bytes()))?;
    }
    let tried = match opened {
        Ok(device) => {
            writeln!(out, "  driver {}, at {}", device.driver, device.bus)?;
            formats(&device, out)?;
            // Closed first: some drivers let only one descriptor set a format.
            drop(device);
            let start = Instant::now();
            open_and_prove(node, config, FIRST_PICTURE, &mut Patient)
                .map(|source| verdict(source.info(), start.elapsed()))
                .map_err(|refusal| refusal.problem)
        }
        Err(refusal) => Err(refusal.problem),
    };
    told(tried, out)
}

/// Prints how a camera can be used, or why not; says whether it can.
fn told(tried: Result<String, Problem>, out: &mut dyn Write) -> io::Result<bool> {
    match tried {
        Ok(lines) => {
            write!(out, "{lines}")?;
            Ok(true)
        }
        Err(Problem { why, advice, .. }) => {
            writeln!(out, "  cannot be used: {why}; {advice}")?;
            Ok(false)
        }
    }
}

/// That a camera can be used, how, and what it did not fulfil.
fn verdict(info: &SourceInfo, took: Duration) -> String {
    let mut lines = String::new();
    for compromise in &info.compromises {
        lines += &format!("  {compromise}\n");
    }
    let rate = match info.interval {
        Some(interval) => format!(" at {}/s", rate_text(1.0 / interval.as_secs_f64())),
        None => String::new(),
    };
    let how = format!("{} {}{rate}", info.layout, info.size);
    lines + &format!("  can be used: {how} (first picture after {} ms)\n", took.as_millis())
}

/// Prints the formats that can be used with their sizes and rates, and the names of the others.
fn formats(device: &Device, out: &mut dyn Write) -> io::Result<()> {
    let uses = |listed: &&Listed| Layout::of_code(listed.fourcc.repr).is_some();
    for listed in device.formats.iter().filter(uses) {
        writeln!(out, "  {} {}", code_name(listed.fourcc), listed.description)?;
        let sizes = Sizes::of(&device.handle, listed.fourcc);
        let at = |size| Rates::of(&device.handle, listed.fourcc, size);
        match &sizes {
            Sizes::List(list) => {
                for size in list {
                    line(out, size, at(*size))?;
                }
            }
            Sizes::Range { max, .. } => {
                writeln!(out, "    {sizes}, at the largest:")?;
                line(out, max, at(*max))?;
            }
        }
    }
    let others: Vec<String> =
        device.formats.iter().filter(|f| !uses(f)).map(|f| code_name(f.fourcc)).collect();
    if !others.is_empty() {
        wrapped(out, "  not used: ", &others)?;
    }
    Ok(())
}

fn line(out: &mut dyn Write, size: &Size, rates: Rates) -> io::Result<()> {
    // All of them, where a sentence would name a few.
    let rates = match rates {
        Rates::List(list) => list.iter().map(Rate::to_string).collect::<Vec<_>>().join(", "),
        range => range.to_string(),
    };
    let unit = if rates.is_empty() { "" } else { " frames/s" };
    let line = format!("    {:<10} {rates}{unit}", size.to_string());
    writeln!(out, "{}", line.trim_end())
}

/// Prints words after a heading, in lines of at most [`COLUMNS`] columns where words allow it.
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

/// Waits as long as it takes; the user has Ctrl-C.
struct Patient;

impl Observer for Patient {
    fn refused(&mut self, _: &str, _: &Problem) {}

    fn keep_waiting(&mut self) -> bool {
        true
    }
}
