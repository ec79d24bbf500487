//! Copies a picture into a device's buffer, with the device's strides, in the full range that JPEG has.
//!
//! JFIF knows only the full range, and hardware encoders code samples as they are. Cameras mostly deliver the limited one.

use crate::picture::{Layout, Picture, Plane, Range, Raw, Size};

/// A V4L2 code of pictures that go into a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Code {
    /// The code.
    pub(super) code: [u8; 4],
    /// Whether each plane has a buffer of its own.
    pub(super) is_split: bool,
}

/// The codes under which a device may take this layout, best first.
pub(super) fn codes(raw: Raw) -> impl Iterator<Item = Code> {
    // NM12, NM21, NM16, NM61, YM12, YM21, YM16, YM24: those of "non-contiguous planes" in linux/videodev2.h.
    Layout::Raw(raw).codes().iter().map(|code| Code { code: **code, is_split: code[1] == b'M' })
}

/// Where a plane of the picture goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Which of the device's buffers.
    pub(super) buffer: usize,
    /// Where in it, in bytes.
    pub(super) offset: usize,
    /// Bytes from one row to the next.
    pub(super) stride: usize,
    /// Rows that the device reads.
    pub(super) rows: usize,
    /// Bytes of a row that the device reads.
    pub(super) row: usize,
}

/// The places of a picture's planes in buffers with these strides, for pictures of `coded` size, which has room for them.
/// `None` if the strides are too small.
pub(super) fn places(
    raw: Raw,
    code: Code,
    coded: Size,
    strides: &[u32],
) -> Option<[Option<Place>; Raw::MAX_PLANES]> {
    let first = *strides.first()?;
    let planes = raw.planes(coded, first);
    let mut places = [None; Raw::MAX_PLANES];
    let mut offset = 0u64;
    for (n, (plane, place)) in
        planes.iter().zip(&mut places).enumerate().filter(|(_, (plane, _))| plane.rows > 0)
    {
        let stride = if code.is_split { (*strides.get(n)?).into() } else { plane.stride };
        if stride < plane.row {
            return None;
        }
        *place = Some(Place {
            buffer: if code.is_split { n } else { 0 },
            offset: usize::try_from(if code.is_split { 0 } else { offset }).ok()?,
            stride: usize::try_from(stride).ok()?,
            rows: usize::try_from(plane.rows).ok()?,
            row: usize::try_from(plane.row).ok()?,
        });
        offset = offset.checked_add(plane.stride.checked_mul(plane.rows)?)?;
    }
    Some(places)
}

impl Place {
    /// The first byte behind the plane.
    pub(super) fn end(&self) -> usize {
        let last = self.rows.saturating_sub(1);
        self.offset.saturating_add(self.stride.saturating_mul(last)).saturating_add(self.row)
    }
}

/// What the bytes of a plane are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Samples {
    /// Luma, red, green or blue.
    Luma,
    Chroma,
    /// Luma and chroma by turns.
    LumaFirst,
    ChromaFirst,
    /// Several in one byte; they stay as they are.
    Other,
}

/// What a plane holds, and after how many bytes its pattern begins again.
fn samples(raw: Raw, plane: usize) -> (Samples, usize) {
    match (raw, plane) {
        (Raw::Yuyv | Raw::Yvyu, _) => (Samples::LumaFirst, 4),
        (Raw::Uyvy, _) => (Samples::ChromaFirst, 4),
        (Raw::Rgb24 | Raw::Bgr24, _) => (Samples::Luma, 3),
        (Raw::Rgb565, _) => (Samples::Other, 2),
        (_, 0) => (Samples::Luma, 1),
        (Raw::Grey | Raw::Yu12 | Raw::Yv12 | Raw::Yuv422p | Raw::Yuv444p, _) => (Samples::Chroma, 1),
        (Raw::Nv12 | Raw::Nv21 | Raw::Nv16 | Raw::Nv61 | Raw::Nv24, _) => (Samples::Chroma, 2),
    }
}

/// Whether a device reads the picture right where it is, in memory of `len` bytes: nothing is to be changed, and its rows
/// are where the device has them.
pub(super) fn is_readable(
    picture: &Picture<'_>,
    places: &[Option<Place>; Raw::MAX_PLANES],
    used: &[u32],
    len: usize,
) -> bool {
    let stride = u32::try_from(picture.plane(0).1).unwrap_or(u32::MAX);
    let shapes = picture.raw().planes(picture.size(), stride);
    let mut offset = 0;
    let mut is_at = |(n, place): (usize, &Option<Place>)| {
        let (shape, Some(place)) = (&shapes[n], place) else { return shapes[n].rows == 0 };
        let here = Place {
            buffer: 0,
            offset,
            stride: picture.plane(n).1,
            rows: shape.rows as usize,
            row: shape.row as usize,
        };
        offset += here.stride * here.rows;
        let is_kept = picture.range() == Range::Full || samples(picture.raw(), n).0 == Samples::Other;
        *place == here && is_kept
    };
    let has_room = matches!(used, [used] if *used as usize <= len);
    has_room && places.iter().enumerate().all(&mut is_at)
}

