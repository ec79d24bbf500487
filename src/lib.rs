//! boardcam takes pictures from a camera and shows them live to every browser and player on the network, at
//! the lowest cost in CPU, memory and delay that the board allows.
//!
//! # The way of a frame
//!
//! ```text
//! camera ──▶ jpeg ──▶ ring ──▶ fan-out ──▶ viewers
//!                                 ▲
//!                                 │ a viewer's socket, when the site says so
//!                                 │
//!           site (rouille) ◀──▶ gate ◀──▶ network
//! ```
//!
//! | room | what happens in it |
//! |---|---|
//! | [`auth`] | who may do what: users, sessions, tokens |
//! | [`config`] | what can be set, from command line and file |
//! | [`camera`] | where frames come from |
//! | [`jpeg`] | every frame becomes a whole JPEG, by mending the camera's own or by encoding |
//! | [`canvas`] | a picture to draw on, for the card and the test pattern |
//! | [`stream`] | one camera's thread: source, then JPEG, then ring; and its recovery |
//! | [`ring`] | the newest frames in fixed slots, with the bytes of [`multipart`] around them |
//! | [`feed`] | what one camera shares with the rest: ring, status, and whether anybody watches |
//! | [`pace`] | fewer frames than the camera gives, for those who ask for that |
//! | [`variants`] | smaller pictures, one transcode for all who want the same |
//! | [`record`] | what the cameras see, kept on a disk |
//! | [`fanout`] | all live viewers, on the gate's event loops |
//! | [`socket`] | a client's connection, plain or TLS |
//! | [`gate`] | the only thing that the network reaches: one bounded request at a time, in plain or over HTTPS |
//! | [`site`] | the rouille server: all URLs and pages |
//! | [`qr`] | QR codes, for terminal and page |
//! | [`serve`] | puts the rooms together and takes them apart |
//! | [`host`] | the board around us: log, signals, limits, service manager, its addresses, and how it is found |
//! | [`problem`] | what goes wrong, told so that one can act on it |
//!
//! # Principles
//!
//! - Frames flow one way. Nothing behind the ring can slow down what is before it; nobody before it knows who
//!   watches, save whether anyone does.
//! - Every input from outside is hostile or broken: bytes of the network, of cameras, of files. Each has a
//!   bound, and every wait has an end.
//! - A panic in one camera or one request ends that one; the rest goes on.
#![forbid(unsafe_code)]

pub mod auth;
pub mod camera;
pub mod canvas;
pub mod config;
pub mod fanout;
pub mod feed;
pub mod gate;
pub mod host;
pub mod jpeg;
pub mod multipart;
pub mod pace;
pub mod problem;
pub mod qr;
pub mod record;
pub mod ring;
pub mod serve;
pub mod site;
pub mod snapshot;
pub mod socket;
pub mod stream;
pub mod variants;
