//! Checks files with a reader of its own, so that the writer does not check itself; tests/clients use ffprobe, ffmpeg
//! and VLC.

use std::time::Duration;

use super::*;
use proptest::prelude::*;

/// One element: identifier, offset of its contents, contents.
struct Found<'a>(u32, usize, &'a [u8]);

/// The elements of `bytes`, which are at `offset` in the file. An unknown size reaches to the end; `None` if an
/// element is cut off.
fn elements(bytes: &[u8], offset: usize) -> Option<Vec<Found<'_>>> {
    let (mut at, mut found) = (0, Vec::new());
    while at < bytes.len() {
        let length = bytes[at].leading_zeros() as usize + 1;
        let id = bytes.get(at..at + length)?.iter().fold(0, |id, byte| id << 8 | u32::from(*byte));
        at += length;
        let length = bytes.get(at)?.leading_zeros() as usize + 1;
        let size = bytes.get(at..at + length)?.iter().fold(0, |size, byte| size << 8 | u64::from(*byte));
        at += length;
        let (size, unknown) = (size & ((1 << (7 * length)) - 1), (1 << (7 * length)) - 1);
        let end = if size == unknown { bytes.len() } else { at + size as usize };
        found.push(Found(id, offset + at, bytes.get(at..end)?));
        at = end;
    }
    Some(found)
}

fn only<'a>(found: &'a [Found<'_>], id: u32) -> &'a Found<'a> {
    found.iter().find(|element| element.0 == id).unwrap_or_else(|| panic!("no {id:x}"))
}

