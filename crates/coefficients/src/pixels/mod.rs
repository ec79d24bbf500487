//! Rows of pixels to JPEG: colour conversion, DCT, quantization, Huffman coding.

mod dct;
mod strip;
mod units;

use std::ops::Range;

use crate::block::{Block, SIDE};
use crate::geometry::Component;
use crate::head::write::{self, Application, Head};
use crate::huffman::encode::{Tables, Writer};
use crate::{Quality, Sampling, TooLarge, Transform};
use dct::Factors;
use strip::{Cut, Strip};

/// How the samples of a picture lie in memory. Each plane has rows with a stride of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// Luma only, one plane.
    Grey,
    /// Planes of luma, Cb and Cr, in this sampling (not [`Sampling::Grey`]). YV12 is this with its planes exchanged.
    Planar(Sampling),
    /// 4:2:0: a plane of luma, one of Cb Cr pairs.
    Nv12,
    /// 4:2:0: a plane of luma, one of Cr Cb pairs.
    Nv21,
    /// 4:2:2: a plane of luma, one of Cb Cr pairs.
    Nv16,
    /// 4:2:2: a plane of luma, one of Cr Cb pairs.
    Nv61,
    /// 4:4:4: a plane of luma, one of Cb Cr pairs.
    Nv24,
    /// 4:2:2, one plane of Y0 Cb Y1 Cr.
    Yuyv,
    /// 4:2:2, one plane of Cb Y0 Cr Y1.
    Uyvy,
    /// 4:2:2, one plane of Y0 Cr Y1 Cb.
    Yvyu,
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
    /// 16 bits a pixel, little endian: 5 of red (the highest), 6 of green, 5 of blue.
    Rgb565,
}

impl Layout {
    /// All of them.
    pub const ALL: [Layout; 16] = [
        Layout::Grey,
        Layout::Planar(Sampling::Full),
        Layout::Planar(Sampling::Across),
        Layout::Planar(Sampling::Down),
        Layout::Planar(Sampling::Both),
        Layout::Nv12,
        Layout::Nv21,
        Layout::Nv16,
        Layout::Nv61,
        Layout::Nv24,
        Layout::Yuyv,
        Layout::Uyvy,
        Layout::Yvyu,
        Layout::Rgb,
        Layout::Bgr,
        Layout::Rgb565,
    ];

    /// A plane for each component.
    pub const fn of_planes(sampling: Sampling) -> Self {
        match sampling {
            Sampling::Grey => Layout::Grey,
            sampling => Layout::Planar(sampling),
        }
    }

    /// The sampling of the samples themselves.
    pub const fn sampling(self) -> Sampling {
        match self {
            Layout::Grey => Sampling::Grey,
            Layout::Planar(sampling) => sampling,
            Layout::Nv12 | Layout::Nv21 => Sampling::Both,
            Layout::Nv16 | Layout::Nv61 | Layout::Yuyv | Layout::Uyvy | Layout::Yvyu => Sampling::Across,
            Layout::Nv24 | Layout::Rgb | Layout::Bgr | Layout::Rgb565 => Sampling::Full,
        }
    }
}

/// A plane of samples.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plane<'a> {
    /// From the first row to the end of the last; the last row need not be padded.
    pub bytes: &'a [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
}

/// Pixels to be encoded.
#[derive(Debug, Clone, Copy)]
pub struct Pixels<'a> {
    /// Pixels in a row, 1 to 65535.
    pub width: u32,
    /// Rows, 1 to 65535.
    pub height: u32,
    /// How the samples lie in `planes`.
    pub layout: Layout,
    /// Those that the layout lacks are empty. With an odd width or height, chroma is rounded up.
    pub planes: [Plane<'a>; 3],
    /// Whether samples have the limited range (luma and RGB 16 to 235, chroma 16 to 240) and are to be widened.
    pub limited: bool,
}

