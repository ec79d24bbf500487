//! While frames flow nothing allocates: on a small board that would be fragmentation and jitter. Only encoding
//! does, a few blocks for each band of a frame.

use std::alloc::System;
use std::sync::Arc;
use std::time::Duration;

use boardcam::camera::pattern::Pattern;
use boardcam::camera::pipe::{Pipe, Words};
use boardcam::camera::{Observer, PipeSpec, Source, SourceConfig, SourceSpec};
use boardcam::canvas::{Canvas, Colour};
use boardcam::codec::device::Take;
use boardcam::codec::simulated::Simulated;
use boardcam::codec::{self, By, Found};
use boardcam::jpeg::encode::{DEFAULT_QUALITY, Encoder as JpegEncoder};
use boardcam::jpeg::eoi::Policy;
use boardcam::jpeg::passthrough::Jpeg;
use boardcam::jpeg::transcode::Transcoder;
use boardcam::picture::{Picture, Size};
use boardcam::problem::Problem;
use coefficients::Transform;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Blocks that handing a band to a waiting thread takes: rayon boxes each job, and its queue grows by blocks of jobs. Without
/// `unsafe`, a job that borrows the picture can only be handed over in this way.
const THREAD_BLOCKS: usize = 2;

/// Frames that are encoded while allocations are counted.
const ENCODED: usize = 2;

struct Patient;

impl Observer for Patient {
    fn refused(&mut self, _: &str, _: &Problem) {}

    fn keep_waiting(&mut self) -> bool {
        true
    }
}

/// One test for all: another one on another thread would be counted too.
#[test]
fn a_frame_from_the_pattern_from_a_pipe_or_through_the_mender_allocates_nothing_nor_does_encoding_it() {
    let size = Size { width: 640, height: 480 };
    let config = SourceConfig { size: Some(size), fps: Some(240), ..SourceConfig::of(SourceSpec::Pattern) };
    let mut pattern = Pattern::open(&config).expect("a size that it can do");
    let pattern_used = allocated(|| {
        for _ in 0..30 {
            let frame = pattern.next(Duration::from_secs(20)).expect("it never ends");
            assert!(frame.is_some());
        }
    });
    assert_eq!(pattern_used, 0, "the pattern");

    let bare =
        b"\xff\xd8\xff\xc0\0\x0b\x08\0\x08\0\x08\x01\x01\x11\0\xff\xda\0\x08\x01\x01\0\0\x3f\0data\0\0";
    let file = std::env::temp_dir().join(format!("boardcam-allocations-{}.jpg", std::process::id()));
    // Longer than a read, with its end; garbage follows.
    let frame = [&bare[..bare.len() - 2], &[7; 100_000], b"\xff\xd9"].concat();
    std::fs::write(&file, &frame).expect("a place for a picture");
    let command = PipeSpec::Command(format!("while cat {}; do echo; done", file.display()));
    let mut pipe = Pipe::open("test", &command, &config, &Words::unasked(), &mut Patient).expect("a program");
    let take = |pipe: &mut Pipe| {
        let got = pipe.next(Duration::from_secs(20)).expect("it never ends").expect("it is not slow");
        assert_eq!(got.bytes, frame);
    };
    (0..30).for_each(|_| take(&mut pipe));
    let pipe_used = allocated(|| (0..100).for_each(|_| take(&mut pipe)));
    assert_eq!(pipe_used, 0, "the pipe");
    drop(pipe);
    std::fs::remove_file(&file).expect("it is still there");

    let mut policy = Policy::default();
    let mut slot = vec![0; 4096];
    let mender_used = allocated(|| {
        for _ in 0..100 {
            let jpeg = Jpeg::parse(bare).expect("it lacks nothing that cannot be mended");
            policy.admit(&jpeg);
            jpeg.copy_into(&mut slot).expect("it fits");
        }
    });
    assert_eq!(mender_used, 0, "the mender");

    assert_eq!(changed(), [0; 3], "quality, turns and size of a camera's JPEGs");

    assert_eq!(by_hardware(), 0, "a hardware encoder's JPEGs");

    let canvas = Canvas::new(size, Colour::WHITE);
    let mut slot = vec![0; canvas.bytes().len()];
    for bands in [1, 2] {
        let mut encoder = JpegEncoder::in_bands(DEFAULT_QUALITY, bands);
        let mut encode = || {
            for _ in 0..ENCODED {
                encoder.encode(&canvas.picture(), &mut slot).expect("it fits");
            }
        };
        encode(); // its memory grows with the picture, once
        let most = (bands - 1) * THREAD_BLOCKS;
        let used = allocated(&mut encode);
        assert!(used <= most * ENCODED, "{used} blocks for {ENCODED} frames in {bands} bands");
    }
}

/// Blocks that pictures take that hardware encodes.
fn by_hardware() -> usize {
    let canvas = Canvas::new(Size { width: 64, height: 48 }, Colour::WHITE);
    let mut slot = vec![0; 20_000];
    let len =
        JpegEncoder::in_bands(DEFAULT_QUALITY, 1).encode(&canvas.picture(), &mut slot).expect("it fits");
    let jpeg = slot[..len].to_vec();
    let open = move |_| {
        let jpeg = jpeg.clone();
        let same = move |_: &Picture<'_>, _, _, take: &mut Take<'_>| take(&jpeg);
        Found::Device(Box::new(Simulated(same)))
    };
    let mut encoder = codec::Encoder::with_hardware(DEFAULT_QUALITY, Arc::new(open), true);
    let mut encode = || encoder.encode(&canvas.picture(), &mut slot).expect("it fits").1;
    while encode() != By::Hardware {
        std::thread::yield_now(); // it is opened by a thread of its own
    }
    allocated(|| assert!((0..100).all(|_| encode() == By::Hardware)))
}

/// Blocks that it takes to change a camera's JPEG: in quality, turned, and in size.
fn changed() -> [usize; 3] {
    let jpeg = include_bytes!("pictures/non-interleaved.jpg");
    let mut slot = vec![0; 200_000];
    let half = Size { width: 160, height: 120 };
    [(None, Transform::NONE), (None, Transform::ROTATE_90), (Some(half), Transform::NONE)].map(
        |(within, way)| {
            let mut transcoder = Transcoder::new(within, JpegEncoder::in_bands(30, 1));
            transcoder.set_transform(way);
            let mut change = || {
                let made = transcoder.decode(jpeg).expect("a kind of JPEG that is decoded");
                assert!(!made.is_unchanged);
                transcoder.encode(jpeg, &mut slot).expect("it fits");
            };
            change();
            allocated(|| (0..5).for_each(|_| change()))
        },
    )
}

/// Blocks that `run` allocates: the fewest of some runs, since the test's harness has a thread of its own, which
/// allocates now and then.
fn allocated(mut run: impl FnMut()) -> usize {
    const RUNS: usize = 3;
    let once = |_| {
        let region = Region::new(ALLOCATOR);
        run();
        let used = region.change();
        used.allocations + used.reallocations
    };
    (0..RUNS).map(once).min().unwrap_or_default()
}
