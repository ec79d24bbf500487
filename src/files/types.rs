//! What kind of file it is, by the end of its name. Browsers guess no other kind: every answer has
//! `X-Content-Type-Options: nosniff`.

/// What browsers download rather than show.
const OTHER: &str = "application/octet-stream";

/// Ends of names in lower case, and the media type of each (IANA's registry of media types; text is UTF-8).
const TYPES: [(&str, &str); 45] = [
    ("avif", "image/avif"),
    ("bmp", "image/bmp"),
    ("css", "text/css; charset=utf-8"),
    ("csv", "text/csv; charset=utf-8"),
    ("gif", "image/gif"),
    ("gz", "application/gzip"),
    ("htm", "text/html; charset=utf-8"),
    ("html", "text/html; charset=utf-8"),
    ("ico", "image/x-icon"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("m4a", "audio/mp4"),
    ("m4v", "video/mp4"),
    ("map", "application/json"),
    ("md", "text/markdown; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("mkv", "video/matroska"),
    ("mov", "video/quicktime"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("oga", "audio/ogg"),
    ("ogg", "audio/ogg"),
    ("ogv", "video/ogg"),
    ("opus", "audio/ogg"),
    ("otf", "font/otf"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("ttf", "font/ttf"),
    ("txt", "text/plain; charset=utf-8"),
    ("vtt", "text/vtt; charset=utf-8"),
    ("wasm", "application/wasm"),
    ("wav", "audio/wav"),
    ("webm", "video/webm"),
    ("webmanifest", "application/manifest+json"),
    ("webp", "image/webp"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
    ("xhtml", "application/xhtml+xml; charset=utf-8"),
    ("xml", "application/xml; charset=utf-8"),
    ("zip", "application/zip"),
];

/// The Content-Type of a file with this name.
pub(super) fn content_type(name: &str) -> &'static str {
    let Some((_, end)) = name.rsplit_once('.') else { return OTHER };
    let found = TYPES.iter().find(|(own, _)| own.eq_ignore_ascii_case(end));
    found.map_or(OTHER, |(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_type_is_known_by_its_end_in_capitals_too_and_text_is_utf_8() {
        for (name, kind) in [
            ("index.html", "text/html; charset=utf-8"),
            ("a/b.min.JS", "text/javascript; charset=utf-8"),
            ("PHOTO.JPG", "image/jpeg"),
            ("app.wasm", "application/wasm"),
            ("archive.tar.gz", "application/gzip"),
            ("README", OTHER),
            ("a.unknown", OTHER),
            ("js", OTHER),
            ("a.", OTHER),
        ] {
            assert_eq!(content_type(name), kind, "{name}");
        }
        for (end, kind) in TYPES {
            assert!(!kind.starts_with("text/") || kind.ends_with("; charset=utf-8"), "{end}");
        }
    }
}
