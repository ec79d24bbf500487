//! V4L2 memory-to-memory JPEG encoders: raw pictures in by one queue, JPEGs out by another.
//!
//! Documentation/userspace-api/media/v4l/dev-encoder.rst in the kernel. They are found by what they can do, not by name:
//! a device that lists JPEG for what comes out, and the camera's layout for what goes in. One picture is in work at a time,
//! since a second one would only make the newest older. So nothing is left in a device that would have to be drained
//! (V4L2_ENC_CMD_STOP, EPIPE): VIDIOC_STREAMOFF ends it, which by that document drops what is queued.

use std::fmt;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use log::debug;
use v4l2_calls::codec;
use v4l2_calls::formats::{self, Format, Kind};
use v4l2_calls::queue::{self, For, ImportQueue, Queue};

use super::device::{Failure, FrameEncoder, Shape, Take};
use super::fill::{self, Code, Place};
use super::opener::Found;
use crate::camera::encoders::{self, JPEG, compressed};
use crate::camera::node::Node;
use crate::jpeg::passthrough::Fault;
use crate::picture::{Memory, Picture, Raw, Size};

/// Buffers that are asked for in each queue. One is in work at a time; some drivers want two.
const BUFFERS: u32 = 2;

/// Buffers for pictures that stay where they are: as many as cameras have, so that each keeps its number.
const IMPORTS: u32 = 4;

/// The least room for a JPEG that a driver is asked for, in bytes; where pictures are small, headers take the most of it.
const LEAST_ROOM: u32 = 64 << 10;

/// V4L2_COLORSPACE_JPEG, V4L2_QUANTIZATION_FULL_RANGE and V4L2_FIELD_NONE (linux/videodev2.h): samples as JFIF has them.
const JFIF: (u32, u32, u32) = (7, 1, 1);

/// How often in a row a driver may say that there is a picture and then give none.
const EMPTY_WAKES: u32 = 100;

/// A node that encodes pictures.
pub struct M2m {
    name: String,
    shape: Shape,
    input: Input,
    kind: Kind,
    /// Whether pictures may be read where their camera left them: until that fails.
    may_import: bool,
    output: Queue<Arc<File>>,
    places: [Option<Place>; Raw::MAX_PLANES],
    /// Bytes of each of the input's buffers that are the picture.
    used: Vec<u32>,
    quality: Option<Quality>,
    sequence: i64,
}

impl fmt::Debug for M2m {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("M2m").field("name", &self.name).field("shape", &self.shape).finish_non_exhaustive()
    }
}

/// How pictures come to the device.
enum Input {
    /// Copied into the device's memory.
    Copied(Queue<Arc<File>>),
    /// Read where the camera left them (DMABUF).
    Imported(ImportQueue<Arc<File>>),
    /// Between the two, or broken.
    None,
}

/// A control for the quality, and what it is set to.
#[derive(Debug)]
struct Quality {
    range: (i32, i32),
    is: Option<i32>,
}

/// What became of a node.
#[derive(Debug)]
pub enum Tried {
    /// It encodes such pictures.
    Ready(Box<M2m>),
    /// It makes no JPEGs.
    OtherKind,
    /// It makes JPEGs, but not of such pictures, or it cannot be used now; why.
    Refused(String),
}

/// Finds a device for pictures of this shape, of which one that obeys a quality comes first.
pub fn find(shape: Shape) -> Found {
    let (mut without_quality, mut refused) = (None, None);
    for node in encoders::nodes() {
        match M2m::open(&node, shape, &JPEG) {
            Tried::Ready(device) if device.has_quality() => return Found::Device(device),
            Tried::Ready(device) => without_quality = without_quality.or(Some(device)),
            Tried::OtherKind => {}
            Tried::Refused(why) => {
                refused = refused.or(Some(format!("{} ({}): {why}", node.name, node.path.display())))
            }
        }
    }
    match (without_quality, refused) {
        (Some(device), _) => Found::Device(device),
        (None, Some(why)) => Found::Refused(why),
        (None, None) => Found::Nothing,
    }
}