fn int(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

pub const SIZE: Size = Size { width: 1280, height: 720 };

/// A file with these frames, each cluster of at most `per` of them, whole if it is `closed`.
pub fn file(frames: &[(u64, Vec<u8>)], per: usize, closed: bool) -> Vec<u8> {
    let head = FileHeader::new(SIZE, SystemTime::UNIX_EPOCH);
    let (mut out, mut cues) = (head.bytes.clone(), Vec::new());
    let zero = frames.first().map_or(0, |frame| frame.0);
    for part in frames.chunks(per) {
        let mut cluster = Cluster::new(part[0].0, 10);
        for (at, jpeg) in part {
            cluster.push(*at, jpeg).unwrap();
        }
        cues.push(Cue { ms: part[0].0 - zero, at: out.len() as u64 });
        out.extend_from_slice(cluster.seal(zero));
    }
    if closed {
        let index = out.len() as u64;
        out.extend(head.index(&cues));
        let length = out.len() as u64;
        for (at, bytes) in head.patches(frames.last().map_or(0, |frame| frame.0 - zero), index, length) {
            out[at as usize..at as usize + bytes.len()].copy_from_slice(&bytes);
        }
    }
    out
}

/// The frames of a file that may be cut off.
fn frames(file: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let whole = (0..=file.len()).rev().find_map(|end| {
        let top = elements(&file[..end], 0)?;
        let segment = top.iter().find(|element| element.0 == id::SEGMENT)?;
        elements(segment.2, segment.1)
    });
    let mut frames = Vec::new();
    for cluster in whole.unwrap().iter().filter(|element| element.0 == id::CLUSTER) {
        let blocks = elements(cluster.2, cluster.1).unwrap();
        let start = int(only(&blocks, id::TIMESTAMP).2);
        for block in blocks.iter().filter(|element| element.0 == id::SIMPLE_BLOCK) {
            assert_eq!((block.2[0], block.2[3]), (0x81, 0x80));
            frames.push((start + int(&block.2[1..3]), block.2[4..].to_vec()));
        }
    }
    frames
}

#[test]
fn a_closed_file_contains_its_duration_and_where_each_cluster_is() {
    let frames: Vec<_> = (0..100).map(|n| (5000 + n * 33, vec![n as u8; 200])).collect();
    let file = file(&frames, 30, true);
    let top = elements(&file, 0).unwrap();
    let segment = only(&top, id::SEGMENT);
    assert_eq!(segment.1 + segment.2.len(), file.len(), "its length is known");
    let inside = elements(segment.2, segment.1).unwrap();
    let info = elements(only(&inside, id::INFO).2, 0).unwrap();
    let duration = f64::from_be_bytes(only(&info, id::DURATION).2.try_into().unwrap());
    assert_eq!(duration, 99.0 * 33.0);
    // Each entry of the seek head leads to what it names.
    let head = only(&inside, id::SEEK_HEAD);
    let seeks = elements(head.2, head.1).unwrap();
    assert_eq!(seeks.iter().filter(|element| element.0 == id::SEEK).count(), 3);
    for seek in &seeks {
        let seek = elements(seek.2, 0).unwrap();
        let target = segment.1 + int(only(&seek, id::SEEK_POSITION).2) as usize;
        assert_eq!(&file[target..target + 4], only(&seek, id::SEEK_ID).2);
    }
    let cues = elements(only(&inside, id::CUES).2, 0).unwrap();
    assert_eq!(cues.len(), 4);
    for (n, cue) in cues.iter().enumerate() {
        let cue = elements(cue.2, 0).unwrap();
        assert_eq!(int(only(&cue, id::CUE_TIME).2), n as u64 * 30 * 33);
        let positions = elements(only(&cue, id::CUE_TRACK_POSITIONS).2, 0).unwrap();
        let target = segment.1 + int(only(&positions, id::CUE_CLUSTER_POSITION).2) as usize;
        assert_eq!(int(&file[target..target + 4]), u64::from(id::CLUSTER));
    }
}

#[test]
fn the_start_time_can_be_corrected() {
    let head = FileHeader::new(SIZE, SystemTime::UNIX_EPOCH);
    let mut bytes = head.bytes.clone();
    let (at, date) = head.date_patch(SystemTime::UNIX_EPOCH + Duration::from_secs(978_307_201));
    bytes[at as usize..at as usize + date.len()].copy_from_slice(&date);
    let segment = elements(&bytes, 0).unwrap();
    let inside = elements(only(&segment, id::SEGMENT).2, 0).unwrap();
    let info = elements(only(&inside, id::INFO).2, 0).unwrap();
    assert_eq!(int(only(&info, id::DATE_UTC).2), 1_000_000_000);
}

#[test]
fn a_frame_that_is_too_far_or_too_large_does_not_fit() {
    let mut cluster = Cluster::new(1000, 0);
    assert_eq!(cluster.push(1000 + CLUSTER_SPAN, b"a"), Ok(()));
    let before = cluster.length();
    assert_eq!(cluster.push(1001 + CLUSTER_SPAN, b"b"), Err(Unfit::Full));
    assert_eq!(cluster.length(), before);
}

proptest! {
    #[test]
    fn frames_and_times_are_those_that_were_put_in_and_a_cut_loses_only_what_is_behind_it(
        steps in prop::collection::vec((1u64..2000, prop::collection::vec(any::<u8>(), 0..300)), 1..20),
        per in 1usize..6, closed: bool, cut in 0.0f64..1.0,
    ) {
        let mut at = 77;
        let given: Vec<_> = steps.into_iter().map(|(step, jpeg)| { at += step; (at, jpeg) }).collect();
        let file = file(&given, per, closed);
        let zero = given[0].0;
        let expected: Vec<_> = given.iter().map(|(at, jpeg)| (at - zero, jpeg.clone())).collect();
        prop_assert_eq!(frames(&file), expected.clone());
        if !closed {
            let head = FileHeader::new(SIZE, SystemTime::UNIX_EPOCH).bytes.len();
            let end = head + ((file.len() - head) as f64 * cut) as usize;
            let left = frames(&file[..end]);
            prop_assert_eq!(&left[..], &expected[..left.len()]);
            prop_assert!(left.len().is_multiple_of(per) || left.len() == expected.len());
        }
    }
}