/// Copies a plane of the picture to its place, which is in bounds of `buffer`. What the device reads beyond the picture,
/// where its coded size is larger, repeats the edge: anything else would show in the last blocks.
pub(super) fn fill(picture: &Picture<'_>, plane: usize, place: &Place, buffer: &mut [u8]) {
    let (samples, unit) = samples(picture.raw(), plane);
    let samples = if picture.range() == Range::Limited { samples } else { Samples::Other };
    let (bytes, stride) = picture.plane(plane);
    let shape: Plane = picture.raw().planes(picture.size(), 0)[plane];
    let (row, rows) = (shape.row as usize, shape.rows as usize); // of a picture that is in memory
    for y in 0..rows {
        let (Some(from), Some(to)) = (bytes.get(y * stride..y * stride + row), row_of(place, y, buffer))
        else {
            return;
        };
        let (to, edge) = to.split_at_mut(row.min(to.len()));
        convert(samples, from, to);
        if let Some(last) = to.len().checked_sub(unit).and_then(|at| to.get(at..)) {
            edge.chunks_mut(unit).for_each(|edge| edge.copy_from_slice(&last[..edge.len()]));
        }
    }
    let begin = place.offset + rows.saturating_sub(1) * place.stride;
    for y in rows..place.rows {
        buffer.copy_within(begin..begin + place.row, place.offset + y * place.stride);
    }
}

fn row_of<'a>(place: &Place, y: usize, buffer: &'a mut [u8]) -> Option<&'a mut [u8]> {
    let begin = place.offset + y * place.stride;
    buffer.get_mut(begin..begin + place.row)
}

/// Loops that the compiler makes vectors of.
fn convert(samples: Samples, from: &[u8], to: &mut [u8]) {
    let each = |to: &mut [u8], widen: fn(u8) -> u8| {
        to.iter_mut().zip(from).for_each(|(to, from)| *to = widen(*from));
    };
    let pairs = |to: &mut [u8], first: fn(u8) -> u8, second: fn(u8) -> u8| {
        for (to, from) in to.chunks_exact_mut(2).zip(from.chunks_exact(2)) {
            (to[0], to[1]) = (first(from[0]), second(from[1]));
        }
    };
    match samples {
        Samples::Other => to.copy_from_slice(&from[..to.len()]),
        Samples::Luma => each(to, luma),
        Samples::Chroma => each(to, chroma),
        Samples::LumaFirst => pairs(to, luma, chroma),
        Samples::ChromaFirst => pairs(to, chroma, luma),
    }
}

/// 16 to 235 becomes 0 to 255 (ITU-R BT.601 section 2.5.3, JFIF 1.02).
#[inline(always)]
fn luma(sample: u8) -> u8 {
    widen(i32::from(sample) - 16, 219, 0)
}

/// 16 to 240 becomes 0 to 255, around 128.
#[inline(always)]
fn chroma(sample: u8) -> u8 {
    widen(i32::from(sample) - 128, 224, 128)
}

