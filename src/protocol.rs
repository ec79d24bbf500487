//! The messages between site, gate and fan-out: above all, the site's order to serve a connection from a camera's ring.
//!
//! It travels as private headers (as X-Accel-Redirect does with nginx). The gate removes them from answers and from
//! clients' requests, so no client sees one or can send one.

use std::fmt::Write;

use rouille::percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use crate::auth::passes::Pass;
use crate::feed::ClientId;
use crate::files::frame::FrameRequest;
use crate::files::page::PageRequest;
use crate::files::video::VideoRequest;
use crate::pace::Fps;
use crate::playback::{PlaybackOrder, Speed};
use crate::record::Name;
use crate::variants::Variant;

/// Private headers of the site's answers begin with this.
pub const PREFIX: &str = "X-Boardcam-";

/// The header that carries an [`Order`].
pub const HEADER: &str = "X-Boardcam-Serve";

/// The header by which the site says that an answer to HEAD has no Content-Length, since nobody knows it.
pub const NO_LENGTH_HEADER: &str = "X-Boardcam-No-Length";

/// The header by which the site knows that a request came through the gate.
pub const KEY_HEADER: &str = "X-Boardcam-Key";

/// The header by which the site knows the client's address, as the gate sees it.
pub const PEER_HEADER: &str = "X-Boardcam-Peer";

/// The header by which the site knows that a request came encrypted.
pub const SECURE_HEADER: &str = "X-Boardcam-Secure";

/// In an answer: to decide about this request, a password must be hashed, which takes long; the value is the number of
/// the line to wait in. In a request: it has waited for its turn, so the site may hash.
pub const CHECK_HEADER: &str = "X-Boardcam-Check";

/// The beginning of the names of our cookies. The gate passes on no others.
pub const COOKIE_PREFIX: &str = "boardcam-";

/// What to serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderKind {
    /// Frames until the client goes.
    Stream,
    /// One frame that was captured after the request came.
    Snapshot {
        /// Whether the card that is drawn without pictures will do.
        card: bool,
    },
}

/// An order to serve one viewer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// What to serve.
    pub kind: OrderKind,
    /// Which camera, counted from 0 in the order of the settings.
    pub camera: usize,
    /// The recording that is played in place of the camera's live pictures; only in a stream.
    pub playback: Option<PlaybackOrder>,
    /// The viewer's name for itself in `/state`.
    pub id: Option<String>,
    /// The variant of the camera's pictures; `None` for the camera's own.
    pub variant: Option<Variant>,
    /// Who asks for the variant or the recording; `None` without either.
    pub client: Option<ClientId>,
    /// The most frames per second of a stream.
    pub fps: Option<Fps>,
    /// Each frame of a stream is followed by the header of the next part, see [`crate::multipart::ADVANCE_HEAD`].
    pub advance_headers: bool,
    /// The viewer is dropped when this pass ends; `None` if it may stay.
    pub pass: Option<Pass>,
}

impl Order {
    /// An order for all of a camera's own pictures.
    pub fn new(kind: OrderKind, camera: usize) -> Self {
        Self {
            kind,
            camera,
            playback: None,
            id: None,
            variant: None,
            client: None,
            fps: None,
            advance_headers: false,
            pass: None,
        }
    }

    /// Whether it is for live pictures of this camera.
    pub fn is_live_of(&self, camera: usize) -> bool {
        self.camera == camera && self.playback.is_none()
    }

