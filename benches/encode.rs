//! Milliseconds to encode one frame, by layout, size and number of bands, beside libjpeg-turbo's:
//! `cargo bench --bench encode`.
//!
//! Libjpeg-turbo is measured by its own `tjbench` where that is installed (Debian: libjpeg-turbo-progs), with
//! one thread, the same quality and 4:2:0, from planes of YCbCr of the same scene.

mod plot;

use std::fs;
use std::hint::black_box;
use std::process::Command;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use boardcam::jpeg::encode::{DEFAULT_QUALITY, Encoder};
use boardcam::picture::Picture;
use boardcam::picture::{Layout, Range, Raw, Size};
use plot::Plot;

/// Frames measured for each figure.
const FRAMES: usize = 41;

/// Between the end of a frame and the beginning of the next one.
const PAUSE: Duration = Duration::from_millis(10);

const BANDS: [usize; 2] = [1, 2];

const SIZES: [Size; 2] = [Size { width: 1280, height: 720 }, Size { width: 1920, height: 1080 }];

/// One layout of each kind; those that differ only in the order of samples take the same time.
const LAYOUTS: [Raw; 4] = [Raw::Nv12, Raw::Yuyv, Raw::Rgb24, Raw::Grey];

/// Something like a photograph to the encoder: smooth shapes in colours, with a little noise in the luma.
#[derive(Default)]
struct Scene {
    noise: u32,
}

impl Scene {
    fn luma(&mut self, x: u32, y: u32) -> f64 {
        self.noise = self.noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (fx, fy) = (f64::from(x) / 90.0, f64::from(y) / 70.0);
        let shade = 122.0 + 60.0 * (fx.sin() * fy.cos() + (fx * 0.3 + fy).sin() * 0.5);
        shade + f64::from(self.noise >> 29)
    }

    /// Distance of Cb and Cr from 128.
    fn chroma(x: u32, y: u32) -> [f64; 2] {
        let (fx, fy) = (f64::from(x) / 130.0, f64::from(y) / 110.0);
        [30.0 * (fx + fy).sin(), 30.0 * (fx - fy).cos()]
    }

    fn laid_out(mut self, raw: Raw, size: Size) -> Vec<u8> {
        let Size { width, height } = size;
        let mut bytes = Vec::new();
        for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
            let (luma, [cb, cr]) = (self.luma(x, y), Self::chroma(x, y));
            match raw {
                Raw::Yuyv => bytes.extend([luma, 128.0 + if x.is_multiple_of(2) { cb } else { cr }]),
                Raw::Rgb24 => bytes.extend([luma + 1.4 * cr, luma - 0.34 * cb - 0.71 * cr, luma + 1.77 * cb]),
                _ => bytes.push(luma),
            }
        }
        if raw == Raw::Nv12 {
            let even = |side: u32| (0..side).step_by(2);
            let pairs = even(height).flat_map(|y| even(width).map(move |x| Self::chroma(x, y)));
            bytes.extend(pairs.flatten().map(|chroma| 128.0 + chroma));
        }
        bytes.into_iter().map(|sample| sample as u8).collect()
    }
}

