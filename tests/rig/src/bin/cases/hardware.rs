//! The kernel's virtual codec `vicodec`, which has the calls of a hardware JPEG encoder and makes FWHT in place of JPEG
//! (kernel drivers/media/test-drivers/vicodec). Debian leaves it out; `tests/rig/run` builds it. It cannot show that any
//! real encoder works.

use std::fs::{self, File};
use std::os::fd::AsFd as _;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use boardcam::camera::encoders::JPEG;
use boardcam::camera::node::Node;
use boardcam::camera::v4l2::{Originals, V4l2};
use boardcam::camera::{Source as _, SourceConfig, SourceSpec};
use boardcam::codec::device::{Failure, FrameEncoder, Shape};
use boardcam::codec::m2m::{self, M2m, Tried};
use boardcam::codec::{self, By, Found};
use boardcam::picture::{Layout, Memory, Picture, Range, Raw, Size};
use client::{Outcome, ensure, wait_for};
use v4l2_calls::formats::{self, Kind};

use crate::Case;
use crate::boardcam::{Boardcam, PROGRAM};
use crate::driver::shows_the_bars;
use crate::guest::{Vivid, nodes, run};

pub const CASES: &[Case] = &[
    ("an_encoder_takes_every_layout_that_it_lists", an_encoder_takes_every_layout_that_it_lists),
    (
        "an_encoder_that_is_taken_away_is_replaced_by_software",
        an_encoder_that_is_taken_away_is_replaced_by_software,
    ),
    ("an_encoder_reads_the_cameras_own_memory", an_encoder_reads_the_cameras_own_memory),
    (
        "an_encoder_that_cannot_read_a_memory_gets_copies_from_then_on",
        an_encoder_that_cannot_read_a_memory_gets_copies_from_then_on,
    ),
    ("hardware_that_makes_no_jpegs_is_left_alone", hardware_that_makes_no_jpegs_is_left_alone),
];

const FWHT: [[u8; 4]; 1] = [*b"FWHT"];
const SIZE: Size = Size { width: 640, height: 360 };
const LIMIT: Duration = Duration::from_secs(20); // an emulated processor
const DRIVER: &str = "/sys/bus/platform/drivers/vicodec";

/// The virtual codec; dropping it unloads it.
struct Vicodec;

impl Vicodec {
    fn load(planes: bool) -> Outcome<Self> {
        run("/bin/insmod", &["/modules/vicodec.ko", if planes { "multiplanar=1" } else { "multiplanar=0" }])?;
        let vicodec = Self;
        wait_for("vicodec's encoder", || Ok(Self::node().is_ok().then_some(())))?;
        Ok(vicodec)
    }

    fn node() -> Outcome<Node> {
        let found = nodes()?.into_iter().find(|(_, name)| name.contains("encoder")).ok_or("no encoder")?;
        Ok(Node::at(&found.0).map_err(|problem| problem.to_string())?)
    }
}

impl Drop for Vicodec {
    fn drop(&mut self) {
        if let Err(why) = wait_for("vicodec to be free", || Ok(run("/bin/rmmod", &["vicodec"]).ok())) {
            println!("  cannot unload vicodec: {why}");
        }
    }
}

fn shape(raw: Raw) -> Shape {
    Shape { raw, size: SIZE }
}

fn open(raw: Raw) -> Outcome<Box<M2m>> {
    match M2m::open(&Vicodec::node()?, shape(raw), &FWHT) {
        Tried::Ready(device) => Ok(device),
        other => Err(format!("{raw:?}: {other:?}").into()),
    }
}

/// Bytes of a picture; those of another seed differ.
fn pixels(raw: Raw, seed: u32) -> Vec<u8> {
    let len = raw.frame_len(SIZE, raw.row_len(SIZE.width)) as u32;
    (0..len).map(|n| (n / 97 * seed % 200 + 20) as u8).collect()
}

fn picture(bytes: &[u8], raw: Raw) -> Outcome<Picture<'_>> {
    let stride = raw.row_len(SIZE.width);
    Ok(Picture::new(bytes, raw, SIZE, stride, Range::Limited).map_err(|error| error.to_string())?)
}

/// One picture through the encoder.
fn encode(device: &mut M2m, raw: Raw, seed: u32) -> Result<Vec<u8>, Failure> {
    let bytes = pixels(raw, seed);
    let picture = picture(&bytes, raw).expect("a whole picture");
    let mut got = Vec::new();
    let mut take = |bytes: &[u8]| {
        got.extend(bytes);
        Ok(bytes.len())
    };
    device.encode(&picture, 80, LIMIT, &mut take)?;
    Ok(got)
}

