//! One frame of a recording as an answer, as it is or smaller. Called by the threads of [`super::reader`], which may wait
//! for the disk.

use std::io;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::answer::{Answer, Body, OpenFile};
use crate::multipart;
use crate::playback::smaller::{NotSmaller, Smaller};
use crate::problem::{Text, text};
use crate::record::matroska::read::{Block, ReadError, Reader};
use crate::record::{self, Name};
use crate::variants::Variant;

/// The largest smaller picture, in bytes: it is in memory until the client has taken it. A frame as it is, is not.
const SMALLER_MAX: usize = 4 << 20;

/// The header that says where in the recording a frame is, in seconds.
const AT: &str = "Boardcam-At";

/// Which frame of a recording is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameRequest {
    /// The recording.
    pub name: Name,
    /// The last frame at or before this time, in ms from the recording's beginning; without one, the first.
    pub at_ms: u64,
    /// 1 for the frame behind that one, -1 for the one before it. At either end, it stays the same.
    pub step: i8,
    /// Its size and quality; `None` for the frame as it is.
    pub smaller: Option<Variant>,
}

/// Why a file cannot be sent.
#[derive(Debug)]
pub enum Unreadable {
    /// The system does not read it.
    System(io::Error),
    /// There is nothing in it that could be sent.
    Refused(Text),
    /// It cannot be made smaller now, since others are.
    Busy,
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl From<ReadError> for Unreadable {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Io(error) => Self::System(error),
            other => Self::Refused(other.text()),
        }
    }
}

/// What making a frame smaller may take.
pub(super) struct Means<'a> {
    pub(super) smaller: &'a Smaller,
    /// How long it may wait for others.
    pub(super) turn: Duration,
    pub(super) is_wanted: &'a dyn Fn() -> bool,
}

/// Answers a request from the `folder` of the recordings.
pub(super) fn answer(folder: &Path, request: &FrameRequest, means: &Means<'_>) -> Result<Answer, Unreadable> {
    let mut reader = Reader::open(record::open(folder, &request.name)?)?;
    let at = Duration::from_millis(request.at_ms);
    let block = find(&mut reader, at, request.step)?
        .ok_or_else(|| Unreadable::Refused(text!("it has no picture yet")))?;
    let mut headers = vec![(AT, format!("{:.3}", block.at.as_secs_f64()))];
    let captured = reader.start().and_then(|start| start.checked_add(block.at));
    headers.extend(captured.map(|captured| ("X-Timestamp", multipart::timestamp(captured).to_string())));
    let answer = |length, body| Answer { status: 200, headers, length: Some(length), body };
    let Some(smaller) = request.smaller else {
        check_ends(&reader, &block)?;
        let file = OpenFile::growing(reader.into_source());
        return Ok(answer(block.length.into(), Body::File(file, block.offset)));
    };
    let mut jpeg = Vec::new();
    reader.read(&block, &mut jpeg)?;
    let bytes = make_smaller(&jpeg, smaller, means)?;
    Ok(answer(bytes.len() as u64, Body::Bytes(bytes)))
}

/// The last frame at or before `at`, else the first, or its neighbour.
fn find(reader: &mut Reader, at: Duration, step: i8) -> Result<Option<Block>, ReadError> {
    reader.seek(at)?;
    let block = reader.next_block()?;
    let Some(here) = block else { return Ok(None) };
    match step {
        1 => match reader.next_block() {
            Ok(Some(next)) => Ok(Some(next)),
            Err(ReadError::Io(error)) => Err(error.into()),
            Ok(None) | Err(_) => Ok(block),
        },
        -1 => {
            // Times are whole milliseconds, and no two frames have the same.
            reader.seek(here.at.saturating_sub(Duration::from_millis(1)))?;
            reader.next_block()
        }
        _ => Ok(block),
    }
}

/// Checks that a JPEG begins and ends there: a disk may have lost what was between the heads of frames.
fn check_ends(reader: &Reader, block: &Block) -> Result<(), Unreadable> {
    let mut ends = Vec::new();
    for at in [0, block.length.saturating_sub(2)] {
        let end = Block { offset: block.offset + u64::from(at), ..*block };
        let mut two = [0; 2];
        reader.read_into(&end, &mut two)?;
        ends.extend(two);
    }
    let is_jpeg = block.length >= 4 && is_jpeg(&ends);
    if is_jpeg { Ok(()) } else { Err(ReadError::Damaged(block.offset).into()) }
}

