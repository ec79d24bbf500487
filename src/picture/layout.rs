//! The layouts of frames, in one table.
//!
//! Used by everything that asks a camera for a layout, shows its name, or reads pixels.

use std::fmt;

use super::Size;

/// How the bytes of a frame are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// Each frame is one JPEG; Huffman tables and EOI may be missing.
    Mjpeg,
    /// Raw pixels, to be encoded here.
    Raw(Raw),
}

/// Layouts of raw pixels (kernel Documentation/userspace-api/media/v4l, "Image Formats").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Raw {
    /// 4:2:0: a plane of luma, then one of Cb Cr pairs.
    Nv12,
    /// 4:2:0: a plane of luma, then one of Cr Cb pairs.
    Nv21,
    /// 4:2:0: planes of luma, Cb and Cr.
    Yu12,
    /// 4:2:0: planes of luma, Cr and Cb.
    Yv12,
    /// 4:2:2, packed Y0 Cb Y1 Cr.
    Yuyv,
    /// 4:2:2, packed Cb Y0 Cr Y1.
    Uyvy,
    /// 4:2:2, packed Y0 Cr Y1 Cb.
    Yvyu,
    /// 4:2:2: a plane of luma, then one of Cb Cr pairs.
    Nv16,
    /// 4:2:2: a plane of luma, then one of Cr Cb pairs.
    Nv61,
    /// 4:2:2: planes of luma, Cb and Cr.
    Yuv422p,
    /// 4:4:4: a plane of luma, then one of Cb Cr pairs.
    Nv24,
    /// 4:4:4: planes of luma, Cb and Cr.
    Yuv444p,
    /// Red, green, blue.
    Rgb24,
    /// Blue, green, red.
    Bgr24,
    /// 16 bits a pixel, little endian: 5 of red (the highest), 6 of green, 5 of blue.
    Rgb565,
    /// Luma only.
    Grey,
}

/// A row of the table.
struct Format {
    layout: Layout,
    name: &'static str,
    /// The V4L2 codes, as in linux/videodev2.h. Those with an M are for buffers of their own for each plane.
    codes: &'static [&'static [u8; 4]],
    /// What ffmpeg, GStreamer, Windows and other streamers call it.
    also: &'static [&'static str],
}

const fn raw(
    layout: Raw,
    name: &'static str,
    codes: &'static [&'static [u8; 4]],
    also: &'static [&'static str],
) -> Format {
    Format { layout: Layout::Raw(layout), name, codes, also }
}

/// All layouts, best first. A camera's own JPEG needs no encoding and the least USB bandwidth. Then come the raw
/// layouts, those with the fewest bytes first, and the one without colour last.
static FORMATS: [Format; 17] = [
    Format { layout: Layout::Mjpeg, name: "mjpeg", codes: &[b"MJPG", b"JPEG"], also: &["jpg"] },
    raw(Raw::Nv12, "nv12", &[b"NV12", b"NM12"], &[]),
    raw(Raw::Nv21, "nv21", &[b"NV21", b"NM21"], &[]),
    raw(Raw::Yu12, "yu12", &[b"YU12", b"YM12"], &["i420", "iyuv", "yuv420", "yuv420p"]),
    raw(Raw::Yv12, "yv12", &[b"YV12", b"YM21"], &["yvu420"]),
    raw(Raw::Yuyv, "yuyv", &[b"YUYV"], &["yuy2", "yuyv422", "yuv422"]),
    raw(Raw::Uyvy, "uyvy", &[b"UYVY"], &["uyvy422"]),
    raw(Raw::Yvyu, "yvyu", &[b"YVYU"], &["yvyu422"]),
    raw(Raw::Nv16, "nv16", &[b"NV16", b"NM16"], &[]),
    raw(Raw::Nv61, "nv61", &[b"NV61", b"NM61"], &[]),
    raw(Raw::Yuv422p, "yuv422p", &[b"422P", b"YM16"], &["y42b", "yu16"]),
    raw(Raw::Rgb565, "rgb565", &[b"RGBP"], &["rgb16", "rgb565le"]),
    raw(Raw::Nv24, "nv24", &[b"NV24"], &[]),
    raw(Raw::Yuv444p, "yuv444p", &[b"YM24"], &["y444"]),
    raw(Raw::Rgb24, "rgb24", &[b"RGB3"], &["rgb"]),
    raw(Raw::Bgr24, "bgr24", &[b"BGR3"], &["bgr"]),
    raw(Raw::Grey, "grey", &[b"GREY"], &["gray", "gray8", "y8", "y800"]),
];

impl Layout {
    /// All layouts, best first.
    pub fn all() -> impl Iterator<Item = Layout> {
        FORMATS.iter().map(|format| format.layout)
    }

    /// The layout with this V4L2 code; `None` if it is not supported.
    pub fn of_code(code: [u8; 4]) -> Option<Layout> {
        FORMATS.iter().find(|format| format.codes.contains(&&code)).map(|format| format.layout)
    }

