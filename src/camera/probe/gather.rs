//! Finds out what is there, and tries it.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use v4l2_calls::inputs;

use super::found::{Camera, Entry, Format, Input, Kind, Other, Usable};
use crate::camera::config::{SourceConfig, SourceSpec};
use crate::camera::find::{Known, open_and_prove};
use crate::camera::node::{self, Node, Part, Role};
use crate::camera::observer::Observer;
use crate::camera::pattern::Pattern;
use crate::camera::pipe::{Pipe, Words, rpicam};
use crate::camera::refusal::{Cause, Refusal};
use crate::camera::source::{Source, SourceInfo};
use crate::camera::v4l2::controls::{ControlDevice, ControlList};
use crate::camera::v4l2::device::{Device, code_name};
use crate::camera::v4l2::modes::{Rates, Sizes};
use crate::names::printable;
use crate::picture::Layout;
use crate::problem::Problem;

/// How long a camera may take to deliver its first picture.
const FIRST_PICTURE: Duration = Duration::from_secs(10);

/// Takes what was found, as soon as it was tried.
pub type Sink<'a> = dyn FnMut(Entry) -> io::Result<()> + 'a;

/// The configured source, or every node for `auto`.
pub fn each(config: &SourceConfig, sink: &mut Sink<'_>) -> io::Result<()> {
    match &config.spec {
        SourceSpec::Auto => {
            if let Some(program) = rpicam::program() {
                let name = format!("camera modules, by {program}");
                let open = || rpicam::open("probe", config, &mut Patient).map_err(|refusal| *refusal.problem);
                sink(without_node("rpicam".to_owned(), name, open))?;
            }
            devices(node::list(None), config, sink)
        }
        SourceSpec::Device(path) => match Node::at(path) {
            Ok(node) => devices(vec![node], config, sink),
            Err(problem) => sink(unnamed(path, problem)),
        },
        SourceSpec::Pattern => {
            let open = || Pattern::open(config);
            sink(without_node("pattern".to_owned(), "the built-in test pattern".to_owned(), open))
        }
        SourceSpec::Pipe(pipe) => {
            let open = || {
                let opened = Pipe::open("probe", pipe, config, &Words::default(), &mut Patient);
                opened.map_err(|error| error.problem(pipe))
            };
            sink(without_node(pipe.label(), String::new(), open))
        }
    }
}

/// A source that is not a device.
fn without_node<S: Source>(source: String, name: String, open: impl FnOnce() -> Result<S, Problem>) -> Entry {
    let begin = Instant::now();
    let tried = open().map(|source| usable(source.info(), begin)).map_err(Problem::for_once);
    let nothing = String::new;
    Entry::Camera(Box::new(Camera {
        source,
        name,
        stable_names: Vec::new(),
        driver: nothing(),
        bus: nothing(),
        formats: Vec::new(),
        inputs: Vec::new(),
        controls: ControlList::default(),
        tried,
    }))
}

/// A path with no video node behind it.
fn unnamed(path: &Path, problem: Problem) -> Entry {
    without_node(path.display().to_string(), String::new(), || Err::<Pipe, _>(problem))
}

fn usable(info: &SourceInfo, begin: Instant) -> Usable {
    Usable { info: info.clone(), took: begin.elapsed() }
}

/// Looks at these nodes, and tries those that are cameras.
fn devices(nodes: Vec<Node>, config: &SourceConfig, sink: &mut Sink<'_>) -> io::Result<()> {
    for node in nodes {
        let opened = Device::open(node.clone());
        let other = opened.as_ref().err().and_then(|refusal| other(&node, refusal));
        sink(match other {
            Some(other) => Entry::Other(other),
            None => Entry::Camera(Box::new(camera(node, opened, config))),
        })?;
    }
    Ok(())
}