/// Whether the bytes begin and end as a JPEG does.
fn is_jpeg(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xFF, 0xD8]) && bytes.ends_with(&[0xFF, 0xD9])
}

fn make_smaller(jpeg: &[u8], variant: Variant, means: &Means<'_>) -> Result<Vec<u8>, Unreadable> {
    let refused = |why| Unreadable::Refused(text!("cannot make its pictures smaller: {}", why));
    match means.smaller.make(jpeg, variant, means.turn, means.is_wanted) {
        Ok((bytes, _)) if bytes.len() <= SMALLER_MAX => Ok(bytes),
        Ok((bytes, _)) => Err(refused(text!(
            "this one has {} bytes, and {} are the most; ask for a smaller size or a lower quality",
            bytes.len(),
            SMALLER_MAX
        ))),
        Err(NotSmaller::Busy) => Err(Unreadable::Busy),
        Err(NotSmaller::NoMemory(error)) => Err(error.into()),
        Err(why) => Err(refused(why.text())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::matroska::made::file;

    /// Recordings of one test, deleted at its end.
    struct Folder(std::path::PathBuf);

    impl Folder {
        fn with(test: &str, bytes: &[u8]) -> (Self, Name) {
            let path = std::env::temp_dir().join(format!("boardcam-frame-{test}-{}", std::process::id()));
            std::fs::create_dir(&path).unwrap();
            let name = Name { camera: "door".to_owned(), start: 1_800_000_000, time_lapse: false };
            std::fs::write(path.join(name.to_string()), bytes).unwrap();
            (Self(path), name)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).unwrap();
        }
    }

    /// The time that the answer names, or why there is none.
    fn at(folder: &Folder, name: &Name, at_ms: u64, step: i8) -> String {
        let request = FrameRequest { name: name.clone(), at_ms, step, smaller: None };
        let smaller = Smaller::default();
        let means = Means { smaller: &smaller, turn: Duration::ZERO, is_wanted: &|| true };
        match answer(&folder.0, &request, &means) {
            Ok(answer) => {
                assert!(matches!(answer.body, Body::File(..)) && answer.length == Some(5));
                answer.headers[0].1.clone()
            }
            Err(Unreadable::Refused(why)) => why.to_string(),
            Err(Unreadable::System(error)) => error.to_string(),
            Err(Unreadable::Busy) => "busy".to_owned(),
        }
    }

    #[test]
    fn the_last_frame_at_or_before_a_time_or_a_neighbour_of_it_is_the_answer() {
        let jpeg = b"\xff\xd8.\xff\xd9".to_vec();
        let frames: Vec<_> = (0..10).map(|n| (n * 500, jpeg.clone())).collect();
        let (folder, name) = Folder::with("steps", &file(&frames, 3, false));
        for (at_ms, step, expected) in [
            (0, 0, "0.000"),
            (499, 0, "0.000"),
            (500, 0, "0.500"),
            (1_000_000, 0, "4.500"),
            (0, 1, "0.500"),
            (1499, 1, "1.500"),
            (1_000_000, 1, "4.500"),
            (0, -1, "0.000"),
            (1500, -1, "1.000"),
            (u64::MAX, -1, "4.000"),
        ] {
            assert_eq!(at(&folder, &name, at_ms, step), expected, "{at_ms} {step}");
        }
    }

    #[test]
    fn the_frame_before_another_is_found_however_near_it_is() {
        let jpeg = b"\xff\xd8.\xff\xd9".to_vec();
        let frames: Vec<_> = (0..5).map(|ms| (ms, jpeg.clone())).collect();
        let (folder, name) = Folder::with("near", &file(&frames, 3, true));
        assert_eq!([2, 3, 4].map(|ms| at(&folder, &name, ms, -1)), ["0.001", "0.002", "0.003"]);
    }

    #[test]
    fn a_file_without_pictures_is_refused_with_the_reason() {
        for (test, bytes, expected) in [
            ("empty", Vec::new(), "it is empty"),
            ("garbage", vec![7; 5000], "it is not a recording that this program made"),
            ("none", file(&[], 1, false), "it has no picture yet"),
            ("damaged", file(&[(0, b"zeros".to_vec())], 1, false), "it is damaged at byte"),
        ] {
            let (folder, name) = Folder::with(test, &bytes);
            let said = at(&folder, &name, 0, 0);
            assert!(said.contains(expected), "{test}: {said}");
        }
    }
}
