//! Crate v4l panics on answers that it does not know; here such a panic becomes an error.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Makes a call into crate v4l whose conversions panic on an answer that they do not know: a card name that is not
/// UTF-8 (uvcvideo cuts names at 31 bytes, even in the middle of a character), or a newer colorspace.
///
/// # Errors
/// What the call returned; [`io::ErrorKind::InvalidData`] if it panicked.
pub fn catch_panic<T>(call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    // Unwind safety: these calls only read what the kernel returned, and hold nothing whose drop could panic too.
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| Err(unreadable()))
}

/// The error for an answer that crate v4l cannot read.
pub fn unreadable() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "an answer that crate v4l cannot read")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_makes_crate_v4l_panic_becomes_an_error() {
        let broken = catch_panic(|| -> io::Result<()> { panic!("Invalid colorspace") }).unwrap_err();
        assert_eq!(broken.kind(), io::ErrorKind::InvalidData);
        assert_eq!(catch_panic(|| Ok(7)).unwrap(), 7);
    }
}
