use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::SystemTime;

use proptest::prelude::*;

use super::super::made::{SIZE, file};
use super::super::{Cluster as WrittenCluster, Cue, FileHeader};
use super::*;

/// Blocks, each with its time in ms and its bytes.
type Blocks = Vec<(u64, Vec<u8>)>;

/// All blocks from the next one on, and how it ended.
fn rest<S: Source>(reader: &mut Reader<S>) -> (Blocks, Result<(), ReadError>) {
    let mut found = Vec::new();
    loop {
        match reader.next_block() {
            Ok(Some(block)) => {
                let mut jpeg = Vec::new();
                reader.read(&block, &mut jpeg).unwrap();
                found.push((block.at.as_millis() as u64, jpeg));
            }
            Ok(None) => return (found, Ok(())),
            Err(error) => return (found, Err(error)),
        }
    }
}

/// A file that can grow while it is read, and counts what is read of it.
#[derive(Clone, Default)]
struct Growing {
    bytes: Rc<RefCell<Vec<u8>>>,
    read: Rc<Cell<(usize, usize)>>,
}

impl Source for Growing {
    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        let length = self.bytes.borrow().as_slice().read_at(into, at)?;
        let (times, bytes) = self.read.get();
        self.read.set((times + 1, bytes + length));
        Ok(length)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.bytes.borrow().len() as u64)
    }
}

/// A file of zeros but for a few places, as long as those of a disk are.
#[derive(Default)]
struct Sparse {
    places: BTreeMap<u64, Vec<u8>>,
    length: u64,
    reads: Cell<usize>,
    bytes: Cell<usize>,
}

impl Sparse {
    fn put(&mut self, bytes: &[u8]) {
        self.places.insert(self.length, bytes.to_vec());
        self.length += bytes.len() as u64;
    }

    /// How often it was read since the last time, and how many bytes.
    fn take_reads(&self) -> (usize, usize) {
        (self.reads.take(), self.bytes.take())
    }
}

impl Source for &Sparse {
    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        let length = into.len().min(self.length.saturating_sub(at) as usize);
        let into = &mut into[..length];
        into.fill(0);
        let before = self.places.range(..=at).next_back().map_or(0, |(place, _)| *place);
        for (place, bytes) in self.places.range(before..at + length as u64) {
            for (byte, place) in bytes.iter().zip(*place..).filter(|(_, place)| *place >= at) {
                if let Some(to) = into.get_mut((place - at) as usize) {
                    *to = *byte;
                }
            }
        }
        self.reads.set(self.reads.get() + 1);
        self.bytes.set(self.bytes.get() + length);
        Ok(length)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.length)
    }
}

/// A recording of more than 2 GiB: 15 frames a second, whose sizes change by day and night. The bytes of its pictures are
/// left out.
fn two_gib(closed: bool) -> (Sparse, u64) {
    let (header, mut out, mut cues, mut ms) =
        (FileHeader::new(SIZE, SystemTime::UNIX_EPOCH), Sparse::default(), Vec::new(), 0);
    out.put(&header.bytes);
    while out.length < 2 << 30 {
        let jpeg: usize = if ms / 600_000 % 3 == 0 { 16 << 10 } else { 90 << 10 };
        let frames = 15;
        cues.push(Cue { ms, at: out.length });
        let mut cluster = WrittenCluster::new(ms, 0);
        cluster.push(ms, b"").unwrap();
        let mut head = cluster.seal(0)[..CLUSTER_HEAD].to_vec();
        let size = (CLUSTER_HEAD - 12 + frames * (FRAME_HEAD + jpeg)) as u64;
        head[4..12].copy_from_slice(&(size | 1 << 56).to_be_bytes());
        out.put(&head);
        for frame in 0..frames {
            let mut block = vec![0xA3];
            block.extend(((BLOCK_HEAD + jpeg) as u32 | 1 << 28).to_be_bytes());
            block.push(0x81);
            block.extend((frame as u16 * 66).to_be_bytes());
            block.push(0x80);
            out.put(&block);
            out.length += jpeg as u64;
        }
        ms += frames as u64 * 66;
    }
    if closed {
        let index = out.length;
        out.put(&header.index(&cues));
        let mut head = header.bytes.clone();
        for (at, bytes) in header.patches(ms, index, out.length) {
            head[at as usize..at as usize + bytes.len()].copy_from_slice(&bytes);
        }
        out.places.insert(0, head);
    }
    (out, ms)
}