    /// The layout that people call this, in any case: by our name, by a V4L2 code, or as other programs have it.
    pub fn of_spelling(text: &str) -> Option<Layout> {
        let known = |format: &&Format| {
            let codes = format.codes.iter().any(|code| text.as_bytes().eq_ignore_ascii_case(*code));
            codes || [format.name].iter().chain(format.also).any(|name| name.eq_ignore_ascii_case(text))
        };
        FORMATS.iter().find(known).map(|format| format.layout)
    }

    /// The V4L2 codes of this layout, at least one.
    pub fn codes(self) -> &'static [&'static [u8; 4]] {
        self.format().codes
    }

    /// The name on the command line, in the settings file and in `/state`.
    pub fn name(self) -> &'static str {
        self.format().name
    }

    /// The layout of the pixels; `None` if it is compressed.
    pub fn raw(self) -> Option<Raw> {
        match self {
            Layout::Mjpeg => None,
            Layout::Raw(raw) => Some(raw),
        }
    }

    fn format(self) -> &'static Format {
        // The table has all layouts; a test checks that.
        FORMATS.iter().find(|format| format.layout == self).unwrap_or(&FORMATS[0])
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The shape of a plane in memory; planes follow one another without a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plane {
    /// Bytes of samples in a row.
    pub row: u64,
    /// Bytes from one row to the next.
    pub stride: u64,
    /// The number of rows.
    pub rows: u64,
}

impl Raw {
    /// The most planes that a layout has.
    pub const MAX_PLANES: usize = 3;

    /// The planes in memory order. `stride` is that of the first plane (V4L2 bytesperline). The fields of planes that
    /// the layout lacks are 0.
    ///
    /// Rows of Cb Cr pairs have the stride of luma, rounded up to an even number, or twice that stride if each pixel has
    /// a pair; rows of only Cb or Cr have half of it, rounded up (v4l2_fill_pixfmt in the kernel's v4l2-common.c).
    pub fn planes(self, size: Size, stride: u32) -> [Plane; Self::MAX_PLANES] {
        let (width, stride, rows) = (u64::from(size.width), u64::from(stride), u64::from(size.height));
        let (pairs, half_rows) = (width.div_ceil(2), rows.div_ceil(2));
        let none = Plane { row: 0, stride: 0, rows: 0 };
        let one = |row| Plane { row, stride, rows };
        match self {
            Raw::Yuyv | Raw::Uyvy | Raw::Yvyu => [one(pairs * 4), none, none],
            Raw::Rgb24 | Raw::Bgr24 => [one(width * 3), none, none],
            Raw::Rgb565 => [one(width * 2), none, none],
            Raw::Grey => [one(width), none, none],
            Raw::Nv24 => [one(width), Plane { row: width * 2, stride: stride * 2, rows }, none],
            Raw::Yuv444p => [one(width); 3],
            Raw::Nv16 | Raw::Nv61 => {
                [one(width), Plane { row: pairs * 2, stride: stride.next_multiple_of(2), rows }, none]
            }
            Raw::Yuv422p => {
                let chroma = Plane { row: pairs, stride: stride.div_ceil(2), rows };
                [one(width), chroma, chroma]
            }
            Raw::Nv12 | Raw::Nv21 => {
                let chroma = Plane { row: pairs * 2, stride: stride.next_multiple_of(2), rows: half_rows };
                [one(width), chroma, none]
            }
            Raw::Yu12 | Raw::Yv12 => {
                let chroma = Plane { row: pairs, stride: stride.div_ceil(2), rows: half_rows };
                [one(width), chroma, chroma]
            }
        }
    }

    /// The smallest stride: bytes of samples in a row of the first plane. If the width is odd, a row of the packed
    /// 4:2:2 layouts ends with a luma sample that no pixel uses. For widths up to [`super::MAX_SIDE`].
    pub fn row_len(self, width: u32) -> u32 {
        let [first, ..] = self.planes(Size { width, height: 1 }, 0);
        u32::try_from(first.row).unwrap_or(u32::MAX)
    }

