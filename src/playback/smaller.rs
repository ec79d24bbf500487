//! Makes pictures of recordings smaller, for playbacks and for single frames, within a bound of memory for all of them.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::budget::{Budget, NoShare};
use crate::jpeg::encode::Encoder;
use crate::jpeg::transcode::{TranscodeError, Transcoder};
use crate::picture::Size;
use crate::problem::{Text, text};
use crate::variants::Variant;

/// The most memory that is used for that at once, in bytes. Large pictures so are made one after the other, small ones
/// side by side; what needs more alone is refused. It is enough for cameras' pictures of 16 megapixels (baseline, with two
/// pixels for a sample of colour), and for progressive ones of 8.
pub const DECODING_BYTES: usize = 128 << 20;

/// The longest wait for this memory. A viewer waits a little longer for its first frame
/// ([`crate::fanout::SNAPSHOT_LIMIT`]).
pub const TURN_TIME: Duration = Duration::from_secs(4);

/// The least length of an output for a small JPEG.
const OUTPUT_MIN: usize = 64 << 10;

/// Why a picture was not made smaller.
#[derive(Debug)]
pub enum NotSmaller {
    /// It takes more than [`DECODING_BYTES`].
    TooLarge,
    /// Others are made smaller for longer than one waits.
    Busy,
    /// There is not enough memory for it.
    NoMemory(io::Error),
    /// It cannot be decoded, or not be encoded again.
    Picture(TranscodeError),
}

impl From<NoShare> for NotSmaller {
    fn from(none: NoShare) -> Self {
        match none {
            NoShare::TooLarge => Self::TooLarge,
            NoShare::Busy => Self::Busy,
        }
    }
}

impl From<TranscodeError> for NotSmaller {
    fn from(error: TranscodeError) -> Self {
        Self::Picture(error)
    }
}

impl NotSmaller {
    /// What is wrong, in words.
    pub fn text(&self) -> Text {
        match self {
            Self::TooLarge => text!(
                "that takes more than {} MiB of memory; ask for a smaller size, or for the picture as it is",
                DECODING_BYTES >> 20
            ),
            Self::Busy => text!("this board is busy with others"),
            Self::NoMemory(error) => text!("there is not enough memory: {}", Text::from(error)),
            Self::Picture(error) => error.text(),
        }
    }
}

/// Makes pictures smaller; one for all threads. Nothing is kept from one picture to the next.
#[derive(Debug)]
pub struct Smaller {
    memory: Arc<Budget>,
}

impl Default for Smaller {
    fn default() -> Self {
        Self { memory: Budget::new(DECODING_BYTES) }
    }
}

impl Smaller {
    /// With less memory.
    #[cfg(test)]
    pub fn with_bytes(bytes: usize) -> Self {
        Self { memory: Budget::new(bytes) }
    }

    /// Makes a JPEG smaller; returns it and its size. Waits until there is memory for that, at most `turn` and only while it
    /// is wanted.
    ///
    /// # Errors
    /// [`NotSmaller`] says why there is none.
    pub fn make(
        &self,
        jpeg: &[u8],
        Variant { size, quality }: Variant,
        turn: Duration,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<(Vec<u8>, Size), NotSmaller> {
        let output_max = OUTPUT_MIN.max(2 * jpeg.len()); // none gets a higher quality than it has
        let memory = Transcoder::memory(jpeg, size)?.saturating_add(output_max);
        let _share = self.memory.wait_for(memory, turn, is_wanted)?;
        let mut transcoder = Transcoder::new(size, Encoder::in_bands(quality, 1));
        let made = transcoder.decode(jpeg)?.size;
        let length = Transcoder::output_len(made).max(jpeg.len()).min(output_max);
        let mut bytes = Vec::new();
        bytes
            .try_reserve_exact(length)
            .map_err(|_| NotSmaller::NoMemory(io::ErrorKind::OutOfMemory.into()))?;
        bytes.resize(length, 0);
        let length = transcoder.encode(jpeg, &mut bytes)?;
        bytes.truncate(length);
        bytes.shrink_to_fit();
        Ok((bytes, made))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JPEG: &[u8] = include_bytes!("../../tests/pictures/non-interleaved.jpg");
    const SMALL: Variant = Variant { size: Some(Size { width: 32, height: 24 }), quality: 50 };

    fn make(smaller: &Smaller) -> Result<(Vec<u8>, Size), NotSmaller> {
        smaller.make(JPEG, SMALL, Duration::ZERO, &|| true)
    }

    #[test]
    fn a_picture_is_made_smaller_only_with_memory_for_it() {
        let smaller = Smaller::default();
        let (jpeg, size) = make(&smaller).unwrap();
        assert!(size == SMALL.size.unwrap() && jpeg.len() < JPEG.len(), "{size} {}", jpeg.len());
        assert_eq!(smaller.memory.used(), 0, "it is given back");
        assert!(matches!(make(&Smaller::with_bytes(1 << 20)), Err(NotSmaller::TooLarge)));
        let _others = smaller.memory.wait_for(DECODING_BYTES, Duration::ZERO, &|| true).unwrap();
        assert!(matches!(make(&smaller), Err(NotSmaller::Busy)));
    }
}
