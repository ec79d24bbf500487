//! Raw Bayer data of a sensor: told from other formats, and refused in words.
//!
//! Used only by [`super::negotiate`]. Each pixel has one colour only; to make a picture of them takes an image processor
//! and what controls it, which is libcamera's work.

use super::device::{Listed, code_name};
use super::modes::some_of;
use crate::problem::{Text, text};

/// The codes of linux/videodev2.h, "Bayer formats". 16 bits are `BYR2` and `...16`, packed ones begin with `p`,
/// compressed ones with `a`, `b` or `BD`, and those of image processors with `ip3` and `PC`.
const CODES: [&[u8; 4]; 51] = [
    b"BA81", b"GBRG", b"GRBG", b"RGGB", b"BG10", b"GB10", b"BA10", b"RG10", b"pBAA", b"pGAA", b"pgAA",
    b"pRAA", b"aBA8", b"aGA8", b"agA8", b"aRA8", b"bBA8", b"bGA8", b"BD10", b"bRA8", b"BG12", b"GB12",
    b"BA12", b"RG12", b"pBCC", b"pGCC", b"pgCC", b"pRCC", b"BG14", b"GB14", b"GR14", b"RG14", b"pBEE",
    b"pGEE", b"pgEE", b"pREE", b"BYR2", b"GB16", b"GR16", b"RG16", b"ip3b", b"ip3g", b"ip3G", b"ip3r",
    b"PC1B", b"PC1G", b"PC1g", b"PC1R", b"PC2B", b"PC2G", b"PC2R",
];

/// Why a camera that lists only Bayer data cannot be used, and what to do; `None` if it lists anything else.
pub fn refusal(formats: &[Listed]) -> Option<(Text, Text)> {
    let is_bayer = |listed: &Listed| CODES.contains(&&listed.fourcc.repr);
    if formats.is_empty() || !formats.iter().all(is_bayer) {
        return None;
    }
    let names: Vec<String> = formats.iter().map(|listed| code_name(listed.fourcc)).collect();
    let why = text!(
        "it offers only the raw data of its sensor (Bayer: {}), which are no picture before an image processor made \
         one of them",
        some_of(&names)
    );
    let advice = text!(
        "use the node of the board's image processor, or libcamera: --camera rpicam on a Raspberry Pi, or --camera \
         pipe: with a program that writes JPEGs"
    );
    Some((why, advice))
}

#[cfg(test)]
mod tests {
    use v4l::format::FourCC;

    use super::*;

    fn listed(codes: &[&[u8; 4]]) -> Vec<Listed> {
        codes.iter().map(|code| Listed { fourcc: FourCC::new(code), description: String::new() }).collect()
    }

    #[test]
    fn a_camera_with_only_the_raw_data_of_its_sensor_is_refused_by_the_names_of_its_formats() {
        let (why, advice) = refusal(&listed(&[b"BA81", b"pRAA", b"RG12"])).expect("only Bayer");
        assert!(why.to_string().contains("(Bayer: BA81, pRAA, RG12)"), "{why}");
        assert!(advice.to_string().contains("--camera rpicam"), "{advice}");
        assert!(refusal(&listed(&[b"BA81", b"YUYV"])).is_none() && refusal(&listed(&[b"H264"])).is_none());
        assert!(refusal(&[]).is_none());
        // One of each kind: 8, 10, 12, 14 and 16 bits, packed, compressed, and those of image processors.
        for code in [b"RGGB", b"BG10", b"GR14", b"BYR2", b"RG16", b"pgCC", b"bRA8", b"BD10", b"ip3b", b"PC1R"]
        {
            assert!(refusal(&listed(&[code])).is_some(), "{}", String::from_utf8_lossy(code));
        }
    }
}
