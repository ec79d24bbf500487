//! Turns every frame into a complete baseline JPEG (ITU T.81), by passing on the camera's own or by encoding.
//!
//! Called by [`crate::stream`], by [`crate::variants`] for smaller pictures, and by `boardcam snapshot`. Nothing here
//! waits, logs, or knows where bytes come from or go to: every function reads a slice and fills a slice of fixed size.
//!
//! | module | what it does |
//! |---|---|
//! | [`passthrough`] | checks a camera's own JPEG, and mends it: adds the Huffman tables and the EOI that it lacks |
//! | `fault` | why a frame cannot be passed on |
//! | [`decodable`] | which pictures are decoded correctly |
//! | [`eoi`] | what happens to frames without EOI |
//! | [`encode`] | raw pixels to JPEG |
//! | [`speed`] | how long this board takes to encode a pixel |
//! | `reasons` | enums of reasons, one row each |
//! | `bands` | one picture encoded on several cores |
//! | [`transcode`] | JPEG to another JPEG: smaller, turned, of lower quality |
//! | `scale` | makes a decoded picture smaller |
//! | [`card`] | the picture that is shown when there is no camera |

mod bands;
pub mod card;
pub mod decodable;
pub mod encode;
pub mod eoi;
mod fault;
pub mod passthrough;
mod reasons;
mod scale;
pub mod speed;
pub mod transcode;

pub use coefficients::marker;