/// How to encode a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// JPEG quality.
    pub quality: Quality,
    /// The sampling of the pixels as they lie, the same as [`Layout::sampling`] or coarser. Chroma that the layout lacks
    /// is not made up: its samples have any values. The JPEG has the same sampling, or [`Sampling::transposed`] if
    /// `transform` says so.
    pub sampling: Sampling,
    /// How the picture is turned and mirrored.
    pub transform: Transform,
}

/// Encodes pictures; keeps its memory from one to the next.
#[derive(Debug, Default)]
pub struct Encoder {
    strip: Strip,
    /// For the last quality.
    factors: Option<(Quality, [Factors; 2])>,
}

impl Settings {
    /// How strips are cut: the picture is mirrored before its rows become columns.
    fn cut(&self, pixels: &Pixels<'_>) -> Cut {
        let Transform { transpose, mirror_across, mirror_down } = self.transform;
        let (mcu_width, mcu_height) = self.sampling.mcu();
        let (across, down) = (pixels.width.div_ceil(mcu_width), pixels.height.div_ceil(mcu_height));
        Cut {
            sampling: self.sampling,
            mirror_across: if transpose { mirror_down } else { mirror_across },
            mirror_down: if transpose { mirror_across } else { mirror_down },
            columns: transpose,
            mcus: if transpose { down } else { across } as usize,
            lines: if transpose { across } else { down } as usize,
        }
    }

    /// The sampling of the JPEG.
    pub const fn jpeg_sampling(&self) -> Sampling {
        if self.transform.transpose { self.sampling.transposed() } else { self.sampling }
    }

    /// MCUs in a row of the JPEG, and rows of MCUs.
    pub fn mcus(&self, pixels: &Pixels<'_>) -> (u32, u32) {
        let (width, height) = self.transform.size((pixels.width, pixels.height));
        let (mcu_width, mcu_height) = self.jpeg_sampling().mcu();
        (width.div_ceil(mcu_width), height.div_ceil(mcu_height))
    }
}

impl Encoder {
    /// Encodes a whole picture into the beginning of `out`, and returns the JPEG's length in bytes. Samples behind the end
    /// of a plane that is too short have any values.
    ///
    /// # Panics
    /// May panic if the picture has no pixels.
    ///
    /// # Errors
    /// `out` is too small.
    pub fn encode(
        &mut self,
        pixels: &Pixels<'_>,
        settings: Settings,
        out: &mut [u8],
    ) -> Result<usize, TooLarge> {
        let (_, rows) = settings.mcus(pixels);
        let head = |out: &mut [u8]| Self::write_head(pixels, settings, 0, out);
        write::whole(out, head, |out| self.encode_band(pixels, settings, 0..rows, out))
    }

    /// Encodes some rows of MCUs of the JPEG, without headers and markers, for bands that are joined by restart markers.
    /// Returns the length in bytes.
    ///
    /// # Panics
    /// May panic if the picture has no pixels, or `mcu_rows` has more rows than [`Settings::mcus`].
    ///
    /// # Errors
    /// `out` is too small.
    pub fn encode_band(
        &mut self,
        pixels: &Pixels<'_>,
        settings: Settings,
        mcu_rows: Range<u32>,
        out: &mut [u8],
    ) -> Result<usize, TooLarge> {
        if self.factors.as_ref().is_none_or(|(quality, _)| *quality != settings.quality) {
            self.factors = Some((settings.quality, settings.quality.tables().each_ref().map(dct::factors)));
        }
        let Some((_, factors)) = &self.factors else { return Ok(0) }; // set above
        let band = Band { pixels, settings, cut: settings.cut(pixels), rows: mcu_rows, factors };
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("lzcnt")
        {
            // SAFETY: this processor has what the function was compiled for.
            return unsafe { with_avx2(&band, &mut self.strip, out) };
        }
        #[cfg(target_arch = "aarch64")]
        // SAFETY: every processor of this architecture has NEON.
        return unsafe { with_neon(&band, &mut self.strip, out) };
        #[cfg(not(target_arch = "aarch64"))]
        portable(&band, &mut self.strip, out)
    }

