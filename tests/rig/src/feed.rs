//! The frames that a simulated camera sends. They are drawn once on the host, since the guest is too slow for that, and
//! read by the camera and by the cases, which compare what arrives byte for byte.
//!
//! A feed is a folder of JPEGs for each size, `1280x720/00.jpg` and so on; a camera sends them in a loop.

use std::error::Error;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

/// A picture's width and height in pixels.
pub type Size = (u16, u16);

/// The sizes of the feeds, which a simulated camera lists in this order; the first is its default.
pub const SIZES: [Size; 2] = [(1280, 720), (640, 480)];
/// Frames in a feed: a second at 30/s.
const FRAMES: u32 = 30;
/// JPEG quality; gives 50 to 100 KB at 1280x720, like a webcam's frames.
const QUALITY: u8 = 85;

/// The JPEGs of one size.
#[derive(Debug, Clone)]
pub struct Feed(Vec<Vec<u8>>);

impl Feed {
    /// Reads the frames of `size` below `folder`; an error if there are none.
    pub fn load(folder: &Path, size: Size) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let folder = folder_of(folder, size);
        let mut paths: Vec<PathBuf> = fs::read_dir(&folder)
            .map_err(|e| format!("{}: {e}", folder.display()))?
            .map(|entry| entry.map(|e| e.path()))
            .collect::<Result<_, _>>()?;
        paths.sort();
        let frames: Vec<_> = paths.into_iter().map(fs::read).collect::<Result<_, _>>()?;
        if frames.is_empty() { Err("the feed is empty".into()) } else { Ok(Self(frames)) }
    }

    /// Frame `number`, counted from the camera's first frame; the feed repeats.
    pub fn frame(&self, number: usize) -> &[u8] {
        &self.0[number % self.0.len()]
    }

    /// The number in the loop of the frame with these bytes.
    pub fn find(&self, jpeg: &[u8]) -> Option<usize> {
        self.0.iter().position(|frame| frame == jpeg)
    }

    /// Whether a frame of the loop ends with these bytes, which begin at SOS.
    pub fn has_scan(&self, scan: &[u8]) -> bool {
        self.0.iter().any(|frame| frame.ends_with(scan))
    }

    /// Whether these bytes are a torn frame: they begin like a frame of the loop but differ from it.
    pub fn is_torn(&self, jpeg: &[u8]) -> bool {
        // Far behind the headers, which all frames share.
        const BEGINNING: usize = 4096;
        let beginning = &jpeg[..jpeg.len().min(BEGINNING)];
        self.find(jpeg).is_none() && self.0.iter().any(|frame| frame.starts_with(beginning))
    }

    /// The frames without Huffman tables, as many UVC cameras send them.
    pub fn without_huffman_tables(self) -> Self {
        Self(self.0.iter().map(|jpeg| without_huffman_tables(jpeg)).collect())
    }
}

/// Draws all frames in all sizes below `folder`.
pub fn write(folder: &Path) -> Result<(), Box<dyn Error>> {
    for size in SIZES {
        let folder = folder_of(folder, size);
        fs::create_dir_all(&folder)?;
        for number in 0..FRAMES {
            fs::write(folder.join(format!("{number:02}.jpg")), draw(size, number)?)?;
        }
    }
    Ok(())
}

fn folder_of(folder: &Path, (width, height): Size) -> PathBuf {
    folder.join(format!("{width}x{height}"))
}

/// A gradient, moving stripes and grain, with `number` as eight black or white squares at the top left.
fn draw((width, height): Size, number: u32) -> Result<Vec<u8>, Box<dyn Error>> {
    const SQUARE: u32 = 32;
    let mut grain = number.wrapping_add(1);
    let mut pixels = Vec::with_capacity(usize::from(width) * usize::from(height) * 3);
    for y in 0..u32::from(height) {
        for x in 0..u32::from(width) {
            if y < SQUARE && x < 8 * SQUARE {
                let bit = number >> (7 - x / SQUARE) & 1;
                pixels.extend([if bit == 1 { 255 } else { 0 }; 3]);
                continue;
            }
            grain = grain.wrapping_mul(1_664_525).wrapping_add(1_013_904_223); // Numerical Recipes' LCG
            let noise = (grain >> 31) as f32;
            let stripes = (((x + 8 * number) as f32 / 40.0).sin() + (y as f32 / 25.0).cos()) * 40.0;
            let across = 255.0 * x as f32 / f32::from(width);
            let down = 255.0 * y as f32 / f32::from(height);
            for channel in [across, down, 255.0 - across] {
                pixels.push((channel * 0.6 + 60.0 + stripes + 2.0 * noise) as u8); // saturates
            }
        }
    }
    let mut jpeg = Vec::new();
    let mut encoder = Encoder::new(&mut jpeg, QUALITY);
    encoder.set_sampling_factor(SamplingFactor::F_2_1); // 4:2:2, like webcams
    encoder.encode(&pixels, width, height, ColorType::Rgb)?;
    Ok(jpeg)
}