impl M2m {
    /// Opens a node for pictures of this shape, and starts it. `wanted` are the codes of what it is to make, best first.
    pub fn open(node: &Node, shape: Shape, wanted: &[[u8; 4]]) -> Tried {
        let Ok(device) = encoders::open(node) else { return Tried::OtherKind }; // of which nobody can say more
        let Ok(Some(codec)) = codec::codec(&device) else { return Tried::OtherKind };
        let Some(code) = compressed(&device, codec.output, wanted) else { return Tried::OtherKind };
        match Self::start(Arc::new(device), node, codec, code, shape) {
            Ok(this) => Tried::Ready(Box::new(this)),
            Err(Refusal(why)) => Tried::Refused(why),
        }
    }

    fn start(
        device: Arc<File>,
        node: &Node,
        codec: codec::Codec,
        code: [u8; 4],
        shape: Shape,
    ) -> Result<Self, Refusal> {
        let Size { width, height } = shape.size;
        let sizes = codec::sizes(&device, code);
        if !sizes.is_empty() && !sizes.iter().any(|sizes| sizes.has((width, height))) {
            return Err(Refusal(format!("it makes no JPEGs of {}", shape.size)));
        }
        // In the order of dev-encoder.rst: what comes out decides what may go in.
        let room =
            u32::try_from(shape.raw.frame_len(shape.size, shape.raw.row_len(width))).unwrap_or(u32::MAX);
        let mut format = Format::new(width, height, code);
        format.planes[0].size = room.max(LEAST_ROOM);
        let got =
            formats::set_format(&device, codec.output, &format).map_err(refused("S_FMT of the JPEGs"))?;
        if got.code != code {
            return Err(Refusal("it lists JPEG and then does not take it".to_owned()));
        }
        let listed = formats::formats(&device, codec.input);
        let raw = fill::codes(shape.raw).find(|code| listed.iter().any(|format| format.code == code.code));
        let raw = raw.ok_or_else(|| Refusal(takes_others(shape.raw, &listed)))?;
        let (format, coded) = set_input(&device, codec.input, raw, shape)?;
        if coded != shape.size {
            // If it cannot, the JPEG is too large, and that is seen when it comes.
            let _ = codec::crop(&device, (width, height));
        }
        let strides: Vec<u32> = format.planes().iter().map(|plane| plane.stride).collect();
        let places = fill::places(shape.raw, raw, coded, &strides);
        let places = places.ok_or_else(|| Refusal(format!("its rows of {strides:?} bytes are too short")))?;
        let queue = |kind| Queue::new(device.clone(), kind, BUFFERS).map_err(refused("REQBUFS"));
        let (mut input, mut output) = (queue(codec.input)?, queue(codec.output)?);
        let used = used(&input, &format, &places)?;
        input.start().map_err(refused("STREAMON of the pictures"))?;
        output.start().map_err(refused("STREAMON of the JPEGs"))?;
        let quality = codec::jpeg_quality(&device).map(|range| Quality { range, is: None });
        Ok(Self {
            kind: codec.input,
            name: encoders::name(node, codec),
            shape,
            input: Input::Copied(input),
            may_import: true,
            output,
            places,
            used,
            quality,
            sequence: 0,
        })
    }

    /// Whether pictures are read where their camera left them.
    pub fn is_importing(&self) -> bool {
        matches!(self.input, Input::Imported(_))
    }

    /// Gives all that the driver needs for one picture to it.
    fn queue(&mut self, picture: &Picture<'_>) -> Result<(), Failure> {
        while let Some(free) = self.output.free() {
            self.output.queue(free, &[], (0, 0)).map_err(failed("QBUF of a JPEG"))?;
        }
        self.sequence = (self.sequence + 1) & 0xffff;
        let memory = picture.memory().filter(|memory| {
            self.may_import && fill::is_readable(picture, &self.places, &self.used, memory.len)
        });
        if let Some(memory) = memory {
            match self.import(memory) {
                Ok(()) => return Ok(()),
                Err(error) => {
                    debug!("{}: pictures are copied: it cannot read the camera's memory: {error}", self.name);
                }
            }
        }
        self.copy(picture)
    }

