//! Milliseconds of CPU time on one thread for all that the crate does, beside libjpeg-turbo's C library with SIMD,
//! jpeg-encoder and zune-jpeg in the same process: `cargo bench -p coefficients`. Prints tables in Markdown.
//!
//! All take turns, so that what else the machine does meets each of them; figures are medians. Where the machine has no
//! libjpeg-turbo, its columns are empty.

mod scene;
mod turbo;

use std::hint::black_box;
use std::time::Duration;

use coefficients::dc::DcGrid;
use coefficients::pixels::Encoder;
use coefficients::reduce::Reducer;
use coefficients::{Coefficients, Quality, Sampling, Transform};
use jpeg_encoder::{ImageBuffer, JpegColorType, SamplingFactor};
use rustix::time::{ClockId, clock_gettime};
use scene::Scene;
use turbo::Turbo;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// How often each is measured.
const ROUNDS: usize = 61;

const QUALITY: u8 = 85;

const HD: (u32, u32) = (1280, 720);
const FULL_HD: (u32, u32) = (1920, 1080);

/// What this thread has taken of a processor.
fn cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// The medians in milliseconds of what is measured in turns; `None` where there is nothing to measure.
fn medians<const N: usize>(mut tasks: [Option<Box<dyn FnMut() + '_>>; N]) -> [Option<f64>; N] {
    let mut times = [const { Vec::new() }; N];
    for _ in 0..ROUNDS {
        for (task, times) in tasks.iter_mut().zip(&mut times) {
            let Some(task) = task else { continue };
            let start = cpu_time();
            task();
            times.push((cpu_time() - start).as_secs_f64() * 1e3);
        }
    }
    times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times.get(times.len() / 2).copied()
    })
}

fn cell(ms: Option<f64>) -> String {
    ms.map(|ms| format!("{ms:.2}")).unwrap_or_default()
}

fn ratio(a: Option<f64>, b: Option<f64>) -> String {
    cell(a.zip(b).map(|(a, b)| a / b))
}

/// A slice that a JPEG of this scene fits into.
fn room(scene: &Scene) -> Vec<u8> {
    vec![0; (scene.size.0 * scene.size.1 * 4) as usize]
}

fn encoded(scene: &Scene, quality: u8) -> Vec<u8> {
    let mut out = room(scene);
    let length =
        Encoder::default().encode(&scene.pixels(), scene.settings(quality), &mut out).expect("room enough");
    out.truncate(length);
    out
}

/// What jpeg-encoder takes: chroma for each pixel.
struct Rows<'a>(&'a Scene);

impl ImageBuffer for Rows<'_> {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        JpegColorType::Ycbcr
    }

    fn width(&self) -> u16 {
        self.0.size.0 as u16
    }

    fn height(&self) -> u16 {
        self.0.size.1 as u16
    }

    fn fill_buffers(&self, y: u16, [luma, cb, cr, _]: &mut [Vec<u8>; 4]) {
        let (width, y) = (self.0.size.0 as usize, usize::from(y));
        if self.0.sampling == Sampling::Across {
            let row = self.0.packed[0][y * width * 2..][..width * 2].as_chunks::<4>().0;
            luma.extend(row.iter().flat_map(|[y0, _, y1, _]| [*y0, *y1]));
            cb.extend(row.iter().flat_map(|[_, cb, _, _]| [*cb; 2]));
            cr.extend(row.iter().flat_map(|[_, _, _, cr]| [*cr; 2]));
        } else {
            luma.extend_from_slice(&self.0.packed[0][y * width..][..width]);
            let row = self.0.packed[1][y / 2 * width..][..width].as_chunks::<2>().0;
            cb.extend(row.iter().flat_map(|[cb, _]| [*cb; 2]));
            cr.extend(row.iter().flat_map(|[_, cr]| [*cr; 2]));
        }
    }
}

fn by_jpeg_encoder(image: impl ImageBuffer, sampling: Sampling, quality: u8, out: &mut Vec<u8>) {
    out.clear();
    let mut encoder = jpeg_encoder::Encoder::new(out, quality);
    encoder.set_sampling_factor(match sampling {
        Sampling::Across => SamplingFactor::R_4_2_2,
        _ => SamplingFactor::R_4_2_0,
    });
    encoder.encode_image(image).expect("a Vec has room");
}

