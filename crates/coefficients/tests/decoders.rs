//! All decoders agree on what our JPEGs show: pictures of any size, layout, quality and turn, in one band or several, encoded
//! from pixels and recoded from coefficients.
//!
//! The samples that [`Reducer`] makes at full size are compared with those of ffmpeg, sample by sample; with zune-jpeg's,
//! which smooths chroma; and with the colours that djpeg (libjpeg-turbo) shows. None of them may complain.

mod common;

use std::process::Output;

use coefficients::pixels::{Encoder, Layout, Pixels, Plane, Settings};
use coefficients::reduce::Reducer;
use coefficients::{Quality, Sampling, Transform};
use common::decoded;
use common::layouts::laid_out;
use common::programs::run;
use proptest::prelude::*;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Inverse DCTs round differently, some to integers in the middle; that of zune-jpeg more.
const ROUNDING: i32 = 2;
const ROUNDING_OF_ZUNE: i32 = 6;

/// A picture, and what is done with it.
#[derive(Debug, Clone)]
struct Case {
    layout: Layout,
    settings: Settings,
    size: (u32, u32),
    limited: bool,
    /// Rows of MCUs in a band.
    band: u32,
    /// What the picture shows.
    waves: [f64; 3],
    /// How it is recoded.
    again: (Transform, Option<Quality>),
}

/// Samplings of the JPEG that a layout can be encoded in.
fn samplings(layout: Layout) -> Vec<Sampling> {
    let own = layout.sampling();
    match layout {
        Layout::Yuyv | Layout::Uyvy | Layout::Yvyu | Layout::Planar(Sampling::Across) => {
            vec![own, Sampling::Both]
        }
        Layout::Rgb | Layout::Bgr | Layout::Rgb565 | Layout::Planar(Sampling::Full) => {
            vec![own, Sampling::Across, Sampling::Down, Sampling::Both]
        }
        _ => vec![own],
    }
}

fn case(layout: Layout) -> impl Strategy<Value = Case> {
    let side = || prop_oneof![1..=17u32, 1..=80u32];
    let quality = || (1..=100u8).prop_map(Quality::new);
    let transform = || prop::sample::select(&Transform::ALL[..]);
    let settings = (quality(), prop::sample::select(samplings(layout)), transform())
        .prop_map(|(quality, sampling, transform)| Settings { quality, sampling, transform });
    let again = (transform(), prop::option::of(quality()));
    let waves = prop::array::uniform3(0.0..9.0);
    (settings, (side(), side()), any::<bool>(), 1..=4u32, waves, again).prop_map(
        move |(settings, size, limited, band, waves, again)| Case {
            layout,
            settings,
            size,
            limited,
            band,
            waves,
            again,
        },
    )
}

impl Case {
    fn scene(&self, x: f64, y: f64) -> [f64; 3] {
        self.waves.map(|wave| 125.0 + 90.0 * (x * wave + 1.0).sin() * (y * (9.0 - wave)).cos())
    }

    /// Encoded from pixels, in bands that restart markers join (ITU T.81 B.2.1).
    fn encode(&self) -> Vec<u8> {
        let planes = laid_out(self.layout, self.size, |x, y| self.scene(x, y));
        let planes = planes.each_ref().map(|(bytes, stride)| Plane { bytes, stride: *stride });
        let ((width, height), settings) = (self.size, self.settings);
        let pixels = Pixels { width, height, layout: self.layout, planes, limited: self.limited };
        let (mcus, rows) = settings.mcus(&pixels);
        let interval = if self.band < rows { (mcus * self.band) as u16 } else { 0 };
        let mut jpeg = vec![0; 1 << 16];
        let mut at = Encoder::write_head(&pixels, settings, interval, &mut jpeg).expect("room");
        let mut encoder = Encoder::default();
        for (number, first) in (0..rows).step_by(self.band as usize).enumerate() {
            if number > 0 {
                jpeg[at..at + 2].copy_from_slice(&[0xff, 0xd0 + (number as u8 - 1) % 8]);
                at += 2;
            }
            let band = first..rows.min(first + self.band);
            at += encoder.encode_band(&pixels, settings, band, &mut jpeg[at..]).expect("room");
        }
        jpeg.truncate(at);
        jpeg.extend([0xff, 0xd9]);
        jpeg
    }

