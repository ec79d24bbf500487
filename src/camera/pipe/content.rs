//! Says what a program writes when that is not JPEGs, from its first bytes.
//!
//! Used only by [`super::Pipe`].

use memchr::memmem;

use crate::names::{printable, without_passwords};
use crate::problem::{Text, text};

/// The most characters of a text that are quoted.
const QUOTE_MAX: usize = 60;

/// A format that cameras and programs write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// H.264 or H.265 without a container.
    H26x,
    /// Pictures of another format, by its name.
    Pictures(&'static str),
    /// A film, by the name of its container.
    Film(&'static str),
    /// The same, and its pictures are JPEGs: they are found in it.
    FilmOfJpegs(&'static str),
    /// Raw pixels with a header, by its name.
    Raw(&'static str),
    /// Compressed by gzip.
    Gzip,
}

impl Format {
    fn text(self) -> Text {
        match self {
            Format::H26x => text!("H.264 or H.265 video"),
            Format::Pictures(name) => text!("{} pictures", name),
            Format::Film(name) => text!("a film ({})", name),
            Format::FilmOfJpegs(name) => text!("a film of JPEGs ({})", name),
            Format::Raw(name) => text!("raw pixels ({})", name),
            Format::Gzip => text!("gzip data"),
        }
    }
}

/// How formats begin: where the bytes stand, and the bytes. The first that fits counts.
const SIGNATURES: &[(usize, &[u8], Format)] = &[
    (0, b"\x89PNG\r\n\x1a\n", Format::Pictures("PNG")),
    (0, b"GIF8", Format::Pictures("GIF")),
    (8, b"WEBP", Format::Pictures("WebP")),
    (4, b"ftypavif", Format::Pictures("AVIF")),
    (4, b"ftyphei", Format::Pictures("HEIC")),
    (4, b"ftypmif1", Format::Pictures("HEIC")),
    (0, b"II*\0", Format::Pictures("TIFF")),
    (0, b"MM\0*", Format::Pictures("TIFF")),
    (0, b"\xff\x0a", Format::Pictures("JPEG XL")),
    (0, b"\0\0\0\x0cJXL ", Format::Pictures("JPEG XL")),
    (0, b"\0\0\0\x0cjP  ", Format::Pictures("JPEG 2000")),
    (0, b"\xff\x4f\xff\x51", Format::Pictures("JPEG 2000")),
    (8, b"AVI ", Format::Film("AVI")),
    (4, b"ftyp", Format::Film("MP4")),
    (0, b"\x1a\x45\xdf\xa3", Format::Film("Matroska")),
    (0, b"FLV\x01", Format::Film("Flash")),
    (0, b"OggS", Format::Film("Ogg")),
    (0, b"YUV4MPEG2 ", Format::Raw("YUV4MPEG")),
    (0, b"P5\n", Format::Raw("PGM")),
    (0, b"P6\n", Format::Raw("PPM")),
    (0, b"\x1f\x8b\x08", Format::Gzip),
    // Start codes (ITU-T H.264 and H.265, annex B).
    (0, b"\0\0\0\x01", Format::H26x),
    (0, b"\0\0\x01", Format::H26x),
];

/// The length of a packet of an MPEG transport stream, and its first byte (ISO 13818-1).
const TS_PACKET: (usize, u8) = (188, 0x47);

/// What a program writes in place of JPEGs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A format that is known.
    Known(Format),
    /// Text, an HTML page or the head of an HTTP answer among it: how it begins.
    Text(String),
    /// Anything else, raw pixels for example.
    Unknown,
}

impl Content {
    /// What this is the beginning of; `None` without any bytes.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return None;
        }
        let is = |(at, begin, _): &&(usize, &[u8], _)| {
            bytes.get(*at..).is_some_and(|rest| rest.starts_with(begin))
        };
        if let Some((_, _, format)) = SIGNATURES.iter().find(is) {
            return Some(Content::Known(match *format {
                Format::Film(name) if is_of_jpegs(bytes) => Format::FilmOfJpegs(name),
                format => format,
            }));
        }
        let (packet, sync) = TS_PACKET;
        if bytes[0] == sync && bytes.get(packet) == Some(&sync) {
            return Some(Content::Known(Format::Film("MPEG transport stream")));
        }
        if is_bmp(bytes) {
            return Some(Content::Known(Format::Pictures("BMP")));
        }
        if !is_text(bytes) {
            return Some(Content::Unknown);
        }
        let line = bytes.split(|byte| *byte == b'\n').map(printable).find(|line| !line.is_empty());
        let line = without_passwords(&line.unwrap_or_default());
        Some(Content::Text(line.chars().take(QUOTE_MAX).collect()))
    }

    /// What it is, for `it writes ...`.
    pub fn text(&self) -> Text {
        match self {
            Content::Known(format) => format.text(),
            Content::Text(begin) => text!("text that begins with \"{}\"", begin),
            Content::Unknown => text!("something that is no picture or film known here"),
        }
    }

    /// Whether there are JPEGs in it, further on.
    pub fn has_jpegs(&self) -> bool {
        matches!(self, Content::Known(Format::FilmOfJpegs(_)))
    }

    /// What to do about it.
    pub fn advice(&self) -> Text {
        match self {
            Content::Known(Format::H26x) => {
                text!("ask the program for MJPEG: rpicam-vid --codec mjpeg, or ffmpeg ... -f mjpeg -")
            }
            Content::Known(_) | Content::Unknown => text!(
                "convert it to JPEGs, as `ffmpeg -i ... -f mjpeg -` does, or with the program's own option for JPEG"
            ),
            Content::Text(_) => text!(
                "try the command in a terminal: it may write messages there, or an address may answer with a page"
            ),
        }
    }
}