/// What a node is that was refused, unless it is a camera.
pub fn other(node: &Node, refusal: &Refusal) -> Option<Other> {
    let kind = match (node.role(), refusal.cause) {
        (Role::NotCamera(Part::Codec | Part::Decoder), _) => Kind::Codec,
        (Role::NotCamera(Part::ImageProcessor), _) => Kind::ImageProcessor,
        (Role::RawSensor, _) => Kind::RawSensor,
        (_, Cause::Metadata) => Kind::Metadata,
        (_, Cause::Output) => Kind::Output,
        (_, Cause::Converter) => Kind::Converter,
        _ if refusal.is_camera() => return None,
        _ => Kind::Unknown,
    };
    let why = match (node.role(), kind) {
        (Role::NotCamera(part), _) => format!("it is {}", part.text()),
        (_, Kind::RawSensor) => {
            "it delivers raw sensor data, which only libcamera can turn into pictures".to_owned()
        }
        _ => refusal.problem.why.to_string(),
    };
    let source = node.path.display().to_string();
    Some(Other { source, name: node.name.clone(), driver: node.driver.clone(), kind, why })
}

/// A camera that was opened, or could not be.
fn camera(node: Node, opened: Result<Device, Refusal>, config: &SourceConfig) -> Camera {
    let stable_names = node.stable_names();
    let stable_names =
        stable_names.iter().map(|name| printable(name.as_os_str().as_encoded_bytes())).collect();
    let source = node.path.display().to_string();
    match opened {
        Ok(device) => {
            let formats = formats(&device);
            let controls =
                ControlDevice::open(&node.path).map_or_else(|_| ControlList::default(), |it| it.list());
            let (name, driver, bus) = (device.card.clone(), device.driver.clone(), device.bus.clone());
            // Closed first: some drivers let only one descriptor set a format.
            drop(device);
            let begin = Instant::now();
            let proved = open_and_prove(node, config, FIRST_PICTURE, &mut Known::default(), &mut Patient);
            let tried = proved.map(|source| usable(source.info(), begin));
            let tried = tried.map_err(|refusal| refusal.problem.for_once());
            let inputs = inputs(Path::new(&source));
            Camera { source, name, stable_names, driver, bus, formats, inputs, controls, tried }
        }
        Err(refusal) => Camera {
            source,
            name: node.name,
            stable_names,
            driver: node.driver,
            bus: String::new(),
            formats: Vec::new(),
            inputs: Vec::new(),
            controls: ControlList::default(),
            tried: Err(refusal.problem.for_once()),
        },
    }
}

/// The inputs of a device that has several.
fn inputs(path: &Path) -> Vec<Input> {
    let Ok(device) = File::open(path) else { return Vec::new() };
    let chosen = inputs::input(&device).ok().map(|input| input.index);
    let input = |input: inputs::Input| Input {
        index: input.index,
        is_chosen: Some(input.index) == chosen,
        name: input.name,
    };
    let all: Vec<Input> = inputs::inputs(&device).into_iter().map(input).collect();
    if all.len() > 1 { all } else { Vec::new() }
}

/// The formats that a camera lists, with the sizes and rates of those that are supported.
fn formats(device: &Device) -> Vec<Format> {
    let format = |listed: &crate::camera::v4l2::device::Listed| {
        let layout = Layout::of_code(listed.fourcc.repr);
        let at = |size| (size, Rates::of(&device.handle, listed.fourcc, size));
        let sizes = layout.map_or(Sizes::List(Vec::new()), |_| Sizes::of(&device.handle, listed.fourcc));
        let rates = match &sizes {
            Sizes::List(list) => list.iter().copied().map(at).collect(),
            Sizes::Range { max, .. } => vec![at(*max)],
        };
        Format {
            code: code_name(listed.fourcc),
            description: listed.description.clone(),
            layout: layout.map(Layout::name),
            sizes,
            rates,
        }
    };
    device.formats.iter().map(format).collect()
}

/// Never cancels; the user has Ctrl-C.
struct Patient;

impl Observer for Patient {
    fn refused(&mut self, _: &str, _: &Problem) {}

    fn keep_waiting(&mut self) -> bool {
        true
    }
}
