//! Files on their way to clients: recordings, single frames of them, and the page of your own (`--static`).
//!
//! The site names a file and never looks at it, since a disk may hang. A [`reader`]'s thread opens it. Of a recording
//! as it is, the site knows version and length from the list; of a page's file, or of a recording in another format, they
//! come from the file that was opened, and [`page`] or [`video`] makes the answer from it.

pub mod answer;
pub mod conditions;
pub mod frame;
mod movie_head;
pub mod page;
mod range;
pub mod reader;
mod types;
pub mod version;
pub mod video;