#[inline(always)]
fn widen(sample: i32, range: i32, zero: i32) -> u8 {
    const BITS: i32 = 16;
    let factor = ((255 << BITS) + range / 2) / range;
    let wide = ((sample * factor + (1 << (BITS - 1))) >> BITS) + zero;
    wide.clamp(0, 255) as u8 // in bounds
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(bytes: &[u8], raw: Raw, size: Size, range: Range) -> Picture<'_> {
        Picture::new(bytes, raw, size, raw.row_len(size.width), range).unwrap()
    }

    fn filled(picture: &Picture<'_>, coded: Size, strides: &[u32], code: Code) -> Vec<Vec<u8>> {
        let mut buffers = vec![vec![0xee; 4096]; if code.is_split { 3 } else { 1 }];
        let places = places(picture.raw(), code, coded, strides).unwrap();
        for (n, place) in places.iter().enumerate() {
            if let Some(place) = place {
                assert!(place.end() <= 4096);
                fill(picture, n, place, &mut buffers[place.buffer]);
            }
        }
        buffers
    }

    #[test]
    fn a_picture_of_a_camera_is_as_bright_in_a_jpeg_of_hardware_as_in_one_of_software() {
        assert_eq!([0, 16, 126, 235, 255].map(luma), [0, 0, 128, 255, 255]);
        assert_eq!([0, 16, 128, 240, 255].map(chroma), [0, 0, 128, 255, 255]);
        assert_eq!([72, 184].map(chroma), [64, 192], "half of the colour stays half of it");
        let size = Size { width: 2, height: 1 };
        let code = codes(Raw::Yuyv).next().unwrap();
        let bytes = [235, 16, 16, 240];
        assert_eq!(
            filled(&picture(&bytes, Raw::Yuyv, size, Range::Limited), size, &[4], code)[0][..4],
            [255, 0, 0, 255]
        );
        assert_eq!(filled(&picture(&bytes, Raw::Yuyv, size, Range::Full), size, &[4], code)[0][..4], bytes);
        let (rgb, one) = (codes(Raw::Rgb24).next().unwrap(), Size { width: 1, height: 1 });
        let limited = picture(&[16, 126, 235], Raw::Rgb24, one, Range::Limited);
        assert_eq!(filled(&limited, one, &[3], rgb)[0][..3], [0, 128, 255]);
        let code = codes(Raw::Uyvy).next().unwrap();
        let bytes = [16, 235, 240, 16];
        assert_eq!(
            filled(&picture(&bytes, Raw::Uyvy, size, Range::Limited), size, &[4], code)[0][..4],
            [0, 255, 255, 0]
        );
    }

    #[test]
    fn rows_go_where_the_device_has_them_and_edges_are_repeated() {
        let bytes: Vec<u8> = (1..=9).chain([50, 60, 51, 61, 52, 62, 53, 63]).collect();
        let (size, coded) = (Size { width: 3, height: 3 }, Size { width: 4, height: 4 });
        let picture = picture(&bytes, Raw::Nv12, size, Range::Full);
        let whole = codes(Raw::Nv12).next().unwrap();
        assert_eq!(whole, Code { code: *b"NV12", is_split: false });
        let got = filled(&picture, coded, &[8], whole);
        assert_eq!(got[0][..4], [1, 2, 3, 3]);
        assert_eq!(got[0][4..8], [0xee; 4], "behind a row");
        assert_eq!(got[0][16..20], [7, 8, 9, 9]);
        assert_eq!(got[0][24..28], [7, 8, 9, 9], "a row below the picture");
        assert_eq!(got[0][32..36], [50, 60, 51, 61]);
        assert_eq!(got[0][40..44], [52, 62, 53, 63]);

        let split = codes(Raw::Nv12).nth(1).unwrap();
        assert_eq!(split, Code { code: *b"NM12", is_split: true });
        let got = filled(&picture, coded, &[8, 16], split);
        assert_eq!(got[0][24..28], [7, 8, 9, 9]);
        assert_eq!(got[1][..4], [50, 60, 51, 61]);
        assert_eq!(got[1][16..20], [52, 62, 53, 63]);
    }

    #[test]
    fn a_device_reads_a_picture_in_place_only_if_nothing_about_it_has_to_be_changed() {
        let (size, bytes) = (Size { width: 16, height: 4 }, vec![7; 4096]);
        let read = |stride, range, coded: Size, strides: &[u32], code, used: &[u32], len| {
            let picture = Picture::new(&bytes, Raw::Nv12, size, stride, range).unwrap();
            is_readable(&picture, &places(Raw::Nv12, code, coded, strides).unwrap(), used, len)
        };
        let whole = codes(Raw::Nv12).next().unwrap();
        assert!(read(16, Range::Full, size, &[16], whole, &[96], 96));
        assert!(read(32, Range::Full, size, &[32], whole, &[192], 4096));
        assert!(!read(16, Range::Limited, size, &[16], whole, &[96], 96), "JPEG has the full range");
        assert!(!read(16, Range::Full, size, &[32], whole, &[96], 96), "other rows");
        assert!(!read(16, Range::Full, size, &[16], whole, &[97], 96), "too short");
        let split = codes(Raw::Nv12).nth(1).unwrap();
        assert!(!read(16, Range::Full, size, &[16, 16], split, &[64, 32], 96), "other buffers");
        let taller = Size { width: 16, height: 16 };
        assert!(!read(16, Range::Full, taller, &[16], whole, &[96], 4096), "the second plane is elsewhere");
        let rgb = Picture::new(&bytes, Raw::Rgb565, size, 32, Range::Limited).unwrap();
        let places = places(Raw::Rgb565, codes(Raw::Rgb565).next().unwrap(), size, &[32]).unwrap();
        assert!(is_readable(&rgb, &places, &[128], 128), "it is not changed while it is copied, either");
    }

    #[test]
    fn a_driver_whose_rows_are_too_short_is_refused() {
        let size = Size { width: 640, height: 480 };
        let whole = codes(Raw::Yuyv).next().unwrap();
        assert!(
            places(Raw::Yuyv, whole, size, &[1279]).is_none()
                && places(Raw::Yuyv, whole, size, &[]).is_none()
        );
        let split = codes(Raw::Yu12).nth(1).unwrap();
        assert!(places(Raw::Yu12, split, size, &[640, 320, 319]).is_none());
        assert!(places(Raw::Yu12, split, size, &[640, 320]).is_none(), "a plane is missing");
    }

    #[test]
    fn every_layout_with_every_size_is_filled_in_bounds() {
        for raw in crate::picture::Layout::all().filter_map(crate::picture::Layout::raw) {
            for (width, height) in [(1, 1), (3, 5), (16, 2), (17, 9)] {
                let size = Size { width, height };
                let coded = Size { width: width.next_multiple_of(16), height: height.next_multiple_of(16) };
                let bytes = vec![7; 4096];
                let picture = picture(&bytes, raw, size, Range::Limited);
                for code in codes(raw) {
                    let stride = raw.row_len(coded.width).next_multiple_of(2);
                    filled(&picture, coded, &[stride, stride, stride], code);
                }
            }
        }
    }
}