/// Checks what vicodec makes: struct fwht_cframe_hdr, big-endian, and as many bytes as it says.
fn ensure_fwht(bytes: &[u8]) -> Outcome {
    const HEADER: usize = 44;
    let word = |n: usize| {
        bytes.get(n * 4..n * 4 + 4).map(|word| u32::from_be_bytes([word[0], word[1], word[2], word[3]]))
    };
    ensure!(bytes.starts_with(&[0x4f; 4]) && word(1) == Some(u32::MAX), "no FWHT: {:?}", bytes.get(..16));
    ensure!((word(3), word(4)) == (Some(SIZE.width), Some(SIZE.height)), "{:?}", bytes.get(..HEADER));
    ensure!(word(10).is_some_and(|size| size as usize + HEADER == bytes.len()), "{} bytes", bytes.len());
    Ok(())
}

fn an_encoder_takes_every_layout_that_it_lists() -> Outcome {
    for planes in [false, true] {
        let _vicodec = Vicodec::load(planes)?;
        let device = File::open(Vicodec::node()?.path)?;
        let input = if planes { Kind::OutputPlanes } else { Kind::Output };
        let listed = formats::formats(&device, input);
        let raws: Vec<Raw> = Layout::all()
            .filter(|layout| listed.iter().any(|format| layout.codes().contains(&&format.code)))
            .filter_map(Layout::raw)
            .collect();
        ensure!(raws.len() >= 8, "planes: {planes}, only {raws:?}");
        for raw in raws {
            let mut device = open(raw)?;
            let first = encode(&mut device, raw, 1)?;
            ensure_fwht(&first).map_err(|why| format!("planes: {planes}, {raw:?}: {why}"))?;
            for seed in 2..5 {
                let next = encode(&mut device, raw, seed)?;
                ensure_fwht(&next)?;
                ensure!(next != first, "{raw:?}: picture {seed} is the first one");
            }
        }
        // It lists 640 to 4096 pixels.
        let tiny = Shape { raw: Raw::Nv12, size: Size { width: 64, height: 64 } };
        let tried = M2m::open(&Vicodec::node()?, tiny, &FWHT);
        ensure!(matches!(&tried, Tried::Refused(why) if why.contains("64x64")), "{tried:?}");
    }
    Ok(())
}

fn an_encoder_that_is_taken_away_is_replaced_by_software() -> Outcome {
    let _vicodec = Vicodec::load(false)?;
    let mut device = open(Raw::Yuyv)?;
    ensure_fwht(&encode(&mut device, Raw::Yuyv, 1)?)?;
    let bound = fs::read_dir(DRIVER)?
        .flatten()
        .find_map(|entry| entry.file_name().into_string().ok().filter(|name| name.starts_with("vicodec")))
        .ok_or("vicodec is bound to nothing")?;
    fs::write(format!("{DRIVER}/unbind"), &bound)?;
    let gone = encode(&mut device, Raw::Yuyv, 2);
    ensure!(
        matches!(&gone, Err(Failure::Call(_, error)) if error.raw_os_error() == Some(19)),
        "no ENODEV: {gone:?}"
    );
    drop(device);
    fs::write(format!("{DRIVER}/bind"), &bound)?;
    wait_for("vicodec's encoder", || Ok(Vicodec::node().is_ok().then_some(())))?;
    ensure_fwht(&encode(&mut *open(Raw::Yuyv)?, Raw::Yuyv, 3)?)?;

    // Its FWHT is no JPEG: such a device is dropped, and every picture is encoded all the same.
    let find = |shape| match Vicodec::node().map(|node| M2m::open(&node, shape, &FWHT)) {
        Ok(Tried::Ready(device)) => Found::Device(device),
        _ => Found::Nothing,
    };
    let mut encoder = codec::Encoder::with_hardware(80, Arc::new(find), true);
    let bytes = pixels(Raw::Yuyv, 1);
    let picture = picture(&bytes, Raw::Yuyv)?;
    let mut out = vec![0; 1 << 20];
    wait_for("the device to be asked", || {
        let (len, by) = encoder.encode(&picture, &mut out)?;
        ensure!(out[..len].starts_with(&[0xff, 0xd8]) && by != By::Hardware, "{by:?}");
        Ok((by == By::Instead).then_some(()))
    })?;
    let said: String = encoder.notes().map(|(_, note)| note).collect();
    ensure!(said.contains("it did not give a JPEG"), "{said}");
    Ok(())
}

