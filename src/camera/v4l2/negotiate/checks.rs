//! Judges what a driver set: whether its pictures can be shown, and which range their samples have.

use v4l::format::{Colorspace, FieldOrder, Format, Quantization};

use crate::picture::{Layout, Picture, Range, Raw, Size};
use crate::problem::{Text, text};

/// The largest plausible frame size, in bytes. 8K YUYV takes 63.3 MiB; a driver that announces more is broken,
/// and slots of that size would not fit on a small board.
const MAX_FRAME_BYTES: u32 = 64 << 20;

/// Why pictures whose fields lie like this cannot be shown, and what to do; `None` if they can be: progressive ones, and
/// interlaced ones with both fields in a frame, which are shown as they are, so that moving edges have combs.
pub fn fields(order: FieldOrder) -> Option<(Text, Text)> {
    let why = match order {
        FieldOrder::Alternate => {
            text!("its driver delivers interlaced video field by field, which is not supported")
        }
        FieldOrder::SequentialTB | FieldOrder::SequentialBT => {
            text!(
                "its driver delivers interlaced video with one field below the other, which is not supported"
            )
        }
        _ => return None,
    };
    Some((why, text!("set the source to a progressive mode, such as 1080p or 720p in place of 1080i")))
}

/// What is impossible about a format that the driver set; `None` if it makes sense.
pub fn nonsense(layout: Layout, format: &Format) -> Option<Text> {
    let size = Size { width: format.width, height: format.height };
    if !size.is_possible() {
        return Some(text!("its driver announces pictures of {}", size.to_string()));
    }
    let least = match layout {
        Layout::Mjpeg => 1,
        Layout::Raw(raw) if Picture::check(raw, size, format.stride).is_err() => {
            return Some(text!(
                "its driver announces rows of {} bytes for {}",
                format.stride,
                size.to_string()
            ));
        }
        Layout::Raw(raw) => raw.frame_len(size, format.stride),
    };
    if format.size > MAX_FRAME_BYTES || u64::from(format.size) < least {
        return Some(text!("its driver announces frames of {} bytes for {}", format.size, size.to_string()));
    }
    None
}

/// The range of samples: V4L2_MAP_QUANTIZATION_DEFAULT in linux/videodev2.h. Grey pictures default to the range of
/// RGB, as in the kernel's own test pattern generator (v4l2-tpg-core.c).
pub fn range(layout: Layout, format: &Format) -> Range {
    match (layout, format.quantization, format.colorspace) {
        (Layout::Mjpeg, _, _) | (_, Quantization::FullRange, _) => Range::Full,
        (_, Quantization::Default, Colorspace::JPEG) => Range::Full,
        (Layout::Raw(Raw::Rgb24 | Raw::Bgr24 | Raw::Rgb565 | Raw::Grey), Quantization::Default, _) => {
            Range::Full
        }
        _ => Range::Limited,
    }
}

#[cfg(test)]
mod tests {
    use v4l::format::FourCC;

    use super::*;

    const YUYV: Layout = Layout::Raw(Raw::Yuyv);
    const NV12: Layout = Layout::Raw(Raw::Nv12);

    fn format(layout: Layout, width: u32, height: u32, stride: u32, bytes: u32) -> Format {
        let mut format = Format::new(width, height, FourCC::new(layout.codes()[0]));
        (format.stride, format.size) = (stride, bytes);
        format
    }

    #[test]
    fn an_impossible_format_from_a_driver_is_refused() {
        assert_eq!(nonsense(YUYV, &format(YUYV, 1280, 720, 2560, 1_843_200)), None);
        assert_eq!(nonsense(Layout::Mjpeg, &format(Layout::Mjpeg, 1280, 720, 0, 1_843_200)), None);
        for (layout, width, height, stride, bytes) in [
            (YUYV, 1280, 720, 2558, 1_843_200),
            (YUYV, 1281, 720, 2562, 1_845_000),
            (YUYV, 1280, 720, 2560, 1_843_199),
            (NV12, 1280, 720, 1279, 1_382_400),
            (NV12, 1280, 720, 1280, 1_382_399),
            (NV12, 1280, 720, u32::MAX, 1_382_400),
            (YUYV, 1280, 720, u32::MAX, 1_843_200),
            (Layout::Mjpeg, 1280, 720, 0, 0),
            (Layout::Mjpeg, 1280, 720, 0, MAX_FRAME_BYTES + 1),
            (Layout::Mjpeg, 0, 720, 0, 1000),
            (Layout::Mjpeg, 1280, 65_536, 0, 1000),
        ] {
            let wrong = nonsense(layout, &format(layout, width, height, stride, bytes));
            assert!(wrong.is_some(), "{layout} {width}x{height} {stride} {bytes} was believed");
        }
    }

    #[test]
    fn interlaced_video_in_one_frame_is_taken_and_single_fields_are_refused_in_words() {
        for order in
            [FieldOrder::Any, FieldOrder::Progressive, FieldOrder::Interlaced, FieldOrder::InterlacedTB]
        {
            assert!(fields(order).is_none(), "{order}");
        }
        let (why, advice) = fields(FieldOrder::Alternate).expect("refused");
        assert!(why.to_string().contains("field by field"), "{why}");
        assert!(advice.to_string().contains("progressive"), "{advice}");
        assert!(fields(FieldOrder::SequentialTB).is_some());
    }

    #[test]
    fn pixels_have_v4l2s_default_range_unless_the_driver_says_otherwise() {
        let of = |layout, quantization, colorspace| {
            let mut format = format(layout, 64, 64, 128, 8192);
            (format.quantization, format.colorspace) = (quantization, colorspace);
            range(layout, &format)
        };
        let with = |quantization, colorspace| of(YUYV, quantization, colorspace);
        for raw in [Raw::Rgb24, Raw::Bgr24, Raw::Rgb565, Raw::Grey].map(Layout::Raw) {
            assert_eq!(of(raw, Quantization::Default, Colorspace::SRGB), Range::Full);
            assert_eq!(of(raw, Quantization::LimitedRange, Colorspace::SRGB), Range::Limited);
        }
        assert_eq!(with(Quantization::Default, Colorspace::SRGB), Range::Limited);
        assert_eq!(with(Quantization::Default, Colorspace::JPEG), Range::Full);
        assert_eq!(with(Quantization::LimitedRange, Colorspace::JPEG), Range::Limited);
        assert_eq!(with(Quantization::FullRange, Colorspace::SMPTE170M), Range::Full);
    }
}
