//! Draws the frames of the simulated camera into a folder: `feed FOLDER`.
#![forbid(unsafe_code)]

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("usage: feed FOLDER")?;
    rig::feed::write(Path::new(&folder))
}