    /// The value of the private header: what to serve, then `name=value` for everything else.
    pub fn to_header(&self) -> String {
        let mut text = match self.kind {
            OrderKind::Stream => "stream",
            OrderKind::Snapshot { card: false } => "snapshot",
            OrderKind::Snapshot { card: true } => "card",
        }
        .to_owned();
        let mut say = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                let _ = write!(text, " {name}={value}"); // writing to a String cannot fail
            }
        };
        say("camera", Some(self.camera.to_string()));
        say("recording", self.playback.as_ref().map(|playback| playback.name.to_string()));
        say("start", self.playback.as_ref().map(|playback| playback.start_ms.to_string()));
        say("speed", self.playback.as_ref().map(|playback| playback.speed.to_string()));
        say("id", self.id.clone());
        say("quality", self.variant.map(|variant| variant.quality.to_string()));
        say("size", self.variant.and_then(|variant| variant.size).map(|size| size.to_string()));
        say("fps", self.fps.map(|fps| fps.to_string()));
        say("advance", self.advance_headers.then(|| "1".to_owned()));
        say("pass", self.pass.map(|pass| pass.to_string()));
        say("client", self.client.map(|client| client.0.to_string()));
        text
    }

    /// Reads the value of the private header; `None` if the site did not write it.
    pub fn from_header(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let kind = match words.next()? {
            "stream" => OrderKind::Stream,
            "snapshot" => OrderKind::Snapshot { card: false },
            "card" => OrderKind::Snapshot { card: true },
            _ => return None,
        };
        let camera = words.next()?.strip_prefix("camera=")?.parse().ok()?;
        let mut order = Order::new(kind, camera);
        for word in words {
            let (name, value) = word.split_once('=')?;
            match (name, &mut order.playback) {
                ("recording", none @ None) => {
                    let name = Name::parse(value)?;
                    *none = Some(PlaybackOrder { name, start_ms: 0, speed: Speed::NORMAL });
                    continue;
                }
                ("start", Some(playback)) => {
                    playback.start_ms = value.parse().ok()?;
                    continue;
                }
                ("speed", Some(playback)) => {
                    playback.speed = value.parse().ok()?;
                    continue;
                }
                _ => {}
            }
            match (name, &mut order.variant) {
                ("id", _) => order.id = Some(value.to_owned()),
                ("quality", none @ None) => {
                    *none = Some(Variant { size: None, quality: value.parse().ok()? })
                }
                ("size", Some(variant)) => variant.size = Some(value.parse().ok()?),
                ("client", _) => order.client = Some(ClientId(value.parse().ok()?)),
                ("fps", _) => order.fps = Some(value.parse().ok()?),
                ("advance", _) => order.advance_headers = true,
                ("pass", _) => order.pass = Some(value.parse().ok()?),
                _ => return None,
            }
        }
        Some(order)
    }
}

/// Before the fields of a [`RecordingOrder`] in the private header.
const RECORDING: &str = "file ";

/// Before a [`VideoOrder`].
const VIDEO: &str = "video ";

/// Before a [`PageOrder`].
const PAGE: &str = "page ";

/// Before a [`FrameOrder`].
const FRAME: &str = "frame ";

/// An order to serve a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileOrder {
    /// Of a recording.
    Recording(RecordingOrder),
    /// Of a recording in another format.
    Video(VideoOrder),
    /// Of the page of your own.
    Page(PageOrder),
    /// One frame of a recording.
    Frame(FrameOrder),
}

/// An order to serve a part of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingOrder {
    /// The recording.
    pub name: Name,
    /// The first byte.
    pub from: u64,
    /// How many bytes, at least one.
    pub length: u64,
    /// Who asks.
    pub client: ClientId,
    /// The download is dropped when this pass ends; `None` if it may finish.
    pub pass: Option<Pass>,
}

/// An order to answer a request for a recording in another format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VideoOrder {
    /// What the client wants.
    pub request: VideoRequest,
    /// As in a [`RecordingOrder`].
    pub client: ClientId,
    /// As in a [`RecordingOrder`].
    pub pass: Option<Pass>,
}

/// An order to answer a request for a page's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageOrder {
    /// What the client wants.
    pub request: PageRequest,
    /// Who asks.
    pub client: ClientId,
    /// As in a [`RecordingOrder`].
    pub pass: Option<Pass>,
}

