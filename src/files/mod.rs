//! Files on their way to clients: recordings, and the page of one's own (`--static`).
//!
//! The site names a file and never looks at it, since a disk may hang. A [`reader`]'s thread opens it. Of a recording,
//! the site knows version and length from the list; of a page's file, they come from the file that was opened, and
//! [`page`] makes the answer from it: so what is said of a file and what is sent of it are of one version.

pub mod conditions;
pub mod page;
mod range;
pub mod reader;
mod types;
pub mod version;
