//! Baseline JPEG at the level of its DCT coefficients (ITU T.81, 8-bit samples, Huffman coding).
//!
//! Two halves that meet in the block of 8x8 quantized coefficients:
//!
//! - **Pixels to JPEG**: [`pixels::Encoder`] takes rows in the layouts that cameras deliver and makes blocks of them.
//! - **JPEG to JPEG**: [`Coefficients`] takes the blocks out of a JPEG by decoding its Huffman layer only. From them it
//!   makes another JPEG, turned, mirrored ([`Transform`]) or in lower quality ([`Quality`]), without a DCT; or pixels at
//!   1/8 to 8/8 of the size ([`reduce`]).
//!
//! It knows nothing of cameras, threads or files: functions read slices and fill slices. Steady use allocates nothing:
//! buffers are kept from one picture to the next and only grow with the picture.
//!
//! CPU time on one thread of an x86-64 processor with AVX2, as a part of that of the C library libjpeg-turbo 2.1.5 with its
//! SIMD, for a computed picture like a photograph at quality 85 (`cargo bench -p coefficients`; on a busy machine, ratios
//! differ by up to 0.1 from run to run). Encoding is compared with libjpeg-turbo from planes that were taken apart
//! before:
//!
//! | | 1280x720 | ms | 1920x1080 | ms |
//! |---|---|---|---|---|
//! | encode YUYV as 4:2:2 | 0.95 | 2.8 | 0.94 | 6.7 |
//! | encode NV12 as 4:2:0 | 0.94 | 2.1 | 1.01 | 4.9 |
//! | turn by 90 degrees, 4:2:2; `tjTransform` | 0.62 | 3.6 | 0.49 | 8.8 |
//! | the same, 4:2:0 | 0.66 | 2.9 | 0.58 | 8.7 |
//! | quality 85 to 50, 4:2:2; decoding and encoding | 0.54 | 3.0 | | |
//! | the same, 4:2:0 | 0.66 | 3.2 | | |
//! | 640x360, 4:2:2; zune-jpeg and jpeg-encoder | 0.43 | 4.2 | | |
//! | the same, 4:2:0 | 0.42 | 3.5 | | |
//!
//! At the same size in bytes, luma has 0.02 to 0.04 dB more PSNR than libjpeg-turbo's with its exact DCT, at qualities from
//! 50 to 90.
//!
//! | module | what it does |
//! |---|---|
//! | [`marker`] | the markers of a JPEG |
//! | [`segment`] | a walk over marker segments |
//! | `tables` | zigzag order, quantization tables by quality, standard Huffman tables |
//! | [`block`] | a block of quantized coefficients |
//! | [`exif`] | which side of a picture is up |
//! | [`geometry`] | sampling factors; how blocks make up MCUs and a picture |
//! | `huffman` | blocks to bits and bits to blocks |
//! | `head` | the headers of a JPEG: writes them, reads them |
//! | [`pixels`] | rows of pixels to blocks: colour conversion, DCT, quantization |
//! | [`transform`] | the eight ways to turn and mirror a picture |
//! | [`picture`] | all blocks of a picture: from a JPEG, to a JPEG, to pixels |
//! | [`reduce`] | blocks to pixels at a part of the size |
//! | `round` | floats to integers, alike on every processor |
//! | `scale` | planes of samples at a smaller size |
//! | [`dc`] | the mean of each block, for a look at what changed |

pub mod block;
pub mod dc;
pub mod exif;
pub mod geometry;
mod head;
mod huffman;
pub mod marker;
pub mod picture;
pub mod pixels;
pub mod reduce;
mod round;
mod scale;
pub mod segment;
mod tables;
pub mod transform;

pub use geometry::Sampling;
pub use picture::{Coefficients, DecodeError};
pub use tables::{Quality, STANDARD_TABLES};
pub use transform::Transform;

/// The output slice is too small for the JPEG. Its contents are of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge {
    /// The length of the output slice in bytes.
    pub capacity: usize,
}

impl std::fmt::Display for TooLarge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the JPEG does not fit into {} bytes", self.capacity)
    }
}

impl std::error::Error for TooLarge {}
