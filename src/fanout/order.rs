//! What the site asks of gate and fan-out: serve this connection from a camera's ring.
//!
//! It travels as private headers in the site's answer (as nginx does with X-Accel-Redirect). The gate takes
//! them out; no client sees one, and none that a client sends gets in.

use std::fmt::Write;

/// Private headers of the site's answers begin with this.
pub const PREFIX: &str = "X-Boardcam-";

/// The header that carries an [`Order`].
pub const HEADER: &str = "X-Boardcam-Serve";

/// The longest name that a viewer may give itself, in characters.
pub const VIEWER_ID_MAX: usize = 32;

/// What to serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Frames until the client goes.
    Stream,
    /// One frame that was captured after the request came.
    Snapshot {
        /// The drawn card will do.
        card: bool,
    },
}

/// One viewer's wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// What to serve.
    pub kind: Kind,
    /// Which camera, counted from 0 in the order of the settings.
    pub camera: usize,
    /// How the viewer calls itself in `/state`.
    pub id: Option<String>,
}

impl Order {
    /// The value of the private header.
    pub fn to_header(&self) -> String {
        let kind = match self.kind {
            Kind::Stream => "stream",
            Kind::Snapshot { card: false } => "snapshot",
            Kind::Snapshot { card: true } => "card",
        };
        let mut text = format!("{kind} {}", self.camera);
        if let Some(id) = &self.id {
            let _ = write!(text, " {id}"); // a String takes everything
        }
        text
    }

    /// Reads the value of the private header; `None` if the site did not write it.
    pub fn from_header(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let kind = match words.next()? {
            "stream" => Kind::Stream,
            "snapshot" => Kind::Snapshot { card: false },
            "card" => Kind::Snapshot { card: true },
            _ => return None,
        };
        let camera = words.next()?.parse().ok()?;
        let id = words.next().map(str::to_owned);
        words.next().is_none().then_some(Order { kind, camera, id })
    }

    /// Whether a viewer may call itself so: short, and safe in headers, logs and JSON.
    pub fn is_viewer_id(text: &str) -> bool {
        (1..=VIEWER_ID_MAX).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_arrives_as_it_was_given() {
        for kind in [Kind::Stream, Kind::Snapshot { card: false }, Kind::Snapshot { card: true }] {
            for id in [None, Some("page-1".to_owned())] {
                let order = Order { kind, camera: 3, id };
                assert_eq!(Order::from_header(&order.to_header()), Some(order));
            }
        }
        assert_eq!(Order::from_header("stream"), None);
        assert_eq!(Order::from_header("stream 1 a b"), None);
    }
}
