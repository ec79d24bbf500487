//! boardcam takes pictures from a camera and shows them live to every browser and player on the network, at
//! the lowest cost in CPU, memory and delay that the board allows.
//!
//! # The path of a frame
//!
//! ```text
//! camera ──▶ jpeg ──▶ ring ──▶ fanout ──▶ viewers
//!                                 ▲
//!                                 │ a viewer's socket, when the site orders it
//!                                 │
//!           site (rouille) ◀──▶ gate ◀──▶ network
//! ```
//!
//! # Layers
//!
//! Each module uses only modules below it in this table; `tests/layers.rs` enforces this.
//!
//! | module | what it does |
//! |---|---|
//! | [`serve`] | builds a running service from the modules, and shuts it down |
//! | [`snapshot`] | `boardcam snapshot`: one picture into a file |
//! | [`check`] | `boardcam check`: the settings, and whether boardcam would start with them |
//! | [`config`] | the command line and the settings file |
//! | [`site`] | the rouille server: all URLs, permissions and pages |
//! | [`notify`] | tells others what happened: a web hook, a command |
//! | [`gate`] | the only thing that the network reaches: one bounded request at a time, over HTTP or HTTPS |
//! | [`fanout`] | all live viewers, on the gate's event loops |
//! | [`protocol`] | orders from the site to gate and fan-out in private headers: serve this stream, snapshot or file |
//! | [`auth`] | who may do what: users, sessions, tokens |
//! | [`files`] | files on their way to clients: recordings, and a page of your own |
//! | [`playback`] | recordings, played as live streams are |
//! | [`record`] | recordings on a disk |
//! | [`motion`] | notices when something moves in a picture |
//! | [`variants`] | smaller pictures, one transcode for all viewers that want the same |
//! | [`stream`] | one camera's thread: source, then JPEG, then ring; and its recovery |
//! | [`events`] | what happens to the cameras: motion, lost and back, privacy |
//! | [`feed`] | what one camera shares: ring, status, counters, and the demand for frames |
//! | [`codec`] | raw pixels to JPEG by the board's hardware, or by software where that fails |
//! | [`camera`] | where frames come from: V4L2 devices, other programs, the test pattern |
//! | [`jpeg`] | every frame becomes a whole JPEG, by mending the camera's own or by encoding |
//! | [`canvas`] | a surface to draw on, for the card and the test pattern |
//! | `ring` | the newest frames in fixed slots |
//! | [`host`] | the board around us: log, signals, limits, service manager, addresses, discovery |
//! | `socket` | a client's connection, plain or TLS |
//! | `qr` | QR codes, for terminal and page |
//! | `pace` | fewer frames than the camera gives: `?fps=` |
//! | [`multipart`] | the bytes around each frame of a live stream |
//! | [`picture`] | sizes, pixel layouts, and a checked view of raw pixels |
//! | [`problem`] | errors that a person can act on: what, why, what to do |
//! | `sync` | locks that keep working after a panic |
//! | `time` | durations and moments as numbers and as time of day |
//! | `names` | what may be a name, and text from outside made safe to show |
//!
//! # Principles
//!
//! - Frames flow one way. Nothing downstream of the ring can slow down anything upstream, and nothing upstream
//!   knows who watches, only whether anyone does.
//! - Every input from outside is hostile or broken: bytes from the network, from cameras, from files. Each has a
//!   bound, and every wait has an end.
//! - A panic in one camera or one request ends that one; everything else continues.
#![forbid(unsafe_code)]

pub mod auth;
pub mod camera;
pub mod canvas;
pub mod check;
pub mod codec;
pub mod config;
pub mod events;
pub mod fanout;
pub mod feed;
pub mod files;
pub mod gate;
pub mod host;
pub mod jpeg;
pub mod motion;
pub mod multipart;
mod names;
pub mod notify;
mod pace;
pub mod picture;
pub mod playback;
pub mod problem;
pub mod protocol;
mod qr;
pub mod record;
mod ring;
pub mod serve;
pub mod site;
pub mod snapshot;
mod socket;
pub mod stream;
mod sync;
mod time;
pub mod variants;