#[test]
fn a_seek_in_two_gib_reads_little_of_them_with_and_without_an_index() {
    for (closed, reads_max, bytes_max) in [(true, 40, 200 << 10), (false, 400, 16 << 20)] {
        let (file, end) = two_gib(closed);
        let mut reader = Reader::open(&file).unwrap();
        assert_eq!(reader.is_closed(), closed);
        file.take_reads();
        let last = reader.duration().unwrap().unwrap().as_millis() as u64;
        assert!(last == if closed { end } else { end - 66 }, "{last} of {end}");
        assert!(file.take_reads().0 <= 60);
        for part in [0, 1, 250, 333, 500, 501, 750, 999] {
            let to = end * part / 1000 + 7;
            reader.seek(Duration::from_millis(to)).unwrap();
            let (reads, bytes) = file.take_reads();
            assert!(
                reads <= reads_max && bytes <= bytes_max,
                "{closed} {part}: {reads} reads, {bytes} bytes"
            );
            let found = reader.next_block().unwrap().unwrap().at.as_millis() as u64;
            assert!(found <= to && to < found + 66, "{found} for {to}");
            file.take_reads();
        }
    }
}

#[test]
fn a_growing_file_is_read_on_as_it_grows_until_its_index() {
    let frames: Vec<_> = (0..40).map(|n| (n * 100, vec![n as u8; 500])).collect();
    let (open, closed) = (file(&frames, 10, false), file(&frames, 10, true));
    let source = Growing::default();
    let header = FileHeader::new(SIZE, SystemTime::UNIX_EPOCH).bytes.len();
    source.bytes.borrow_mut().extend_from_slice(&open[..header]);
    let mut reader = Reader::open(source.clone()).unwrap();
    assert_eq!(reader.duration().unwrap(), None);
    let mut found = Vec::new();
    for end in (header..open.len()).step_by(7).chain([open.len()]) {
        let there = source.bytes.borrow().len();
        source.bytes.borrow_mut().extend_from_slice(&open[there..end]);
        let (more, end) = rest(&mut reader);
        end.unwrap();
        found.extend(more);
    }
    assert_eq!(found, frames);
    source.bytes.replace(closed);
    assert!(matches!(reader.next_block(), Ok(None)));
    assert_eq!(Reader::open(source).unwrap().duration().unwrap(), Some(Duration::from_millis(3900)));
}

#[test]
fn what_the_header_says_is_there_and_another_file_is_refused() {
    let file = file(&[(5, b"a".to_vec()), (105, b"b".to_vec())], 1, true);
    let mut reader = Reader::open(file.as_slice()).unwrap();
    assert_eq!((reader.size(), reader.start()), (SIZE, Some(SystemTime::UNIX_EPOCH)));
    assert_eq!(reader.duration().unwrap(), Some(Duration::from_millis(100)));
    assert!(matches!(Reader::open(b"".as_slice()), Err(ReadError::Empty)));
    for other in [b"x".repeat(10_000), file[1..].to_vec(), file[..60].to_vec(), vec![0; 5000]] {
        assert!(matches!(Reader::open(other.as_slice()), Err(ReadError::Foreign)));
    }
    let webm: Vec<u8> = file.iter().map(|byte| if *byte == b'V' { b'W' } else { *byte }).collect();
    assert!(matches!(Reader::open(webm.as_slice()), Err(ReadError::Foreign)));
}