const SOI_LENGTH: usize = 2;
const DHT: u8 = 0xc4;
const SOS: u8 = 0xda;

/// The marker segments from behind SOI up to and including the header of SOS: marker code and range (ITU T.81 B.1.1.4).
pub fn segments(jpeg: &[u8]) -> Vec<(u8, Range<usize>)> {
    let mut found = Vec::new();
    let mut at = SOI_LENGTH;
    while let Some(&[0xff, marker, high, low]) = jpeg.get(at..at + 4) {
        let end = at + 2 + usize::from(u16::from_be_bytes([high, low]));
        found.push((marker, at..end));
        if marker == SOS || end > jpeg.len() {
            break;
        }
        at = end;
    }
    found
}

/// The offset of the SOS segment.
pub fn start_of_scan(jpeg: &[u8]) -> Option<usize> {
    segments(jpeg).into_iter().find(|(marker, _)| *marker == SOS).map(|(_, range)| range.start)
}

/// Each Huffman table with its class and number, in order of these (ITU T.81 B.2.4.2).
pub fn huffman_tables(jpeg: &[u8]) -> Vec<Vec<u8>> {
    const COUNTS: usize = 16;
    let mut tables = Vec::new();
    for (_, range) in segments(jpeg).into_iter().filter(|(marker, _)| *marker == DHT) {
        let mut rest = jpeg.get(range.start + 4..range.end).unwrap_or_default();
        while let Some(counts) = rest.get(1..=COUNTS) {
            let length = 1 + COUNTS + counts.iter().map(|&n| usize::from(n)).sum::<usize>();
            let Some((table, behind)) = rest.split_at_checked(length) else { break };
            tables.push(table.to_vec());
            rest = behind;
        }
    }
    tables.sort();
    tables
}

fn without_huffman_tables(jpeg: &[u8]) -> Vec<u8> {
    let mut stripped = jpeg.to_vec();
    for (_, range) in segments(jpeg).into_iter().rev().filter(|(marker, _)| *marker == DHT) {
        stripped.drain(range);
    }
    stripped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_frames_of_a_feed_are_the_same() {
        let frames: Vec<_> = (0..FRAMES).map(|number| draw((64, 48), number).unwrap()).collect();
        let distinct: std::collections::HashSet<_> = frames.iter().collect();
        assert_eq!(distinct.len(), frames.len());
    }

    #[test]
    fn a_frame_without_its_tables_is_420_bytes_shorter() {
        // jpeg-encoder writes the standard tables (ITU T.81 K.3) as four segments; as one they are 420 bytes.
        let whole = draw((64, 48), 7).unwrap();
        let bare = without_huffman_tables(&whole);
        assert_eq!(whole.len() - bare.len(), 420 + 3 * 4);
        assert_eq!(huffman_tables(&whole).len(), 4);
        assert!(huffman_tables(&bare).is_empty());
    }

    #[test]
    fn a_torn_frame_is_distinguished_from_a_whole_one_and_from_another_picture() {
        let frames: Vec<_> = (0..2).map(|number| draw((64, 48), number).unwrap()).collect();
        let half = frames[1].len() / 2;
        let other = draw((48, 64), 0).unwrap();
        let feed = Feed(frames);
        assert!(feed.is_torn(&feed.0[1][..half]));
        assert!(!feed.is_torn(&feed.0[1]) && !feed.is_torn(&other));
    }

    #[test]
    fn frames_are_as_large_as_a_webcam_sends() {
        let length = draw((1280, 720), 3).unwrap().len();
        assert!((50_000..100_000).contains(&length), "{length} bytes");
    }
}