/// Makes FWHT of a picture.
fn encode_picture(device: &mut M2m, picture: &Picture<'_>) -> Outcome<Vec<u8>> {
    let mut got = Vec::new();
    let mut take = |bytes: &[u8]| {
        got.extend(bytes);
        Ok(bytes.len())
    };
    device.encode(picture, 80, LIMIT, &mut take)?;
    ensure_fwht(&got)?;
    Ok(got)
}

fn an_encoder_reads_the_cameras_own_memory() -> Outcome {
    const PICTURES: u32 = 12; // more than the camera and the encoder have buffers
    // RGB has the full range, as JPEG; vivid's other layouts have the limited one.
    let raw = Raw::Rgb24;
    for planes in [false, true] {
        let _vicodec = Vicodec::load(planes)?;
        let _vivid = if planes { Vivid::multiplanar()? } else { Vivid::webcam()? };
        let (path, _) =
            nodes()?.into_iter().find(|(_, name)| name.contains("vivid")).ok_or("no node of vivid")?;
        let layout = Some(Layout::Raw(raw));
        let spec = SourceSpec::Device(path.clone());
        let config = SourceConfig { size: Some(SIZE), layout, fps: Some(30), ..SourceConfig::of(spec) };
        let node = Node::at(&path).map_err(|problem| problem.to_string())?;
        let mut camera = V4l2::start_for(node, &config, &mut Originals::default(), &|_, _| true)
            .map_err(|why| why.problem.to_string())?;
        let (mut reads, mut copies) = (open(raw)?, open(raw)?);
        let mut last = Vec::new();
        for n in 0..PICTURES {
            let frame = camera.next(LIMIT).map_err(|error| error.0.to_string())?.ok_or("no frame")?;
            ensure!(frame.memory.is_some(), "planes: {planes}, frame {n}: its memory is not shared");
            let picture = Picture::new(frame.bytes, raw, SIZE, raw.row_len(SIZE.width), Range::Full)?;
            let read = encode_picture(&mut reads, &picture.in_memory(frame.memory))?;
            let copied = encode_picture(&mut copies, &picture)?;
            ensure!(reads.is_importing() && !copies.is_importing(), "planes: {planes}, frame {n}");
            // If the camera had filled the memory again meanwhile, they would differ.
            ensure!(read == copied, "planes: {planes}, frame {n} is not the camera's");
            ensure!(read != last, "planes: {planes}, frame {n} is the one before");
            last = read;
        }
    }
    Ok(())
}

fn an_encoder_that_cannot_read_a_memory_gets_copies_from_then_on() -> Outcome {
    let raw = Raw::Rgb24;
    for planes in [false, true] {
        let _vicodec = Vicodec::load(planes)?;
        let (mut device, mut copies) = (open(raw)?, open(raw)?);
        let file = File::open("/dev/null")?;
        for seed in 1..4 {
            let bytes = pixels(raw, seed);
            let picture = Picture::new(&bytes, raw, SIZE, raw.row_len(SIZE.width), Range::Full)?;
            let memory = Memory { fd: file.as_fd(), len: bytes.len(), index: 0 };
            let got = encode_picture(&mut device, &picture.in_memory(Some(memory)))?;
            ensure!(!device.is_importing(), "planes: {planes}: it reads /dev/null");
            ensure!(got == encode_picture(&mut copies, &picture)?, "planes: {planes}: another picture");
        }
    }
    Ok(())
}

fn hardware_that_makes_no_jpegs_is_left_alone() -> Outcome {
    let _vicodec = Vicodec::load(false)?;
    let tried = M2m::open(&Vicodec::node()?, shape(Raw::Yuyv), &JPEG);
    ensure!(matches!(tried, Tried::OtherKind), "{tried:?}");
    ensure!(matches!(m2m::find(shape(Raw::Yuyv)), Found::Nothing), "an encoder was found");
    let _vivid = Vivid::webcam()?;
    let boardcam = Boardcam::start(&["--size", "640x360", "--encoder", "hardware"])?;
    boardcam.watch_first()?.wait_for("vivid's bars", shows_the_bars)?;
    wait_for("what the log says", || {
        Ok(boardcam.log()?.contains("this board has no hardware encoder").then_some(()))
    })?;
    let state = boardcam.wait_until_live()?;
    ensure!(state["encoder"] == "software", "{state}");
    let probe = Command::new(PROGRAM).arg("probe").output()?;
    let text = String::from_utf8(probe.stdout)?;
    ensure!(text.contains("hardware encoder: none"), "{text}");
    Ok(())
}