    fn recode(&self, jpeg: &[u8]) -> Vec<u8> {
        let mut out = vec![0; 1 << 16];
        let length = decoded(jpeg).encode(self.again.0, self.again.1, &mut out).expect("room");
        out.truncate(length);
        out
    }
}

/// The samples of a JPEG, as ours makes them.
struct Samples {
    /// Where the JPEG is from.
    name: String,
    sampling: Sampling,
    size: (u32, u32),
    /// Without anything behind the rows.
    planes: Vec<Vec<u8>>,
}

impl Samples {
    fn of(jpeg: &[u8], name: String) -> Self {
        let mut reducer = Reducer::default();
        let coefficients = decoded(jpeg);
        let pixels = reducer.reduce(&coefficients, 8).expect("grey or Y'CbCr");
        let mut samples = Samples {
            name,
            sampling: pixels.layout.sampling(),
            size: (pixels.width, pixels.height),
            planes: Vec::new(),
        };
        for n in 0..samples.sampling.components() {
            let (width, height) = samples.size_of(n);
            let Plane { bytes, stride } = pixels.planes[n];
            let rows = bytes.chunks(stride).take(height as usize);
            samples.planes.push(rows.flat_map(|row| row[..width as usize].to_vec()).collect());
        }
        samples
    }

    fn factors(&self, component: usize) -> (u32, u32) {
        if component == 0 { (1, 1) } else { self.sampling.factors() }
    }

    fn size_of(&self, component: usize) -> (u32, u32) {
        let (across, down) = self.factors(component);
        (self.size.0.div_ceil(across), self.size.1.div_ceil(down))
    }

    /// The sample that pixel (x, y) has, or those near it.
    fn at(&self, component: usize, (x, y): (u32, u32)) -> i32 {
        let ((across, down), (width, height)) = (self.factors(component), self.size_of(component));
        let (x, y) = ((x / across).min(width - 1), (y / down).min(height - 1));
        self.planes[component][(y * width + x) as usize].into()
    }

    /// The smallest and the largest of the samples around the one that pixel (x, y) has: smoothing stays between them.
    /// `None` at edges where it takes what only fills the block.
    fn around(&self, component: usize, (x, y): (u32, u32)) -> Option<(i32, i32)> {
        let ((across, down), (width, height)) = (self.factors(component), self.size_of(component));
        if across > 1 && x / across + 1 == width || down > 1 && y / down + 1 == height {
            return None;
        }
        let near = |n: u32, factor: u32| match factor {
            1 => [n; 3],
            _ => [n.saturating_sub(factor), n, n + factor],
        };
        let samples =
            near(y, down).into_iter().flat_map(|y| near(x, across).map(|x| self.at(component, (x, y))));
        samples.clone().min().zip(samples.max())
    }

    fn pixels(&self) -> impl Iterator<Item = (u32, u32)> + use<> {
        let (width, height) = self.size;
        (0..height).flat_map(move |y| (0..width).map(move |x| (x, y)))
    }