fn encode(turbo: Option<&Turbo>) {
    println!("### Encoding at quality {QUALITY}\n");
    println!(
        "| from | KB | ours | libjpeg-turbo from planes | ratio | libjpeg-turbo with unpacking | ratio | jpeg-encoder |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for size in [HD, FULL_HD] {
        for sampling in [Sampling::Across, Sampling::Both] {
            let scene = Scene::new(size, sampling);
            let (mut a, mut b, mut c, mut d) = (room(&scene), room(&scene), room(&scene), room(&scene));
            let mut encoder = Encoder::default();
            let (pixels, settings) = (scene.pixels(), scene.settings(QUALITY));
            let mut planes = scene.planes.clone();
            let scene = &scene;
            let [ours, from_planes, unpacked, jpeg_encoder] = medians([
                Some(Box::new(|| {
                    black_box(encoder.encode(black_box(&pixels), settings, &mut a)).expect("room enough");
                })),
                turbo.map(|turbo| -> Box<dyn FnMut()> {
                    Box::new(|| {
                        black_box(turbo.encode(black_box(&scene.planes), size, sampling, QUALITY, 0, &mut b));
                    })
                }),
                turbo.map(|turbo| -> Box<dyn FnMut()> {
                    Box::new(|| {
                        black_box(scene).unpack(&mut planes);
                        black_box(turbo.encode(&planes, size, sampling, QUALITY, 0, &mut c));
                    })
                }),
                Some(Box::new(|| by_jpeg_encoder(Rows(black_box(scene)), sampling, QUALITY, &mut d))),
            ]);
            println!(
                "| {}x{} {} | {} | {} | {} | {} | {} | {} | {} |",
                size.0,
                size.1,
                scene.name(),
                encoded(scene, QUALITY).len() / 1000,
                cell(ours),
                cell(from_planes),
                ratio(ours, from_planes),
                cell(unpacked),
                ratio(ours, unpacked),
                cell(jpeg_encoder)
            );
        }
    }
}

fn requantize(turbo: Option<&Turbo>) {
    println!("\n### Quality 85 to 50\n");
    println!("| | ours, on coefficients | libjpeg-turbo, decoded and encoded | ratio |\n|---|---|---|---|");
    for sampling in [Sampling::Across, Sampling::Both] {
        let scene = Scene::new(HD, sampling);
        let jpeg = encoded(&scene, 85);
        let (mut a, mut b) = (room(&scene), room(&scene));
        let (mut coefficients, mut planes) = (Coefficients::default(), [const { Vec::new() }; 3]);
        let [ours, theirs] = medians([
            Some(Box::new(|| {
                coefficients.decode(black_box(&jpeg)).expect("a JPEG of ours");
                let made = coefficients.encode(Transform::NONE, Some(Quality::new(50)), &mut a);
                black_box(made).expect("room enough");
            })),
            turbo.map(|turbo| -> Box<dyn FnMut()> {
                Box::new(|| {
                    turbo.decode(black_box(&jpeg), HD, sampling, &mut planes);
                    black_box(turbo.encode(&planes, HD, sampling, 50, 0, &mut b));
                })
            }),
        ]);
        println!(
            "| 1280x720 {} | {} | {} | {} |",
            &scene.name()[6..],
            cell(ours),
            cell(theirs),
            ratio(ours, theirs)
        );
    }
}

fn rotate(turbo: Option<&Turbo>) {
    println!("\n### Turned by 90 degrees\n");
    println!("| | ours | libjpeg-turbo's `tjTransform` | ratio |\n|---|---|---|---|");
    for size in [HD, FULL_HD] {
        for sampling in [Sampling::Across, Sampling::Both] {
            let scene = Scene::new(size, sampling);
            let jpeg = encoded(&scene, QUALITY);
            let (mut a, mut b) = (room(&scene), room(&scene));
            let mut coefficients = Coefficients::default();
            let [ours, theirs] = medians([
                Some(Box::new(|| {
                    coefficients.decode(black_box(&jpeg)).expect("a JPEG of ours");
                    let made = coefficients.encode(Transform::ROTATE_90, None, &mut a);
                    black_box(made).expect("room enough");
                })),
                turbo.map(|turbo| -> Box<dyn FnMut()> {
                    Box::new(|| {
                        black_box(turbo.rotate(black_box(&jpeg), &mut b));
                    })
                }),
            ]);
            let (name, ratio) = (&scene.name()[6..], ratio(ours, theirs));
            println!("| {}x{} {name} | {} | {} | {ratio} |", size.0, size.1, cell(ours), cell(theirs));
        }
    }
}

/// A decoded picture of Y, Cb and Cr, of which each 2x2 pixels make one.
struct Halved<'a> {
    samples: &'a [u8],
    size: (u32, u32),
}

impl ImageBuffer for Halved<'_> {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        JpegColorType::Ycbcr
    }

    fn width(&self) -> u16 {
        (self.size.0 / 2) as u16
    }

    fn height(&self) -> u16 {
        (self.size.1 / 2) as u16
    }

    fn fill_buffers(&self, y: u16, planes: &mut [Vec<u8>; 4]) {
        let stride = self.size.0 as usize * 3;
        let rows = &self.samples[usize::from(y) * 2 * stride..];
        let (upper, lower) = (rows[..stride].as_chunks::<6>().0, rows[stride..][..stride].as_chunks::<6>().0);
        for (n, plane) in planes[..3].iter_mut().enumerate() {
            let sum = |two: &[u8; 6]| u16::from(two[n]) + u16::from(two[n + 3]);
            plane.extend(
                upper.iter().zip(lower).map(|(upper, lower)| ((sum(upper) + sum(lower) + 2) / 4) as u8),
            );
        }
    }
}

