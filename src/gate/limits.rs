//! The bounds of the gate. Each is reached in a test.

use std::time::Duration;

/// The largest request head, in bytes. Browsers send the cookies of every program on the board along, some kilobytes
/// of them beside OctoPrint and Home Assistant.
pub const HEAD_MAX: usize = 32 << 10;

/// The most header lines of a request.
pub const HEADERS_MAX: usize = 64;

/// The largest request body, in bytes.
pub const BODY_MAX: usize = 64 << 10;

/// A request is refused when it is not whole this long after its first byte. A connection is closed when its TLS
/// handshake is not done this long after it was accepted.
pub const REQUEST_TIME: Duration = Duration::from_secs(5);

/// The most TLS handshakes at once. For one more the oldest is dropped of the client that has most, so that clients that
/// begin one and do not finish it keep nobody out. Each may hold one message of up to 64 KiB for at most [`REQUEST_TIME`].
pub const HANDSHAKES: usize = 128;

/// A connection on which no request begins for this long is closed.
pub const IDLE_TIME: Duration = Duration::from_secs(15);

/// A client that takes nothing of its answer for this long is dropped.
pub const ANSWER_TIME: Duration = Duration::from_secs(10);

/// How long the input of a refused client is discarded, so that no reset overtakes the answer.
pub const LINGER_TIME: Duration = Duration::from_secs(2);

/// How often deadlines are checked.
pub const TICK: Duration = Duration::from_millis(250);

/// The longest that a request waits for a relay; then it is answered with 503.
pub const TURN_TIME: Duration = SITE_TIME;

/// The number of relays, and of the site's workers.
pub const RELAYS: usize = 4;

/// The most relays that carry requests whose password must be hashed, which takes long. One password is hashed at a
/// time; the second one is at hand when it is done.
pub const CHECKING_RELAYS: usize = 2;

/// The most time that the site may take for an answer.
pub const SITE_TIME: Duration = Duration::from_secs(10);

/// The largest answer of the site, head and body, in bytes.
pub const ANSWER_MAX: usize = 4 << 20;

/// How many connections above the limit get a refusal before they are closed; more are closed at once.
pub const TURNED_AWAY: usize = 16;

/// How many connections there may be above all these because those that make room for them are not closed yet, which is
/// for the other event loop to do. With a small limit, a quarter of it.
pub const DISPLACED_MAX: usize = 16;

/// The most connections that are accepted before others get their turn.
pub const ACCEPTS: usize = 16;

/// The most connections that wait to be accepted (listen(2)). mio's default of 128 is too few for 500 viewers that come
/// at once.
pub const BACKLOG: i32 = 1024;

/// Descriptors reserved for everything but clients: three for each relay (its end, the site's end, the one in flight),
/// ten for each of a few cameras, listeners, the two loops' polls, log, and files. Recordings and a page of your own need
/// more, see [`crate::record::Settings::open_files`] and [`crate::files::reader::open_files`].
pub const RESERVED_FILES: usize = 3 * RELAYS + 40;