    /// Writes everything up to the coded data of the first band into the beginning of `out`, and returns its length. A
    /// restart interval of 0 MCUs means none.
    ///
    /// # Errors
    /// `out` is too small.
    pub fn write_head(
        pixels: &Pixels<'_>,
        settings: Settings,
        restart_interval: u16,
        out: &mut [u8],
    ) -> Result<usize, TooLarge> {
        let (width, height) = settings.transform.size((pixels.width, pixels.height));
        let sampling = settings.jpeg_sampling();
        let (across, down) = sampling.factors();
        let chroma = |id| Component { id, across: 1, down: 1, quantization: 1, tables: Tables::Chrominance };
        let luma = Component {
            id: 1,
            across: across as u8,
            down: down as u8,
            quantization: 0,
            tables: Tables::Luminance,
        };
        let count = sampling.components();
        let quantization = settings.quality.tables();
        let head = Head {
            size: (width as u16, height as u16),
            applications: &[Application::Jfif],
            quantization: &quantization[..count.min(2)],
            components: &[luma, chroma(2), chroma(3)][..count],
            restart_interval,
        };
        head.write(out)
    }
}

/// Rows of MCUs that are encoded.
struct Band<'a> {
    pixels: &'a Pixels<'a>,
    settings: Settings,
    cut: Cut,
    rows: Range<u32>,
    factors: &'a [Factors; 2],
}

/// Makes a function that encodes a band, for one kind of processor.
macro_rules! encode_band {
    ($(#[$attribute:meta])* $name:ident, $($block:ident)::+) => {
        $(#[$attribute])*
        fn $name(band: &Band<'_>, strip: &mut Strip, out: &mut [u8]) -> Result<usize, TooLarge> {
            let Band { pixels, settings, cut, rows, factors } = band;
            let (across, down) = cut.sampling.factors();
            let mut writer = Writer::new(out);
            let (mut block, mut last_dc) = (Block::ZERO, [0; 3]);
            for row in rows.clone() {
                let before = strip.fill(pixels, *cut, row as usize, row == rows.start);
                for mcu in 0..cut.mcus {
                    for (component, last_dc) in last_dc.iter_mut().enumerate().take(cut.sampling.components()) {
                        let (plane, stride) = strip.plane(component);
                        let is_luma = component == 0;
                        let (across, down) = if is_luma { (across as usize, down as usize) } else { (1, 1) };
                        let (tables, factors) = if is_luma {
                            (Tables::Luminance, &factors[0])
                        } else {
                            (Tables::Chrominance, &factors[1])
                        };
                        for n in 0..across * down {
                            if settings.transform.transpose {
                                // The strip is a column, and the MCU's blocks lie the other way.
                                let (x, y) = (before * across + n / down, mcu * down + n % down);
                                let samples = &plane[y * SIDE * stride + x * SIDE..];
                                $($block)::+::<true>(samples, stride, factors, &mut block);
                            } else {
                                let (x, y) = (mcu * across + n % across, n / across);
                                let samples = &plane[y * SIDE * stride + x * SIDE..];
                                $($block)::+::<false>(samples, stride, factors, &mut block);
                            }
                            writer.block(&block, tables, last_dc)?;
                        }
                    }
                }
            }
            writer.finish()
        }
    };
}

#[cfg(not(target_arch = "aarch64"))]
encode_band!(portable, dct::portable);

#[cfg(target_arch = "aarch64")]
encode_band!(
    #[target_feature(enable = "neon")]
    with_neon,
    dct::neon::block
);

#[cfg(target_arch = "x86_64")]
encode_band!(
    #[target_feature(enable = "avx2,bmi1,lzcnt")]
    with_avx2,
    dct::avx2::block
);