    /// Has the device read a picture where it is.
    fn import(&mut self, memory: Memory<'_>) -> io::Result<()> {
        if !self.is_importing() {
            self.input = Input::None; // gives its buffers back first
            let queue = ImportQueue::start(self.output.device().clone(), self.kind, IMPORTS)?;
            self.input = Input::Imported(queue);
            debug!("{}: it reads pictures where the camera leaves them (DMABUF)", self.name);
        }
        let Input::Imported(queue) = &mut self.input else { return Err(io::ErrorKind::NotFound.into()) };
        let len = u32::try_from(memory.len).unwrap_or(u32::MAX);
        let used = self.used.first().copied().unwrap_or_default();
        queue.queue(memory.index % queue.count(), memory.fd, (len, used), (self.sequence, 0))
    }

    /// Copies a picture into the device's memory.
    fn copy(&mut self, picture: &Picture<'_>) -> Result<(), Failure> {
        if !matches!(self.input, Input::Copied(_)) {
            self.input = Input::None;
            self.may_import = false; // once and for all
            let queue = Queue::new(self.output.device().clone(), self.kind, BUFFERS);
            let mut queue = queue.map_err(failed("REQBUFS"))?;
            queue.start().map_err(failed("STREAMON of the pictures"))?;
            self.input = Input::Copied(queue);
        }
        let busy = || Failure::Call("QBUF of a picture", io::ErrorKind::WouldBlock.into());
        let Input::Copied(input) = &mut self.input else { return Err(busy()) };
        while input.dequeue().map_err(failed("DQBUF of a picture"))?.is_some() {}
        let index = input.free().ok_or_else(busy)?;
        for (plane, place) in self.places.iter().enumerate() {
            if let Some(place) = place {
                fill::fill(picture, plane, place, input.plane_mut(index, place.buffer));
            }
        }
        input.queue(index, &self.used, (self.sequence, 0)).map_err(failed("QBUF of a picture"))
    }

    /// Waits until the device no longer reads the camera's memory, which the camera then fills again.
    fn release(&mut self, end: Instant, limit: Duration) -> Result<(), Failure> {
        let Input::Imported(queue) = &mut self.input else { return Ok(()) };
        loop {
            if queue.dequeue().map_err(failed("DQBUF of a picture"))?.is_some() {
                return Ok(());
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Failure::Silent(limit));
            }
            let woken = queue::wait(self.output.device(), For::Output, left).map_err(failed("poll"))?;
            if woken.error {
                return Err(failed("poll")(rustix::io::Errno::IO.into()));
            }
        }
    }

    fn set_quality(&mut self, quality: u8) -> Result<(), Failure> {
        let Some(control) = &mut self.quality else { return Ok(()) };
        let value = in_range(quality, control.range);
        if control.is != Some(value) {
            codec::set_jpeg_quality(self.output.device(), value).map_err(failed("setting the quality"))?;
            control.is = Some(value);
        }
        Ok(())
    }
}

impl FrameEncoder for M2m {
    fn name(&self) -> &str {
        &self.name
    }

    fn has_quality(&self) -> bool {
        self.quality.is_some()
    }

    fn encode(
        &mut self,
        picture: &Picture<'_>,
        quality: u8,
        limit: Duration,
        take: &mut Take<'_>,
    ) -> Result<usize, Failure> {
        let end = Instant::now() + limit;
        self.set_quality(quality)?;
        self.queue(picture)?;
        let mut empty_wakes = 0;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let woken = queue::wait(self.output.device(), For::Capture, left).map_err(failed("poll"))?;
            match self.output.dequeue().map_err(failed("DQBUF of a JPEG"))? {
                Some(got) if got.is_damaged => return Err(Failure::Flagged),
                Some(got) if got.is_empty() => return Err(Failure::Fault(Fault::Empty)),
                Some(got) => {
                    self.release(end, limit)?;
                    return take(self.output.data(&got, 0));
                }
                None if left.is_zero() || empty_wakes > EMPTY_WAKES => return Err(Failure::Silent(limit)),
                None if woken.error => return Err(failed("poll")(rustix::io::Errno::IO.into())),
                None => empty_wakes += u32::from(woken.capture),
            }
        }
    }
}