/// Whether this is a BMP: two letters say little, so the fields that are always zero must be, too (BITMAPFILEHEADER).
fn is_bmp(bytes: &[u8]) -> bool {
    bytes.starts_with(b"BM") && bytes.get(6..10) == Some(&[0; 4])
}

/// Whether the head of a film says that its pictures are JPEGs: the name of the codec in Matroska, AVI, and the sample
/// description of MP4 and QuickTime (ISO 14496-12, 8.5.2).
fn is_of_jpegs(film: &[u8]) -> bool {
    let is_there = |name: &[u8]| memmem::find(film, name).is_some();
    let in_mp4 = memmem::find(film, b"stsd").and_then(|at| film.get(at + 16..at + 20));
    is_there(b"V_MJPEG") || is_there(b"MJPG") || in_mp4 == Some(b"jpeg")
}

/// Whether these bytes are text: UTF-8 that may be cut at its end, without control characters but line ends and tabs.
fn is_text(bytes: &[u8]) -> bool {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.is_empty() && text.chars().all(|c| !c.is_control() || c.is_whitespace() || c == '\x1b')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_writes_in_place_of_jpegs_is_named() {
        let known = |bytes: &[u8]| Content::of(bytes).unwrap().text().to_string();
        for (bytes, name) in [
            (&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], "PNG pictures"),
            (b"\0\0\0\x01\x67\x64\0\x28", "H.264 or H.265 video"),
            (b"\0\0\0\x18ftypmp42", "a film (MP4)"),
            (b"\0\0\0\x18ftypavif", "AVIF pictures"),
            (b"\x1a\x45\xdf\xa3 matroska V_MPEG4", "a film (Matroska)"),
            (b"\x1a\x45\xdf\xa3 matroska V_MJPEG", "a film of JPEGs (Matroska)"),
            (b"RIFF\0\0\0\0AVI LIST vidsMJPG", "a film of JPEGs (AVI)"),
            (b"\0\0\0\x14ftypqt  stsd\0\0\0\0\0\0\0\x01\0\0\0\x70jpeg", "a film of JPEGs (MP4)"),
            (b"RIFF\0\0\0\0WEBPVP8 ", "WebP pictures"),
            (&[&[0x47; 1][..], &[0; 187], &[0x47]].concat(), "a film (MPEG transport stream)"),
            (b"BM\x36\x84\x03\0\0\0\0\0\x36\0", "BMP pictures"),
            (b"BMW", "text that begins with \"BMW\""),
            (b"Gallery", "text that begins with \"Gallery\""),
            (b"\x80\x10\x80\x10", "something that is no picture or film known here"),
            (b"\n<!DOCTYPE html>\n<title>401", "text that begins with \"<!DOCTYPE html>\""),
            (b"at rtsp://me:secret@cam\n", "text that begins with \"at rtsp://***@cam\""),
        ] {
            assert_eq!(known(bytes), name);
        }
        assert_eq!(Content::of(b""), None);
        assert_eq!(
            Content::of("caf\u{e9}".as_bytes().split_last().unwrap().1).unwrap().text().to_string(),
            "text that begins with \"caf\""
        );
    }
}