/// What was measured for a picture, in milliseconds: middle values.
struct Times {
    /// An encoder in one band, and in two.
    bands: [f64; BANDS.len()],
    /// Half the time of two encoders that work side by side, each on a whole frame: the least that two bands can
    /// take on this machine. Where two cores share what they compute with, it is more than half of one frame's.
    side_by_side: f64,
    /// The JPEG's length in bytes.
    len: usize,
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// They take turns, so that what else the machine does meets all of them; and frames come apart, as a camera's do,
/// so that helping threads sleep in between.
fn measure(picture: &Picture<'_>, room: usize) -> Times {
    let mut encoders = BANDS.map(|bands| Encoder::in_bands(DEFAULT_QUALITY, bands));
    let mut bands = BANDS.map(|_| Vec::new());
    let mut side_by_side = Vec::new();
    let (mut out, mut len) = (vec![0; room], 0);
    let meeting = Barrier::new(2);
    let encode =
        |encoder: &mut Encoder, out: &mut [u8]| encoder.encode(black_box(picture), out).expect("room enough");
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut encoder, mut out) = (Encoder::in_bands(DEFAULT_QUALITY, 1), vec![0; room]);
            for _ in 0..FRAMES {
                meeting.wait();
                encode(&mut encoder, &mut out);
                meeting.wait();
            }
        });
        for _ in 0..FRAMES {
            for (encoder, times) in encoders.iter_mut().zip(&mut bands) {
                thread::sleep(PAUSE);
                let start = Instant::now();
                len = encode(encoder, &mut out);
                times.push(start.elapsed().as_secs_f64() * 1e3);
            }
            thread::sleep(PAUSE);
            let start = Instant::now();
            meeting.wait();
            encode(&mut encoders[0], &mut out);
            meeting.wait();
            side_by_side.push(start.elapsed().as_secs_f64() * 1e3 / 2.0);
        }
    });
    Times { bands: bands.map(median), side_by_side: median(side_by_side), len }
}

/// Libjpeg-turbo's time in milliseconds; `None` where `tjbench` is not installed.
fn libjpeg_turbo(size: Size) -> Option<f64> {
    let path = std::env::temp_dir().join(format!("boardcam-bench-{}.ppm", std::process::id()));
    let head = format!("P6\n{} {}\n255\n", size.width, size.height);
    fs::write(&path, [head.as_bytes(), &Scene::default().laid_out(Raw::Rgb24, size)].concat()).ok()?;
    let options = "-rgb -yuv -subsamp 420 -benchtime 2 -warmup 0.5 -componly -nowrite".split(' ');
    let run = Command::new("tjbench").arg(&path).arg(DEFAULT_QUALITY.to_string()).args(options).output();
    let _ = fs::remove_file(&path); // of the machine's folder for such files
    let told = String::from_utf8(run.ok()?.stdout).ok()?;
    let line = told.lines().find(|line| line.starts_with("Comp from YUV"))?;
    let per_second: f64 = line.split_whitespace().find_map(|word| word.parse().ok())?;
    Some(1e3 / per_second)
}

fn main() -> std::io::Result<()> {
    println!("Quality {DEFAULT_QUALITY}, ms per frame\n");
    println!(
        "| | KB | 1 band | 2 bands | ratio | two frames side by side, each | libjpeg-turbo, one thread |"
    );
    println!("|---|---|---|---|---|---|---|");
    for size in SIZES {
        let mut turbo = libjpeg_turbo(size); // from planes as NV12 has them, so its time stands beside NV12's
        let mut groups = Vec::new();
        for raw in LAYOUTS {
            let bytes = Scene::default().laid_out(raw, size);
            let picture = Picture::new(&bytes, raw, size, raw.row_len(size.width), Range::Limited);
            let times = measure(&picture.expect("a whole picture"), bytes.len());
            let ([one, two], layout) = (times.bands, Layout::Raw(raw));
            let (kb, ratio, both) = (times.len / 1000, one / two, times.side_by_side);
            let turbo = turbo.take();
            let theirs = turbo.map(|ms| format!("{ms:.1}")).unwrap_or_default();
            println!("| {size} {layout} | {kb} | {one:.1} | {two:.1} | {ratio:.2} | {both:.1} | {theirs} |");
            groups.push((layout.to_string(), vec![Some(one), Some(two), turbo]));
        }
        let plot = Plot {
            title: &format!("Encoding a frame of {size} at quality {DEFAULT_QUALITY}"),
            x_label: "pixel layout",
            y_label: "ms per frame",
            series: &["1 band", "2 bands", "libjpeg-turbo, one thread"],
            groups,
        };
        plot.write(&format!("encode-{size}"))?;
    }
    Ok(())
}
