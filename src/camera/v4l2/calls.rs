//! A device's descriptor for the calls that crate v4l lacks.
//!
//! Used by the modules of [`super`] that set a device or read it by `v4l2_calls`.

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::OFlags;
use v4l2_calls::formats::Kind;

/// A descriptor for the calls that crate v4l lacks.
#[derive(Debug, Clone)]
pub struct Calls {
    /// The open device.
    pub file: Arc<File>,
    /// Which of its queues delivers pictures.
    pub kind: Kind,
}

impl Calls {
    /// Opens a device for them.
    ///
    /// # Errors
    /// That of open(2).
    pub fn open(path: &Path, kind: Kind) -> io::Result<Calls> {
        let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
        let file = File::options().read(true).write(true).custom_flags(flags).open(path)?;
        Ok(Calls { file: Arc::new(file), kind })
    }
}