/// Why a device cannot be used.
struct Refusal(String);

fn refused(what: &'static str) -> impl Fn(io::Error) -> Refusal {
    move |error| Refusal(format!("{what}: {error}"))
}

fn failed(what: &'static str) -> impl Fn(io::Error) -> Failure {
    move |error| Failure::Call(what, error)
}

fn takes_others(raw: Raw, listed: &[formats::Description]) -> String {
    let name = crate::picture::Layout::Raw(raw).name();
    let listed: Vec<&str> = listed.iter().map(|format| format.name.as_str()).take(12).collect();
    format!("it takes no {name}, only {}", listed.join(", "))
}

/// Sets the format of what goes in, and returns it with the size of the pictures in memory.
fn set_input(device: &File, kind: Kind, raw: Code, shape: Shape) -> Result<(Format, Size), Refusal> {
    let Size { width, height } = shape.size;
    let mut wanted = Format::new(width, height, raw.code);
    (wanted.colorspace, wanted.quantization, wanted.field) = JFIF;
    if raw.is_split {
        wanted.plane_count = shape.raw.planes(shape.size, 0).iter().filter(|plane| plane.rows > 0).count();
    }
    let got = formats::set_format(device, kind, &wanted).map_err(refused("S_FMT of the pictures"))?;
    let coded = Size { width: got.width, height: got.height };
    if got.code != raw.code || coded.width < width || coded.height < height || !coded.is_possible() {
        return Err(Refusal(format!("it takes only {coded}")));
    }
    Ok((got, coded))
}

/// Bytes of each buffer that are the picture.
fn used(
    input: &Queue<Arc<File>>,
    format: &Format,
    places: &[Option<Place>; Raw::MAX_PLANES],
) -> Result<Vec<u32>, Refusal> {
    let mut used = Vec::new();
    for (buffer, plane) in format.planes().iter().enumerate() {
        let lengths = (0..input.count()).map(|index| input.plane(index, buffer).len());
        let room = lengths.min().unwrap_or_default();
        let needed = places.iter().flatten().filter(|place| place.buffer == buffer).map(Place::end).max();
        let needed = needed.unwrap_or_default();
        if needed > room {
            return Err(Refusal(format!("its buffers have {room} bytes, but a picture takes {needed}")));
        }
        let size = usize::try_from(plane.size).unwrap_or(usize::MAX).clamp(needed, room);
        used.push(u32::try_from(size).unwrap_or(u32::MAX));
    }
    let missing = places.iter().flatten().any(|place| place.buffer >= used.len());
    if missing { Err(Refusal("its buffers lack a plane".to_owned())) } else { Ok(used) }
}

/// A quality in the range of a device. Some drivers have only a few levels instead, of which 0 is the best (s5p-jpeg and
/// rcar_jpu: 0 to 3).
fn in_range(quality: u8, (least, greatest): (i32, i32)) -> i32 {
    const LEVELS: i32 = 4;
    if least == 0 && greatest < LEVELS {
        let worse = (100 - i32::from(quality)) * LEVELS / 60; // 85 is the best but one, below 55 is the worst
        return worse.min(greatest);
    }
    i32::from(quality).clamp(least, greatest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::node::tests::node;

    #[test]
    fn a_quality_becomes_what_the_device_calls_it() {
        assert_eq!([1, 50, 100].map(|quality| in_range(quality, (1, 100))), [1, 50, 100]);
        assert_eq!([1, 50, 100].map(|quality| in_range(quality, (5, 95))), [5, 50, 95]);
        assert_eq!([1, 50, 85, 95, 100].map(|quality| in_range(quality, (0, 3))), [3, 3, 1, 0, 0]);
    }

    #[test]
    fn a_node_that_is_gone_is_no_encoder() {
        let shape = Shape { raw: Raw::Yuyv, size: Size { width: 640, height: 480 } };
        let none = node(0, "gone", "", "/sys/devices/platform/gone", "");
        let none = Node { path: "/dev/no-such-encoder".into(), ..none };
        assert!(matches!(M2m::open(&none, shape, &JPEG), Tried::OtherKind));
    }
}
