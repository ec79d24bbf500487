//! What `boardcam probe` prints: every video node, what it offers, and whether it can be used.
//!
//! Called only by the command line. Every camera is really started and must deliver a picture, so a node takes as long
//! as its camera needs for that, and a camera that another program uses is reported as busy.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use super::config::{SourceConfig, SourceSpec};
use super::find::open_and_prove;
use super::node::{self, Node, Role};
use super::observer::Observer;
use super::pipe::{Pipe, Words, rpicam};
use super::refusal::Refusal;
use super::source::{Source as _, SourceInfo};
use super::v4l2::device::{Device, Listed, code_name};
use super::v4l2::modes::{Rate, Rates, Sizes, rate_text};
use crate::names::printable;
use crate::picture::{Layout, Size};
use crate::problem::Problem;

/// How long a camera may take to deliver its first picture.
const FIRST_PICTURE: Duration = Duration::from_secs(10);

/// The width of a terminal that is filled, in columns.
const COLUMNS: usize = 100;

/// The result of a probe, or of the probe of one camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// At least one camera can be used.
    Usable,
    /// No camera can be used.
    Unusable,
}

impl Verdict {
    /// Usable if either is.
    fn or(self, other: Verdict) -> Verdict {
        if self == Verdict::Usable { self } else { other }
    }
}

/// Prints the configured source, or every camera for `auto`, and tries each with these settings.
///
/// # Errors
/// Writing to `out` failed.
pub fn run(config: &SourceConfig, out: &mut dyn Write) -> io::Result<Verdict> {
    match &config.spec {
        SourceSpec::Auto => {
            let module = camera_module(config, out)?;
            Ok(module.or(devices(node::list(None), config, out)?))
        }
        SourceSpec::Device(path) => match Node::at(path) {
            Ok(node) => devices(vec![node], config, out),
            Err(problem) => {
                writeln!(out, "{problem}")?;
                Ok(Verdict::Unusable)
            }
        },
        SourceSpec::Pattern => {
            writeln!(out, "pattern  the built-in test pattern\n  can be used")?;
            Ok(Verdict::Usable)
        }
        SourceSpec::Pipe(pipe) => {
            writeln!(out, "{}", pipe.label())?;
            let start = Instant::now();
            let opened = Pipe::open("probe", pipe, config, &Words::default(), &mut Patient);
            let tried = opened.map(|source| usable(source.info(), start.elapsed()));
            print_verdict(tried.map_err(|error| error.problem(pipe)), out)
        }
    }
}

/// Tries the first camera module, if the tool for it is installed.
fn camera_module(config: &SourceConfig, out: &mut dyn Write) -> io::Result<Verdict> {
    let Some(program) = rpicam::program() else { return Ok(Verdict::Unusable) };
    writeln!(out, "rpicam  camera modules, by {program}")?;
    let start = Instant::now();
    let opened = rpicam::open("probe", config, &mut Patient);
    let tried = opened.map(|source| usable(source.info(), start.elapsed()));
    let verdict = print_verdict(tried.map_err(|refusal| *refusal.problem), out)?;
    writeln!(out)?;
    Ok(verdict)
}

/// Prints and tries these nodes; those that are not cameras come last.
fn devices(nodes: Vec<Node>, config: &SourceConfig, out: &mut dyn Write) -> io::Result<Verdict> {
    if nodes.is_empty() {
        writeln!(out, "no camera found: there is no /dev/video device; plug one in and try again")?;
        return Ok(Verdict::Unusable);
    }
    let mut verdict = Verdict::Unusable;
    let mut others = Vec::new();
    for node in nodes {
        match Device::open(node.clone()) {
            Err(refusal) if !refusal.is_camera() => others.push((node, refusal.problem)),
            opened => {
                verdict = verdict.or(camera(node, opened, config, out)?);
                writeln!(out)?;
            }
        }
    }
    if !others.is_empty() {
        writeln!(out, "not cameras:")?;
    }
    for (node, problem) in others {
        // A node that is refused for its name has the name in the reason already.
        let name = if matches!(node.role(), Role::NotCamera(_)) { "" } else { &node.name };
        let colon = if name.is_empty() { "" } else { ": " };
        writeln!(out, "  {}  {name}{colon}{}", node.path.display(), problem.why)?;
    }
    Ok(verdict)
}

/// Prints and tries one camera.
fn camera(
    node: Node,
    opened: Result<Device, Refusal>,
    config: &SourceConfig,
    out: &mut dyn Write,
) -> io::Result<Verdict> {
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
            let proved = open_and_prove(node, config, FIRST_PICTURE, &mut Patient);
            proved.map(|source| usable(source.info(), start.elapsed()))
        }
        Err(refusal) => Err(refusal),
    };
    print_verdict(tried.map_err(|refusal| *refusal.problem), out)
}

/// Prints how a camera can be used, or why it cannot.
fn print_verdict(tried: Result<String, Problem>, out: &mut dyn Write) -> io::Result<Verdict> {
    match tried.map_err(Problem::for_once) {
        Ok(lines) => {
            write!(out, "{lines}")?;
            Ok(Verdict::Usable)
        }
        Err(Problem { why, advice, .. }) => {
            writeln!(out, "  cannot be used: {why}; {advice}")?;
            Ok(Verdict::Unusable)
        }
    }
}

/// The lines that say that a camera can be used, in which mode, and which settings it did not meet.
fn usable(info: &SourceInfo, took: Duration) -> String {
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

/// Prints the supported formats with their sizes and rates, and the names of the others.
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

/// Prints one size with all its rates.
fn line(out: &mut dyn Write, size: &Size, rates: Rates) -> io::Result<()> {
    // Not by Display, which names only a few.
    let rates = match rates {
        Rates::List(list) => list.iter().map(Rate::to_string).collect::<Vec<_>>().join(", "),
        range => range.to_string(),
    };
    let unit = if rates.is_empty() { "" } else { " frames/s" };
    let line = format!("    {:<10} {rates}{unit}", size.to_string());
    writeln!(out, "{}", line.trim_end())
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

/// Never cancels; the user has Ctrl-C.
struct Patient;

impl Observer for Patient {
    fn refused(&mut self, _: &str, _: &Problem) {}

    fn keep_waiting(&mut self) -> bool {
        true
    }
}
