use super::movie::tests::{Found, frames_of};
use super::*;
use crate::files::answer::Body;
use crate::picture::Size;
use crate::record::matroska::{Cluster, Cue, FileHeader};
use proptest::prelude::*;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

/// A folder with one recording, whose frames have these times in ms.
struct Folder {
    path: PathBuf,
    name: Name,
    header: FileHeader,
    jpegs: Vec<(u64, Vec<u8>)>,
    bytes: Vec<u8>,
    cues: Vec<Cue>,
    heads: Heads,
}

impl Folder {
    fn new(test: &str, times: &[u64]) -> Self {
        let path = std::env::temp_dir().join(format!("boardcam-video-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path); // of an earlier run
        fs::create_dir(&path).unwrap();
        let name = Name { camera: "door".to_owned(), start: 1_800_000_000, time_lapse: false };
        let start = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let header = FileHeader::new(Size { width: 64, height: 48 }, start);
        let (bytes, heads) = (header.bytes.clone(), Heads::default());
        let (jpegs, cues) = (Vec::new(), Vec::new());
        let mut this = Self { path, name, header, jpegs, bytes, cues, heads };
        this.grow(times);
        this
    }

    /// Two frames in each cluster.
    fn grow(&mut self, times: &[u64]) {
        for pair in times.chunks(2) {
            let mut cluster = Cluster::new(pair[0], 0);
            for ms in pair {
                let jpeg = vec![*ms as u8; 20 + self.jpegs.len() % 7];
                cluster.push(*ms, &jpeg).unwrap();
                self.jpegs.push((*ms, jpeg));
            }
            self.cues.push(Cue { ms: pair[0], at: self.bytes.len() as u64 });
            self.bytes.extend(cluster.seal(0));
        }
        self.write(&self.bytes);
    }

    fn close(&mut self) {
        let index = self.header.index(&self.cues);
        let at = self.bytes.len() as u64;
        let last = self.jpegs.last().unwrap().0;
        self.bytes.extend(&index);
        for (place, bytes) in self.header.patches(last, at, self.bytes.len() as u64) {
            self.bytes[place as usize..][..bytes.len()].copy_from_slice(&bytes);
        }
        self.write(&self.bytes);
    }

    fn write(&self, bytes: &[u8]) {
        fs::write(self.path.join(self.name.to_string()), bytes).unwrap();
    }

    fn answer(&self, part: Part, conditions: Conditions) -> Answer {
        let request = VideoRequest { name: self.name.clone(), format: Format::Mp4, part, conditions };
        answer(&self.path, &request, &self.heads, &|| true)
    }

    fn get(&self, part: Part) -> (Answer, Vec<u8>) {
        let answer = self.answer(part, Conditions::default());
        let bytes = body(&answer);
        (answer, bytes)
    }

    /// The frames of a file that must be whole; each must be the recording's at its time.
    fn frames(&self, part: Part) -> Vec<Found> {
        let (answer, file) = self.get(part);
        assert_eq!((answer.status, answer.length), (200, Some(file.len() as u64)));
        let found = frames_of(&file);
        let first = file[found[0].at as usize..][..found[0].length as usize].to_vec();
        let first = self.jpegs.iter().position(|(_, jpeg)| *jpeg == first).unwrap();
        for (one, (ms, jpeg)) in found.iter().zip(&self.jpegs[first..]) {
            assert_eq!(one.ms, ms - self.jpegs[first].0);
            assert!(file[one.at as usize..][..one.length as usize] == *jpeg, "{one:?}");
        }
        found
    }

    fn refusal(&self, part: Part) -> (u16, String) {
        let (answer, text) = self.get(part);
        (answer.status, String::from_utf8(text).unwrap())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.path).unwrap();
    }
}

fn body(answer: &Answer) -> Vec<u8> {
    match &answer.body {
        Body::Text(text) => text.clone().into_bytes(),
        Body::Bytes(bytes) => bytes.clone(),
        Body::None => Vec::new(),
        Body::File(file, from) => {
            let mut bytes = vec![0; answer.length.unwrap() as usize];
            // In pieces, as it is sent.
            for (n, piece) in bytes.chunks_mut(100).enumerate() {
                file.read(piece, from + 100 * n as u64).unwrap();
            }
            bytes
        }
    }
}

fn header(answer: &Answer, name: &str) -> Option<String> {
    answer.headers.iter().find(|(own, _)| *own == name).map(|(_, value)| value.clone())
}

fn cut(from: u64, to: u64) -> Part {
    Part { from, to: Some(to) }
}

/// Uneven, as those of a camera in the dark.
const TIMES: [u64; 8] = [0, 40, 100, 133, 2000, 2050, 2500, 3000];

#[test]
fn a_recording_has_all_its_frames_with_the_times_of_their_capture() {
    let mut folder = Folder::new("whole", &TIMES);
    assert_eq!(folder.frames(Part::WHOLE).len(), 8);
    folder.close();
    let found = folder.frames(Part::WHOLE);
    assert_eq!((found.len(), found[7].shown), (8, 500));
    let (answer, _) = folder.get(Part::WHOLE);
    assert_eq!(header(&answer, "Content-Type").as_deref(), Some("video/mp4"));
    assert_eq!(
        header(&answer, "Content-Disposition").as_deref(),
        Some("attachment; filename=\"door_2027-01-15_08-00-00Z.mp4\"")
    );
}

#[test]
fn a_cut_begins_with_the_frame_that_is_shown_then_and_ends_before_its_end() {
    let mut folder = Folder::new("cut", &TIMES);
    for closed in [false, true] {
        if closed {
            folder.close();
        }
        let times = |part| {
            let found = folder.frames(part);
            (found.len(), found[0].shown, found.last().unwrap().shown)
        };
        assert_eq!(times(cut(50, 2001)), (4, 60, 1), "{closed}"); // 40, 100, 133, 2000
        assert_eq!(times(cut(40, 41)), (1, 1, 1));
        assert_eq!(times(cut(1, 2000)), (4, 40, 1867));
        assert_eq!(times(cut(2100, 2200)), (1, 150, 150), "{closed}");
        assert_eq!(times(cut(2600, 9999)), (2, 500, 500));
        assert_eq!(times(Part { from: 3000, to: None }), (1, ALONE, ALONE));
        let (status, why) = folder.refusal(Part { from: 3001, to: None });
        assert!(status == 400 && why.contains("at 3 s"), "{status} {why}");
    }
    let (answer, _) = folder.get(cut(2999, 9999));
    assert!(header(&answer, "Content-Disposition").unwrap().contains("door_2027-01-15_08-00-02Z.mp4"));
}

const ALONE: u32 = 40;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_range_of_the_file_is_that_part_of_the_whole(first in 0usize..1200, length in 1usize..1200, to in 1u64..4000) {
        let folder = Folder::new("range", &TIMES);
        let (whole, bytes) = folder.get(cut(0, to));
        let range = Some(format!("bytes={first}-{}", first + length - 1));
        let answer = folder.answer(cut(0, to), Conditions { range, ..Conditions::default() });
        prop_assert_eq!(header(&answer, "ETag"), header(&whole, "ETag"));
        if first >= bytes.len() {
            prop_assert_eq!(answer.status, 416);
        } else {
            prop_assert_eq!(answer.status, 206);
            prop_assert_eq!(&body(&answer)[..], &bytes[first..bytes.len().min(first + length)]);
        }
    }
}