#[test]
fn damage_ends_it_and_the_zeros_of_a_power_cut_are_its_end() {
    let frames: Vec<_> = (0..9).map(|n| (n * 100, vec![7; 50])).collect();
    let whole = file(&frames, 3, false);
    let mut reader = Reader::open(whole.as_slice()).unwrap();
    let block = (0..5).map(|_| reader.next_block().unwrap().unwrap()).last().unwrap();
    let mut damaged = whole.clone();
    damaged[block.offset as usize - FRAME_HEAD] = 0;
    let (found, end) = rest(&mut Reader::open(damaged.as_slice()).unwrap());
    assert!(found.len() == 4 && matches!(end, Err(ReadError::Damaged(_))), "{found:?} {end:?}");
    let mut cut = whole.clone();
    cut.extend([0; 5000]);
    let mut reader = Reader::open(cut.as_slice()).unwrap();
    let (found, end) = rest(&mut reader);
    assert_eq!((found.len(), end.is_ok()), (9, true));
    assert_eq!(reader.duration().unwrap(), Some(Duration::from_millis(800)));
}

/// Times that only grow, and JPEGs.
fn frames() -> impl Strategy<Value = Vec<(u64, Vec<u8>)>> {
    let frame = (1u64..2000, prop::collection::vec(any::<u8>(), 0..300));
    prop::collection::vec(frame, 1..40).prop_map(|steps| {
        let mut at = 0;
        let mut frames: Vec<_> = steps
            .into_iter()
            .map(|(step, jpeg)| {
                at += step;
                (at, jpeg)
            })
            .collect();
        let zero = frames[0].0;
        frames.iter_mut().for_each(|frame| frame.0 -= zero);
        frames
    })
}

proptest! {
    #[test]
    fn a_file_gives_back_its_frames_and_a_seek_the_last_one_before(
        frames in frames(), per in 1usize..6, closed: bool, to in 0u64..80_000,
    ) {
        let file = file(&frames, per, closed);
        let mut reader = Reader::open(file.as_slice()).unwrap();
        let (found, end) = rest(&mut reader);
        prop_assert!(end.is_ok());
        prop_assert_eq!(&found, &frames);
        let last = frames.last().unwrap().0;
        prop_assert_eq!(reader.duration().unwrap(), Some(Duration::from_millis(if closed { last.max(1) } else { last })));
        reader.seek(Duration::from_millis(to)).unwrap();
        let expected = frames.iter().rposition(|frame| frame.0 <= to).unwrap_or(0);
        prop_assert_eq!(&rest(&mut reader).0[..], &frames[expected..]);
    }

    #[test]
    fn a_cut_loses_only_what_is_behind_it(frames in frames(), per in 1usize..6, closed: bool, cut in 0.0f64..1.0, to in 0u64..80_000) {
        let whole = file(&frames, per, closed);
        let cut = &whole[..(whole.len() as f64 * cut) as usize];
        if let Ok(mut reader) = Reader::open(cut) {
            let (found, end) = rest(&mut reader);
            prop_assert!(end.is_ok());
            prop_assert_eq!(&found[..], &frames[..found.len()]);
            reader.seek(Duration::from_millis(to)).unwrap();
            let expected = found.iter().rposition(|frame| frame.0 <= to).unwrap_or(0);
            prop_assert_eq!(&rest(&mut reader).0[..], &found[expected..]);
            let last = found.last().map(|frame| Duration::from_millis(frame.0));
            prop_assert_eq!(reader.duration().unwrap(), last);
        }
    }

    #[test]
    fn damaged_bytes_and_garbage_neither_stop_it_nor_make_it_read_much(
        frames in frames(), per in 1usize..6, closed: bool, to in 0u64..80_000,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..30),
        cut in any::<prop::sample::Index>(), garbage: bool,
    ) {
        let mut bytes = file(&frames, per, closed);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if garbage {
            let header = FileHeader::new(SIZE, SystemTime::UNIX_EPOCH).bytes.len();
            bytes[header..].reverse();
        }
        bytes.truncate(cut.index(bytes.len() * 2));
        let source = Growing::default();
        let length = bytes.len();
        source.bytes.replace(bytes);
        let Ok(mut reader) = Reader::open(source.clone()) else { return Ok(()) };
        let found = rest(&mut reader).0;
        prop_assert!(found.iter().map(|(_, jpeg)| jpeg.len() + FRAME_HEAD).sum::<usize>() <= length);
        source.read.take();
        prop_assert!(reader.seek(Duration::from_millis(to)).is_ok());
        prop_assert!(reader.duration().is_ok());
        let (reads, read) = source.read.get();
        prop_assert!(reads <= 1000 && read <= 64 * length + 10_000, "{} reads of {} bytes in {}", reads, read, length);
        let _any_end = rest(&mut reader);
    }
}

