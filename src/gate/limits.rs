//! The bounds of the gate. Each is reached in a test.

use std::time::Duration;

/// The largest request head, in bytes.
pub const HEAD_MAX: usize = 8 << 10;

/// The most header lines of a request.
pub const HEADERS_MAX: usize = 64;

/// The largest request body, in bytes.
pub const BODY_MAX: usize = 64 << 10;

/// A request head or body that is not whole so long after its first byte is refused, and a TLS handshake that is
/// not done so long after the connection was made ends it.
pub const REQUEST_TIME: Duration = Duration::from_secs(5);

/// TLS handshakes that are not done; for one more the oldest is given up, so that many who begin and do not go on
/// keep nobody out. Each may hold [`REQUEST_TIME`] long as much as rustls takes of one message, 64 KiB.
pub const HANDSHAKES: usize = 128;

/// A connection on which no request begins for so long is closed.
pub const IDLE_TIME: Duration = Duration::from_secs(15);

/// A client that takes nothing of its answer for so long is dropped.
pub const ANSWER_TIME: Duration = Duration::from_secs(10);

/// How long a refused client's input is thrown away, so that the reset does not overtake the answer.
pub const LINGER_TIME: Duration = Duration::from_secs(2);

/// How often deadlines are looked at.
pub const TICK: Duration = Duration::from_millis(250);

/// Requests that wait for a relay; one more is answered with 503.
pub const QUEUE: usize = 64;

/// Relays, and as many workers of the site.
pub const RELAYS: usize = 4;

/// The site must have answered so soon.
pub const SITE_TIME: Duration = Duration::from_secs(10);

/// The largest answer of the site, in bytes.
pub const ANSWER_MAX: usize = 4 << 20;

/// Connections above the limit that are told so before they are closed; more are closed at once.
pub const TURNED_AWAY: usize = 16;

/// Connections taken in one go before others get their turn.
pub const ACCEPTS: usize = 16;

/// Connections that may wait to be taken (listen(2)); mio's own listener has 128, which 500 viewers that come
/// at once exceed.
pub const BACKLOG: i32 = 1024;

/// Descriptors kept for all but clients: three for each relay (its end, the site's end, the one in flight),
/// ten for each of a few cameras, listeners, the two loops' polls, log, and files. Recordings take further ones, see
/// [`crate::record::Settings::open_files`].
pub const RESERVED_FILES: usize = 3 * RELAYS + 40;