#[test]
fn conditions_are_those_of_one_version_of_the_file() {
    let mut folder = Folder::new("conditions", &TIMES);
    let tag = |folder: &Folder, part| header(&folder.get(part).0, "ETag").unwrap();
    let (whole, past) = (tag(&folder, Part::WHOLE), tag(&folder, cut(40, 2020)));
    assert_ne!(whole, past);
    let if_none_match = Some(whole.clone());
    let known = folder.answer(Part::WHOLE, Conditions { if_none_match, ..Conditions::default() });
    assert_eq!((known.status, known.length), (304, None));
    let head = folder.answer(Part::WHOLE, Conditions { is_head: true, ..Conditions::default() });
    assert_eq!((head.status, head.length), (200, folder.get(Part::WHOLE).0.length));
    assert!(matches!(head.body, Body::None));
    let range = |if_range: &str| {
        let (range, if_range) = (Some("bytes=0-9".to_owned()), Some(if_range.to_owned()));
        folder.answer(Part::WHOLE, Conditions { range, if_range, ..Conditions::default() }).status
    };
    assert_eq!((range(&whole), range(&past)), (206, 200));
    // While the recording goes on, a part that is over stays what it was.
    folder.grow(&[4000, 4040]);
    assert_eq!(tag(&folder, cut(40, 2020)), past);
    assert_ne!(tag(&folder, Part::WHOLE), whole);
    folder.close();
    assert_eq!(tag(&folder, cut(40, 2020)), past);
}

#[test]
fn a_recording_that_was_cut_off_anywhere_has_the_frames_that_are_whole() {
    let folder = Folder::new("power", &TIMES);
    let mut counts = Vec::new();
    let whole = folder.bytes.len();
    for length in (0..=whole).filter(|length| (whole - length).is_multiple_of(3)) {
        folder.write(&folder.bytes[..length]);
        let answer = folder.answer(Part::WHOLE, Conditions::default());
        match answer.status {
            200 => counts.push(folder.frames(Part::WHOLE).len()),
            _ => {
                let (status, why) = folder.refusal(Part::WHOLE);
                assert!(counts.is_empty() && status == 409, "{length}: {status} {why}");
            }
        }
    }
    assert!(counts.is_sorted());
    counts.dedup();
    assert_eq!(counts, [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn what_is_no_recording_is_refused_with_the_reason() {
    let folder = Folder::new("garbage", &TIMES);
    for (bytes, expected) in [
        (&b""[..], "no whole picture"),
        (b"garbage", "not a recording"),
        (&[0; 10_000], "not a recording"),
        (&folder.header.bytes, "no whole picture"),
        (&[&folder.header.bytes[..], &[7; 500]].concat(), "damaged"),
    ] {
        folder.write(bytes);
        let (status, why) = folder.refusal(Part::WHOLE);
        assert!(status == 409 && why.contains(expected), "{status} {why}");
    }
    fs::remove_file(folder.path.join(folder.name.to_string())).unwrap();
    assert_eq!(folder.refusal(Part::WHOLE).0, 404);
}

#[test]
fn a_recording_that_is_damaged_further_on_ends_there() {
    let folder = Folder::new("damaged", &TIMES);
    let mut bytes = folder.bytes.clone();
    let at = folder.cues[2].at as usize;
    bytes[at..at + 4].copy_from_slice(b"oops");
    folder.write(&bytes);
    assert_eq!(folder.frames(Part::WHOLE).len(), 4);
}

#[test]
fn frames_are_not_looked_for_when_nobody_waits_any_more() {
    let times: Vec<u64> = (0..300).map(|n| n * 33).collect();
    let folder = Folder::new("unwanted", &times);
    let looks = std::cell::Cell::new(0);
    let is_wanted = || {
        looks.set(looks.get() + 1);
        looks.get() < 3
    };
    let file = fs::File::open(folder.path.join(folder.name.to_string())).unwrap();
    assert!(matches!(cut::read(file, Part::WHOLE, &is_wanted), Err(CutError::TooSlow)));
    assert_eq!(looks.get(), 3);
}