#[test]
fn a_cluster_that_claims_to_reach_beyond_all_numbers_is_none() {
    let mut head = [0xff; CLUSTER_HEAD];
    assert_eq!(Cluster::parse(&head, 0), None);
    head[4..12].copy_from_slice(&(u64::MAX ^ 1 << 56).to_be_bytes());
    assert_eq!(Cluster::parse(&head, 0), None);
    assert_eq!(Cluster::parse(&head, u64::MAX), None);
}

/// How many blocks there are before damage, or before the end if there is none.
fn blocks_before_damage(file: &[u8]) -> (usize, bool) {
    let mut reader = Reader::open(file).unwrap();
    let mut count = 0;
    loop {
        match reader.next_block() {
            Ok(Some(_)) => count += 1,
            Ok(None) => return (count, false),
            Err(ReadError::Damaged(_)) => return (count, true),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_block_that_cannot_follow_the_one_before_it_is_damage() {
    let jpeg = vec![7; 100];
    let whole = file(&[(0, jpeg.clone()), (100, jpeg.clone())], 10, false);
    let cluster = memchr::memmem::find(&whole, &id::CLUSTER.to_be_bytes()).unwrap();
    let first = cluster + CLUSTER_HEAD;
    let second = first + FRAME_HEAD + jpeg.len();
    let changed = |at: usize, bytes: &[u8]| {
        let mut file = [&whole[..], &[9; 1000]].concat();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        blocks_before_damage(&file).0
    };
    assert_eq!(blocks_before_damage(&whole), (2, false));
    assert_eq!(changed(first + 6, &[0, 50]), 2);
    for (what, at, bytes) in [
        ("of another track", second + 5, &[0x82][..]),
        ("with other flags", second + 8, &[0]),
        ("before the first", first + 6, &[0, 101]),
        ("that ends behind its cluster", second + 1, &[0x10, 0, 1, 0]),
    ] {
        assert_eq!(changed(at, bytes), 1, "{what}");
    }
    for (what, at, bytes) in [
        ("too long", cluster + 4, &[1, 0, 0, 1, 0, 0, 0, 0][..]),
        ("later than a thousand years", cluster + 14, &[0, 1, 0, 0, 0, 0, 0, 0]),
    ] {
        assert_eq!(changed(at, bytes), 0, "a cluster that is {what}");
    }
    let back = [0, 100, 50].map(|at| (at, jpeg.clone()));
    assert_eq!(blocks_before_damage(&file(&back, 1, false)), (2, true), "a cluster before the last");
}

#[test]
fn where_there_were_zeros_it_looks_again() {
    let whole = file(&[0, 100].map(|at| (at, vec![7; 100])), 1, false);
    let second = memchr::memmem::rfind(&whole, &id::CLUSTER.to_be_bytes()).unwrap();
    let mut zeroed = whole.clone();
    zeroed[second..].fill(0);
    let source = Growing::default();
    *source.bytes.borrow_mut() = zeroed;
    let mut reader = Reader::open(source.clone()).unwrap();
    assert!(reader.next_block().unwrap().is_some());
    assert_eq!(reader.next_block().unwrap(), None);
    *source.bytes.borrow_mut() = whole;
    assert!(reader.next_block().unwrap().is_some());
}

#[test]
fn a_seek_to_a_frame_s_own_time_finds_it_and_asking_for_the_duration_moves_nothing() {
    let frames: Vec<_> = (0..10).map(|number| (number * 50, vec![number as u8; 20])).collect();
    let whole = file(&frames, 3, false);
    let mut reader = Reader::open(&whole[..]).unwrap();
    let at = |reader: &mut Reader<&[u8]>| reader.next_block().unwrap().unwrap().at.as_millis();
    for ms in [0, 50, 100, 150, 450] {
        reader.seek(Duration::from_millis(ms)).unwrap();
        assert_eq!(reader.duration().unwrap(), Some(Duration::from_millis(450)));
        assert_eq!(at(&mut reader), u128::from(ms));
    }
}