fn smaller() {
    println!("\n### 640x360 of 1280x720\n");
    println!("| | ours | zune-jpeg, mean of 2x2, jpeg-encoder | ratio |\n|---|---|---|---|");
    for sampling in [Sampling::Across, Sampling::Both] {
        let scene = Scene::new(HD, sampling);
        let jpeg = encoded(&scene, QUALITY);
        let (mut a, mut b, mut samples) = (room(&scene), Vec::new(), vec![0; (HD.0 * HD.1 * 3) as usize]);
        let (mut coefficients, mut reducer) = (Coefficients::default(), Reducer::default());
        let mut encoder = Encoder::default();
        let settings = scene.settings(QUALITY);
        let [ours, theirs] = medians([
            Some(Box::new(|| {
                coefficients.decode(black_box(&jpeg)).expect("a JPEG of ours");
                let pixels = reducer.at_size(&coefficients, (640, 360)).expect("a usual sampling");
                black_box(encoder.encode(&pixels, settings, &mut a)).expect("room enough");
            })),
            Some(Box::new(|| {
                let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::YCbCr);
                let mut decoder = JpegDecoder::new_with_options(ZCursor::new(black_box(&jpeg)), options);
                decoder.decode_into(&mut samples).expect("a JPEG of ours");
                by_jpeg_encoder(Halved { samples: &samples, size: HD }, sampling, QUALITY, &mut b);
            })),
        ]);
        println!("| {} | {} | {} | {} |", &scene.name()[6..], cell(ours), cell(theirs), ratio(ours, theirs));
    }
}

/// The means of the blocks of luma, for a look at what moves, beside a whole decoding.
fn look() {
    println!("\n### The mean of each block of luma, of 1280x720\n");
    println!("| | bytes | ours | decoding all coefficients | ratio |\n|---|---|---|---|---|");
    for (sampling, quality) in
        [(Sampling::Across, QUALITY), (Sampling::Both, QUALITY), (Sampling::Across, 60)]
    {
        let scene = Scene::new(HD, sampling);
        let jpeg = encoded(&scene, quality);
        let (mut grid, mut coefficients) = (DcGrid::default(), Coefficients::default());
        let [ours, whole] = medians([
            Some(Box::new(|| grid.read(black_box(&jpeg)).expect("a JPEG of ours"))),
            Some(Box::new(|| coefficients.decode(black_box(&jpeg)).expect("a JPEG of ours"))),
        ]);
        println!(
            "| {}, quality {quality} | {} | {} | {} | {} |",
            &scene.name()[6..],
            jpeg.len(),
            cell(ours),
            cell(whole),
            ratio(ours, whole)
        );
    }
}

/// The peak signal-to-noise ratio in dB of the luma that zune-jpeg decodes.
fn psnr(scene: &Scene, jpeg: &[u8]) -> f64 {
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::Luma);
    let luma = JpegDecoder::new_with_options(ZCursor::new(jpeg), options).decode().expect("a whole JPEG");
    let squares = luma.iter().zip(&scene.planes[0]).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
    10.0 * (255.0f64.powi(2) * luma.len() as f64 / squares.sum::<f64>()).log10()
}

fn quality(turbo: &Turbo) {
    println!("\n### Size and quality\n");
    println!(
        "| quality | KB | dB | libjpeg-turbo: KB | dB | ours at its size: dB more |\n|---|---|---|---|---|---|"
    );
    let scene = Scene::new(HD, Sampling::Both);
    let mut out = room(&scene);
    let ours = [40, 50, 60, 70, 75, 80, 85, 90, 95, 98].map(|quality| {
        let jpeg = encoded(&scene, quality);
        (quality, jpeg.len() as f64, psnr(&scene, &jpeg))
    });
    for (quality, length, decibel) in &ours[1..ours.len() - 1] {
        let theirs = turbo.encode(&scene.planes, HD, scene.sampling, *quality, turbo::ACCURATE, &mut out);
        let their_decibel = psnr(&scene, &out[..theirs]);
        let theirs = theirs as f64;
        // Between the two of ours that are next to its size, by the logarithm of the size.
        let next = ours.windows(2).find(|two| two[1].1 >= theirs).unwrap_or(&ours[ours.len() - 2..]);
        let part = (theirs / next[0].1).ln() / (next[1].1 / next[0].1).ln();
        let more = next[0].2 + part * (next[1].2 - next[0].2) - their_decibel;
        println!(
            "| {quality} | {:.1} | {decibel:.2} | {:.1} | {their_decibel:.2} | {more:+.3} |",
            length / 1e3,
            theirs / 1e3
        );
    }
}

fn main() {
    let turbo = Turbo::open();
    println!("Milliseconds of CPU time on one thread, medians of {ROUNDS} in turns.\n");
    encode(turbo.as_ref());
    requantize(turbo.as_ref());
    rotate(turbo.as_ref());
    smaller();
    look();
    if let Some(turbo) = &turbo {
        quality(turbo);
    }
}