/// An order to answer with one frame of a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameOrder {
    /// Which frame.
    pub request: FrameRequest,
    /// Who asks.
    pub client: ClientId,
    /// As in a [`RecordingOrder`].
    pub pass: Option<Pass>,
}

impl FileOrder {
    /// The value of the private header.
    pub fn to_header(&self) -> String {
        match self {
            Self::Recording(RecordingOrder { name, from, length, client: ClientId(client), pass }) => {
                let pass = pass.map_or_else(String::new, |pass| format!(" {pass}"));
                format!("{RECORDING}{name} {from} {length} {client}{pass}")
            }
            Self::Video(order) => encoded(VIDEO, order),
            Self::Page(order) => encoded(PAGE, order),
            Self::Frame(order) => encoded(FRAME, order),
        }
    }

    /// Reads the value of the private header; `None` if it is not an order for a file.
    pub fn from_header(text: &str) -> Option<Self> {
        if let Some(encoded) = text.strip_prefix(VIDEO) {
            return decoded(encoded).map(Self::Video);
        }
        if let Some(encoded) = text.strip_prefix(FRAME) {
            return decoded(encoded).map(Self::Frame);
        }
        match text.strip_prefix(PAGE) {
            Some(encoded) => decoded(encoded).map(Self::Page),
            None => RecordingOrder::from_header(text).map(Self::Recording),
        }
    }

    /// Who asks.
    pub fn client(&self) -> ClientId {
        match self {
            Self::Recording(order) => order.client,
            Self::Video(order) => order.client,
            Self::Page(order) => order.client,
            Self::Frame(order) => order.client,
        }
    }

    /// The order is void when this pass ends.
    pub fn pass(&self) -> Option<Pass> {
        match self {
            Self::Recording(order) => order.pass,
            Self::Video(order) => order.pass,
            Self::Page(order) => order.pass,
            Self::Frame(order) => order.pass,
        }
    }
}

/// An order with texts of clients, so that a header can carry it.
fn encoded(kind: &str, order: &impl Serialize) -> String {
    format!("{kind}{}", utf8_percent_encode(&serde_json::json!(order).to_string(), NON_ALPHANUMERIC))
}

fn decoded<T: for<'d> Deserialize<'d>>(encoded: &str) -> Option<T> {
    let json: Vec<u8> = percent_decode_str(encoded).collect();
    serde_json::from_slice(&json).ok()
}

impl RecordingOrder {
    fn from_header(text: &str) -> Option<Self> {
        let mut words = text.strip_prefix(RECORDING)?.split(' ');
        let name = Name::parse(words.next()?)?;
        let mut number = || words.next().map(|word| word.parse().ok());
        let (from, length, client) = (number()??, number()??, ClientId(number()??));
        let pass = match number() {
            None => None,
            Some(pass) => Some(pass?),
        };
        (words.next().is_none() && length > 0).then_some(Self { name, from, length, client, pass })
    }
}