    fn compare_with_zune(&self, jpeg: &[u8]) {
        let components = self.planes.len();
        let colour = if components == 1 { ColorSpace::Luma } else { ColorSpace::YCbCr };
        let options = DecoderOptions::default().set_strict_mode(true).jpeg_set_out_colorspace(colour);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(jpeg), options);
        let found = decoder.decode().expect("zune-jpeg takes it");
        let size = decoder.dimensions().expect("decoded");
        assert_eq!((size.0 as u32, size.1 as u32), self.size, "zune-jpeg");
        for (pixel, place) in found.chunks(components).zip(self.pixels()) {
            for (component, &found) in pixel.iter().enumerate() {
                let Some((least, most)) = self.around(component, place) else { continue };
                let allowed = least - ROUNDING_OF_ZUNE..=most + ROUNDING_OF_ZUNE;
                assert!(
                    allowed.contains(&found.into()),
                    "zune-jpeg, component {component} at {place:?}: {found} is not in {allowed:?}: {}",
                    self.name
                );
            }
        }
    }

    /// With what djpeg made without smoothing chroma. A unit more of Cb is 1.772 units of blue (JFIF 1.02).
    fn compare_with_djpeg(&self, jpeg: &[u8]) -> bool {
        let Some(output) = run("djpeg", "libjpeg-turbo-progs", &["-pnm", "-dct", "int", "-nosmooth"], jpeg)
        else {
            return false;
        };
        complains_of_nothing(&self.name, &output);
        let (kind, components) = if self.planes.len() == 1 { ("P5", 1) } else { ("P6", 3) };
        let head = format!("{kind}\n{} {}\n255\n", self.size.0, self.size.1);
        let found = output.stdout.strip_prefix(head.as_bytes()).expect("a picture of this size from djpeg");
        assert_eq!(found.len(), (self.size.0 * self.size.1) as usize * components, "djpeg");
        for (pixel, place) in found.chunks(components).zip(self.pixels()) {
            let wanted = if components == 1 {
                vec![self.at(0, place).into()]
            } else {
                let [y, cb, cr] = [0, 1, 2].map(|component| f64::from(self.at(component, place)));
                let (cb, cr) = (cb - 128.0, cr - 128.0);
                vec![y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb]
            };
            for (found, wanted) in pixel.iter().zip(wanted) {
                let off = (f64::from(*found) - wanted.clamp(0.0, 255.0)).abs();
                assert!(
                    off <= f64::from(2 * ROUNDING),
                    "djpeg at {place:?}: {found} and not {wanted}: {}",
                    self.name
                );
            }
        }
        true
    }

    fn compare_with_ffmpeg(&self, frame: &[u8]) {
        let planes = self.planes.concat();
        assert_eq!(frame.len(), planes.len());
        for (n, (found, wanted)) in frame.iter().zip(&planes).enumerate() {
            let off = (i32::from(*found) - i32::from(*wanted)).abs();
            assert!(off <= ROUNDING, "ffmpeg, sample {n}: {found} and not {wanted}: {}", self.name);
        }
    }
}

fn complains_of_nothing(program: &str, output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    // What ffmpeg says of some pictures of few columns, of those by cjpeg too (djpeg would notice it as well); and of the
    // samples that it writes.
    let is_no_matter =
        |line: &&str| line.ends_with("EOI missing, emulating") || line.contains("bitrate parameter");
    let complaints: Vec<&str> = said.lines().filter(|line| !is_no_matter(line)).collect();
    assert!(output.status.success() && complaints.is_empty(), "{program}: {complaints:?}");
}

/// Compares JPEGs with ffmpeg, those of each sampling in one go: it gives all samples as they are, one picture after the
/// other.
fn compare_with_ffmpeg(all: &[(Vec<u8>, Samples)]) {
    for sampling in Sampling::ALL {
        let alike = || all.iter().filter(|(_, samples)| samples.sampling == sampling);
        let part = |jpeg: &[u8]| {
            let head =
                format!("--next\r\nContent-type: image/jpeg\r\nContent-length: {}\r\n\r\n", jpeg.len());
            [head.as_bytes(), jpeg, b"\r\n"].concat()
        };
        let jpegs: Vec<u8> = alike().flat_map(|(jpeg, _)| part(jpeg)).collect();
        if jpegs.is_empty() {
            continue;
        }
        let options = "-v warning -f mpjpeg -i - -fps_mode passthrough -autoscale 0 -f rawvideo -";
        let options: Vec<&str> = options.split(' ').collect();
        let Some(output) = run("ffmpeg", "ffmpeg", &options, &jpegs) else { return };
        complains_of_nothing("ffmpeg", &output);
        let mut rest = output.stdout.as_slice();
        for (_, samples) in alike() {
            let length = samples.planes.iter().map(Vec::len).sum();
            let (frame, next) =
                rest.split_at_checked(length).expect("as many pictures from ffmpeg as it was given");
            samples.compare_with_ffmpeg(frame);
            rest = next;
        }
        assert!(rest.is_empty(), "more from ffmpeg than it was given");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn every_decoder_shows_the_same_picture_and_complains_of_nothing(
        cases in Vec::from(Layout::ALL.map(case))
    ) {
        let mut all = Vec::new();
        let mut has_djpeg = true;
        for case in cases {
            let jpeg = case.encode();
            let recoded = case.recode(&jpeg);
            for (jpeg, how) in [(jpeg, "encoded"), (recoded, "recoded")] {
                let samples = Samples::of(&jpeg, format!("{how}, {case:?}"));
                has_djpeg = has_djpeg && samples.compare_with_djpeg(&jpeg);
                all.push((jpeg, samples));
            }
        }
        compare_with_ffmpeg(&all);
        for (jpeg, samples) in &all {
            samples.compare_with_zune(jpeg);
        }
    }
}