    /// Bytes that a picture takes, without the padding of its last row.
    pub fn frame_len(self, size: Size, stride: u32) -> u64 {
        let planes = self.planes(size, stride);
        let padding = planes.iter().rfind(|plane| plane.rows > 0);
        let padding = padding.map_or(0, |last| last.stride.saturating_sub(last.row));
        let len = |plane: &Plane| plane.stride.saturating_mul(plane.rows);
        planes.iter().map(len).fold(0, u64::saturating_add) - padding // the last plane has at least one row
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn len(raw: Raw, width: u32, height: u32, stride: u32) -> u64 {
        raw.frame_len(Size { width, height }, stride)
    }

    #[test]
    fn every_layout_is_in_the_table_once_with_its_own_name_and_codes() {
        let all: Vec<Layout> = Layout::all().collect();
        assert!(all.iter().all(|layout| layout.format().layout == *layout));
        assert_eq!(all.iter().map(|layout| layout.name()).collect::<HashSet<_>>().len(), all.len());
        for layout in all {
            for code in layout.codes() {
                assert_eq!(Layout::of_code(**code), Some(layout));
            }
        }
        assert_eq!(Layout::of_code(*b"H264"), None);
    }

    #[test]
    fn a_layout_is_found_by_whatever_other_programs_call_it() {
        for (text, name) in [
            ("MJPG", "mjpeg"),
            ("Mjpeg", "mjpeg"),
            ("JPEG", "mjpeg"),
            ("YUY2", "yuyv"),
            ("yuyv", "yuyv"),
            ("NV12", "nv12"),
            ("NM12", "nv12"),
            ("422P", "yuv422p"),
            ("I420", "yu12"),
            ("RGB3", "rgb24"),
            ("RGB16", "rgb565"),
            ("RGBP", "rgb565"),
            ("gray", "grey"),
        ] {
            assert_eq!(Layout::of_spelling(text).map(Layout::name), Some(name), "{text}");
        }
        assert_eq!(Layout::of_spelling("H264"), None);
        let mut all = HashSet::new();
        assert!(FORMATS.iter().all(|format| format.also.iter().all(|name| all.insert(*name))));
    }

    #[test]
    fn a_picture_takes_as_many_bytes_as_the_kernel_documentation_says() {
        for (raw, bytes) in [
            (Raw::Nv12, 640 * 480 * 3 / 2),
            (Raw::Nv21, 640 * 480 * 3 / 2),
            (Raw::Yu12, 640 * 480 * 3 / 2),
            (Raw::Yv12, 640 * 480 * 3 / 2),
            (Raw::Yuyv, 640 * 480 * 2),
            (Raw::Uyvy, 640 * 480 * 2),
            (Raw::Yvyu, 640 * 480 * 2),
            (Raw::Nv16, 640 * 480 * 2),
            (Raw::Nv61, 640 * 480 * 2),
            (Raw::Yuv422p, 640 * 480 * 2),
            (Raw::Nv24, 640 * 480 * 3),
            (Raw::Yuv444p, 640 * 480 * 3),
            (Raw::Rgb24, 640 * 480 * 3),
            (Raw::Bgr24, 640 * 480 * 3),
            (Raw::Rgb565, 640 * 480 * 2),
            (Raw::Grey, 640 * 480),
        ] {
            assert_eq!(len(raw, 640, 480, raw.row_len(640)), bytes, "{raw:?}");
        }
    }

    #[test]
    fn row_padding_counts_in_every_plane_except_behind_the_last_row() {
        assert_eq!(len(Raw::Yuyv, 3, 3, 12), 12 * 2 + 8);
        assert_eq!(len(Raw::Grey, 3, 3, 8), 8 * 2 + 3);
        assert_eq!(len(Raw::Rgb24, 3, 2, 16), 16 + 9);
        assert_eq!(len(Raw::Rgb565, 3, 2, 16), 16 + 6);
        assert_eq!(len(Raw::Nv12, 4, 4, 16), 16 * 4 + 16 + 4);
        assert_eq!(len(Raw::Yu12, 4, 4, 16), 16 * 4 + 8 * 2 + 8 + 2);
        assert_eq!(len(Raw::Nv16, 4, 4, 16), 16 * 4 + 16 * 3 + 4);
        assert_eq!(len(Raw::Yuv422p, 4, 4, 16), 16 * 4 + 8 * 4 + 8 * 3 + 2);
        assert_eq!(len(Raw::Nv24, 4, 4, 16), 16 * 4 + 32 * 3 + 8);
    }

    #[test]
    fn odd_sizes_round_chroma_up() {
        assert_eq!(len(Raw::Nv12, 5, 3, 5), 5 * 3 + 6 * 2);
        assert_eq!(len(Raw::Yu12, 5, 3, 5), 5 * 3 + 3 * 2 * 2);
        assert_eq!(len(Raw::Yuyv, 5, 1, 12), 12);
        assert_eq!(len(Raw::Nv16, 5, 3, 5), 5 * 3 + 6 * 3);
        assert_eq!(len(Raw::Yuv422p, 5, 3, 5), 5 * 3 + 3 * 3 * 2);
        assert_eq!(len(Raw::Nv24, 5, 3, 5), 5 * 3 + 10 * 3);
        assert_eq!(len(Raw::Nv12, 1, 1, 1), 3);
        assert_eq!(len(Raw::Yv12, 1, 1, 1), 3);
    }

    #[test]
    fn no_size_and_stride_overflow() {
        for raw in Layout::all().filter_map(Layout::raw) {
            assert!(len(raw, u32::MAX, u32::MAX, u32::MAX) > u64::from(u32::MAX), "{raw:?}");
        }
    }
}