/// The reason phrase of a status code (RFC 9110 section 15); clients ignore it.
pub fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        421 => "Misdirected Request",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Status",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::conditions::Conditions;
    use crate::files::page::PagePath;
    use crate::picture::Size;

    #[test]
    fn an_order_for_a_file_arrives_as_it_was_given_and_names_only_recordings() {
        let name = Name { camera: "door".to_owned(), start: 1_800_000_000, time_lapse: false };
        let order = RecordingOrder {
            name: name.clone(),
            from: 5,
            length: u64::MAX,
            client: ClientId(u64::MAX),
            pass: Some(7),
        };
        for order in [order.clone(), RecordingOrder { pass: None, ..order }].map(FileOrder::Recording) {
            assert_eq!(FileOrder::from_header(&order.to_header()), Some(order.clone()));
            assert_eq!(Order::from_header(&order.to_header()), None);
        }
        for bad in [
            "file /etc/passwd 0 5 1".to_owned(),
            "file ../secret.mkv 0 5 1".to_owned(),
            format!("file {name}"),
            format!("file {name} 0"),
            format!("file {name} 0 5"),
            format!("file {name} 0 0 1"),
            format!("file {name} -1 5 1"),
            format!("file {name} 0 5 x"),
            format!("file {name} 0 5 1 x"),
            format!("file {name} 0 5 1 6 7"),
        ] {
            assert_eq!(FileOrder::from_header(&bad), None, "{bad}");
        }
    }

    #[test]
    fn an_order_for_a_page_s_file_arrives_as_it_was_given_and_leads_nowhere_else() {
        let conditions = Conditions {
            is_head: true,
            if_none_match: Some("W/\"a b\", *".to_owned()),
            if_range: None,
            range: Some("bytes=0-\u{e9}".to_owned()),
        };
        let path = PagePath::of_url("/k\u{fc}che/a b.html").unwrap();
        let request = PageRequest { path, as_folder: "./k%C3%BCche/".to_owned(), conditions };
        let order = FileOrder::Page(PageOrder { request, client: ClientId(u64::MAX), pass: Some(7) });
        let header = order.to_header();
        assert!(header.is_ascii() && !header.contains(char::is_control), "{header}");
        assert_eq!(Order::from_header(&header), None);
        assert_eq!(FileOrder::from_header(&header), Some(order));
        let elsewhere = header.replace("k%C3%BCche%2F", "%2E%2E%2F");
        assert_ne!(elsewhere, header);
        assert_eq!(FileOrder::from_header(&elsewhere), None);
        assert_eq!(FileOrder::from_header("page x"), None);
    }

    #[test]
    fn an_order_for_a_frame_arrives_as_it_was_given_and_names_only_recordings() {
        let name = Name { camera: "door".to_owned(), start: 1_800_000_000, time_lapse: false };
        let smaller = Variant { size: Some(Size { width: 320, height: 180 }), quality: 60 };
        let request = FrameRequest { name, at_ms: 1234, step: -1, smaller: Some(smaller) };
        let order = FileOrder::Frame(FrameOrder { request, client: ClientId(1), pass: Some(7) });
        let header = order.to_header();
        assert!(header.is_ascii() && !header.contains(char::is_control), "{header}");
        assert_eq!(Order::from_header(&header), None);
        assert_eq!(FileOrder::from_header(&header), Some(order));
        let elsewhere = header.replace("door", "%2E%2E%2Fdoor");
        assert_ne!(elsewhere, header);
        assert_eq!(FileOrder::from_header(&elsewhere), None);
    }

    #[test]
    fn an_order_arrives_as_it_was_given() {
        for kind in
            [OrderKind::Stream, OrderKind::Snapshot { card: false }, OrderKind::Snapshot { card: true }]
        {
            let plain = Order::new(kind, 3);
            let size = Some(Size { width: 640, height: 16_384 });
            let with_all = Order {
                id: Some("page-1".to_owned()),
                variant: Some(Variant { size, quality: 1 }),
                client: Some(ClientId(u64::MAX)),
                fps: Some("0.5".parse().unwrap()),
                advance_headers: true,
                pass: Some(u64::MAX),
                ..plain.clone()
            };
            let quality_alone =
                Order { variant: Some(Variant { size: None, quality: 100 }), ..plain.clone() };
            let name = Name { camera: "door".to_owned(), start: 1_800_000_000, time_lapse: false };
            let speed = "0.25".parse().unwrap();
            let played = Some(PlaybackOrder { name, start_ms: u64::MAX, speed });
            let played = Order { playback: played, ..with_all.clone() };
            for order in [plain, with_all, quality_alone, played] {
                assert_eq!(Order::from_header(&order.to_header()), Some(order));
            }
        }
        for bad in ["stream", "stream 1", "stream camera=x", "stream camera=1 a", "stream camera=1 size=1x1"]
            .into_iter()
            .chain(["stream camera=1 recording=../x", "stream camera=1 speed=2"])
        {
            assert_eq!(Order::from_header(bad), None, "{bad}");
        }
    }
}
