use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const CAP: usize = 1 << 20;

fn segment(code: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 2).unwrap().to_be_bytes();
    [&[0xff, code][..], &length, payload].concat()
}

/// A JPEG as the walker sees it: `segments` in its head, and data with stuffed bytes and restart markers.
fn jpeg(segments: &[(u8, Vec<u8>)], scan: &[u8]) -> Vec<u8> {
    let mut jpeg = vec![0xff, 0xd8];
    for (code, payload) in segments {
        jpeg.extend(segment(*code, payload));
    }
    jpeg.extend(segment(0xc0, &[8, 0, 8, 0, 8, 1, 1, 0x11, 0]));
    jpeg.extend(segment(0xda, &[1, 1, 0, 0, 63, 0]));
    for (index, byte) in scan.iter().enumerate() {
        jpeg.push(*byte);
        if *byte == 0xff {
            jpeg.push(if index % 2 == 0 { 0 } else { 0xd0 + (index % 8) as u8 });
        }
    }
    jpeg.extend([0xff, 0xd9]);
    jpeg
}

fn plain_jpeg(length: usize) -> Vec<u8> {
    jpeg(&[], &(0..length).map(|n| (n % 251) as u8).collect::<Vec<_>>())
}

/// Everything but damaged frames that comes out when the stream is read in these pieces; `None` is a frame that was too
/// large.
fn split(
    splitter: &mut Splitter,
    stream: &[u8],
    mut pieces: impl Iterator<Item = usize>,
) -> Vec<Option<Vec<u8>>> {
    let mut found = Vec::new();
    let mut rest = stream;
    while !rest.is_empty() {
        let spare = splitter.spare();
        assert!(spare.len() >= READ, "{} spare bytes", spare.len());
        let length = pieces.next().unwrap_or(usize::MAX).clamp(1, rest.len().min(spare.len()));
        spare[..length].copy_from_slice(&rest[..length]);
        rest = &rest[length..];
        splitter.filled(length);
        while let Some(one) = splitter.advance() {
            match one {
                Found::Frame => found.push(Some(splitter.frame().to_vec())),
                Found::TooLarge => found.push(None),
                Found::Damaged => {}
            }
        }
    }
    found
}

fn at_once(stream: &[u8]) -> Vec<Option<Vec<u8>>> {
    split(&mut Splitter::new(CAP), stream, std::iter::empty())
}

fn some(frames: &[&[u8]]) -> Vec<Option<Vec<u8>>> {
    frames.iter().map(|frame| Some(frame.to_vec())).collect()
}

fn any_jpeg() -> impl Strategy<Value = Vec<u8>> {
    let payload = prop_oneof![
        vec(any::<u8>(), 0..40),
        // A thumbnail: a whole JPEG inside a segment.
        vec(any::<u8>(), 0..20).prop_map(|scan| [b"Exif\0\0".to_vec(), jpeg(&[], &scan)].concat()),
        (65_000..65_533usize).prop_map(|length| vec![7; length]),
    ];
    let code = prop_oneof![Just(0xe0), Just(0xe1), Just(0xfe)];
    let segment = prop_oneof![
        (code, payload),
        Just((0xdb, vec![0; 65])),
        Just((0xc4, vec![0; 29])),
        Just((0xdd, vec![0, 8])),
    ];
    (vec(segment, 0..4), vec(prop_oneof![any::<u8>(), Just(0xff)], 0..2000))
        .prop_map(|(segments, scan)| jpeg(&segments, &scan))
}

/// Bytes without the beginning of a JPEG, whatever follows them.
fn any_garbage() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![any::<u8>(), Just(0), Just(0xd8), Just(0xd9), Just(0xff)], 0..50).prop_map(|mut bytes| {
        while let Some(index) = memmem::find(&bytes, &BEGIN) {
            bytes[index] = 0;
        }
        bytes.push(0);
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn whole_jpegs_come_out_unchanged_whatever_the_reads_and_the_garbage_between_them(
        parts in vec((prop_oneof![Just(Vec::new()), any_garbage()], any_jpeg()), 1..6),
        pieces in vec(prop_oneof![1..4usize, 1..5000usize, Just(usize::MAX)], 1..50),
    ) {
        let stream: Vec<u8> = parts.iter().flat_map(|(garbage, jpeg)| [&garbage[..], jpeg].concat()).collect();
        let found = split(&mut Splitter::new(CAP), &stream, pieces.into_iter().cycle());
        prop_assert_eq!(found, some(&parts.iter().map(|(_, jpeg)| &jpeg[..]).collect::<Vec<_>>()));
    }

    #[test]
    fn frames_behind_a_frame_that_was_cut_anywhere_are_found(
        cut in any_jpeg(), at in any::<prop::sample::Index>(), jpeg in any_jpeg(),
    ) {
        let cut = &cut[..at.index(cut.len())];
        // What looks like a head may lead astray through a few segments, each of 64 KiB at most.
        let times = (256 << 10) / jpeg.len() + 3;
        let found = at_once(&[cut, &jpeg.repeat(times)].concat());
        prop_assert_eq!(found.last(), Some(&Some(jpeg.clone())));
        let others = found.iter().filter(|frame| frame.as_ref() != Some(&jpeg)).count();
        prop_assert!(others <= 4, "{others} others");
    }

    #[test]
    fn whatever_stands_in_a_scan_every_frame_behind_it_is_found(
        damage in vec(prop_oneof![Just(0xff), Just(0xda), Just(0xc4), Just(0), any::<u8>()], 0..200),
        pieces in vec(1..500usize, 1..50),
    ) {
        prop_assume!(memmem::find(&damage, &BEGIN).is_none());
        let jpeg = plain_jpeg(1000);
        let stream = [damaged(&jpeg, &damage), jpeg.repeat(4)].concat();
        let found = split(&mut Splitter::new(CAP), &stream, pieces.into_iter().cycle());
        prop_assert!(found.ends_with(&some(&[&jpeg[..]; 4])), "{} frames", found.len());
        prop_assert!(found.len() <= 5);
    }

    #[test]
    fn no_input_makes_it_keep_more_than_its_cap(
        stream in vec(prop_oneof![Just(0xff), Just(0xd8), Just(0xda), Just(0xe0), any::<u8>()], 0..5000),
        times in 1..200usize,
    ) {
        let mut splitter = Splitter::new(1000);
        for one in split(&mut splitter, &stream.repeat(times), std::iter::empty()).into_iter().flatten() {
            prop_assert!(one.len() <= 1000);
            prop_assert!(one.starts_with(&BEGIN));
        }
        prop_assert!(splitter.buffer.len() <= FIRST_BUFFER + READ, "{} bytes", splitter.buffer.len());
    }
}

#[test]
fn a_table_between_scans_that_ends_inside_the_next_beginning_does_not_hide_it() {
    let frame = plain_jpeg(1000);
    for reaches in 0..=BEGIN.len() {
        let cut = &frame[..frame.len() - 2]; // without EOI
        let table = [vec![0xff, 0xc4, 0, 60, 0], vec![1; 57 - reaches]].concat();
        let stream = [cut, &table, &frame, &frame].concat();
        for piece in [1, 7, usize::MAX] {
            let found = split(&mut Splitter::new(CAP), &stream, std::iter::repeat(piece));
            assert!(
                found.ends_with(&some(&[&frame, &frame])),
                "{reaches} bytes reach into it, reads of {piece}"
            );
        }
    }
}

#[test]
fn a_frame_is_found_as_soon_as_its_last_byte_arrives() {
    let jpeg = plain_jpeg(1000);
    let mut splitter = Splitter::new(CAP);
    for (index, byte) in jpeg.iter().enumerate() {
        assert_eq!(splitter.advance(), None, "before byte {index}");
        splitter.spare()[0] = *byte;
        splitter.filled(1);
    }
    assert_eq!(splitter.advance(), Some(Found::Frame));
    assert_eq!(splitter.frame(), jpeg);
}

#[test]
fn a_frame_that_ends_too_soon_comes_out_as_it_is_and_the_next_one_whole() {
    let jpeg = plain_jpeg(1000);
    let half = &jpeg[..500];
    assert_eq!(at_once(&[half, &jpeg].concat()), some(&[half, &jpeg]));
}

#[test]
fn a_head_that_ends_too_soon_affects_no_other_frame() {
    let jpeg = jpeg(&[(0xdb, vec![0; 65]), (0xc4, vec![0; 29])], &[1, 2, 3]);
    let scan = jpeg.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap();
    // Its last segment ends somewhere in the next frames: after 64 KiB, if its length was cut.
    let times = (64 << 10) / jpeg.len() + 2;
    for cut in 3..scan {
        let found = at_once(&[&jpeg[..cut], &jpeg.repeat(times)].concat());
        assert_eq!(found.len(), times, "cut at {cut}");
        // If it is cut just behind SOI, its bytes come before tables that are still valid.
        let whole = |frame: &Option<Vec<u8>>| frame.as_ref().is_some_and(|frame| frame.ends_with(&jpeg[2..]));
        assert!(found.iter().all(whole), "cut at {cut}");
    }
}

#[test]
fn a_head_that_ends_in_its_last_segment_makes_no_torn_picture() {
    let jpeg = jpeg(&[(0xdb, vec![0; 65]), (0xc4, vec![0; 29])], &[1, 2, 3]);
    let scan = jpeg.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap();
    for cut in scan + 4..scan + 10 {
        assert_eq!(at_once(&[&jpeg[..cut], &jpeg, &jpeg].concat()), some(&[&jpeg]), "cut at {cut}");
    }
}

#[test]
fn only_a_frame_above_the_cap_is_lost_and_its_memory_is_released() {
    let (large, small) = (plain_jpeg(CAP), plain_jpeg(1000));
    let mut splitter = Splitter::new(CAP);
    let stream = [&small, &large, &small, &small].map(Vec::as_slice).concat();
    let found = split(&mut splitter, &stream, std::iter::repeat(READ));
    let small = Some(small);
    assert_eq!(found, [small.clone(), None, small.clone(), small]);
    assert!(splitter.buffer.len() <= FIRST_BUFFER + READ, "{} bytes are kept", splitter.buffer.len());
    assert_eq!(splitter.garbage(), 0);
}

#[test]
fn a_frame_without_an_end_is_counted_once_and_memory_does_not_grow() {
    let mut splitter = Splitter::new(CAP);
    let begin = plain_jpeg(1000);
    let stream = [&begin[..900], &vec![7; 20 * CAP], &begin].concat();
    let mut largest = 0;
    let mut lost = 0;
    let mut frames = Vec::new();
    for piece in stream.chunks(READ) {
        splitter.spare()[..piece.len()].copy_from_slice(piece);
        splitter.filled(piece.len());
        largest = largest.max(splitter.buffer.len());
        while let Some(one) = splitter.advance() {
            match one {
                Found::Frame => frames.push(splitter.frame().to_vec()),
                Found::TooLarge => lost += 1,
                Found::Damaged => panic!("damaged"),
            }
        }
    }
    assert_eq!((lost, frames), (1, vec![begin]));
    assert!(largest <= CAP + 2 * READ, "{largest} bytes");
}

#[test]
fn a_picture_of_several_scans_is_one_frame() {
    let mut jpeg = plain_jpeg(100);
    jpeg.truncate(jpeg.len() - 2);
    jpeg.extend(segment(0xc4, &[0; 30]));
    jpeg.extend(segment(0xda, &[1, 2, 0, 0, 63, 0]));
    jpeg.extend([1, 2, 3, 0xff, 0xff, 0xd9]);
    assert_eq!(at_once(&jpeg), some(&[&jpeg]));
}

#[test]
fn bytes_that_belong_to_no_jpeg_are_counted() {
    let jpeg = plain_jpeg(10);
    let mut splitter = Splitter::new(CAP);
    assert_eq!(split(&mut splitter, &[0; 100_000], std::iter::empty()), []);
    assert_eq!(splitter.garbage(), 100_000);
    assert_eq!(split(&mut splitter, &jpeg, std::iter::empty()).len(), 1);
    assert_eq!(splitter.garbage(), 0);
}

/// What comes out of a whole stream.
fn events(splitter: &mut Splitter, stream: &[u8]) -> Vec<(Found, Vec<u8>)> {
    let mut events = Vec::new();
    for piece in stream.chunks(READ) {
        splitter.spare()[..piece.len()].copy_from_slice(piece);
        splitter.filled(piece.len());
        while let Some(one) = splitter.advance() {
            events.push((one, splitter.frame().to_vec()));
        }
    }
    events
}

/// A JPEG with these bytes in the middle of its compressed data.
fn damaged(jpeg: &[u8], damage: &[u8]) -> Vec<u8> {
    let middle = jpeg.len() - 100;
    [&jpeg[..middle], damage, &jpeg[middle..]].concat()
}

#[test]
fn damage_inside_a_scan_costs_that_frame_alone_and_is_known_with_its_last_byte() {
    let jpeg = plain_jpeg(1000);
    for code in (0x02..0xd0).chain([0xd8]).chain(0xda..0xff) {
        // Read as a length, what follows leads 63,505 bytes away.
        let bad = damaged(&jpeg, &[0xff, code, 0xf8, 0x11]);
        let mut splitter = Splitter::new(CAP);
        for _ in 0..3 {
            assert_eq!(events(&mut splitter, &jpeg), [(Found::Frame, jpeg.clone())], "{code:x}");
            assert_eq!(events(&mut splitter, &bad), [(Found::Damaged, bad.clone())], "{code:x}");
        }
        assert_eq!((splitter.garbage(), splitter.begun()), (0, 0));
    }
}

#[test]
fn a_table_between_scans_that_is_cut_short_does_not_lead_into_the_next_frame() {
    let jpeg = plain_jpeg(1000);
    let cut = [&jpeg[..500], &segment(0xc4, &[0; 400])[..50]].concat();
    let mut splitter = Splitter::new(CAP);
    assert_eq!(
        events(&mut splitter, &[&cut[..], &jpeg, &jpeg].concat()),
        [(Found::Damaged, cut), (Found::Frame, jpeg.clone()), (Found::Frame, jpeg)]
    );
}

#[test]
fn a_table_that_claims_more_than_has_come_does_not_hold_back_the_next_frames() {
    let jpeg = plain_jpeg(300);
    // Huffman tables of 2,048 bytes would be possible.
    let bad = damaged(&jpeg, &[0xff, 0xc4, 0x08, 0x00, 0x10]);
    let mut splitter = Splitter::new(CAP);
    let found = events(&mut splitter, &[&bad[..], &jpeg, &jpeg].concat());
    assert_eq!(found, [(Found::Damaged, bad), (Found::Frame, jpeg.clone()), (Found::Frame, jpeg)]);
}

#[test]
fn a_damaged_head_is_a_lost_frame_and_leads_into_no_other_one() {
    let jpeg = jpeg(&[(0xdb, vec![0; 65])], &[1; 500]);
    for (at, value) in [(2 + 2 + 65 + 2 + 2, 0xf8), (2 + 2 + 65 + 2 + 1, 0xb7)] {
        let mut bad = jpeg.clone(); // the length of SOF0, and its marker
        bad[at] = value;
        let mut splitter = Splitter::new(CAP);
        assert_eq!(
            events(&mut splitter, &[&bad[..], &jpeg].concat()),
            [(Found::Damaged, Vec::new()), (Found::Frame, jpeg.clone())]
        );
    }
}

#[test]
fn the_first_bytes_that_belong_to_no_jpeg_are_kept() {
    let mut splitter = Splitter::new(CAP);
    let page = b"<!DOCTYPE html>".repeat(10_000);
    assert_eq!(events(&mut splitter, &page), []);
    assert_eq!(splitter.sample(), &page[..SAMPLE]);
    events(&mut splitter, &[&plain_jpeg(10)[..], b"\r\n--next"].concat());
    assert_eq!(splitter.sample(), b"\r\n--next");
}

#[test]
fn a_stream_of_false_beginnings_costs_no_more_than_its_length() {
    // Each of 50,000 beginnings leads through every later one: looked at again and again, this takes minutes.
    let link = segment(0xe0, b"\xff\xd8\xff\xe1\0\x02");
    let stream = [&BEGIN[..2], &link.repeat(50_000), b"and no more"].concat();
    let start = std::time::Instant::now();
    at_once(&stream);
    assert!(start.elapsed().as_secs() < 60, "took {:?}", start.elapsed());
}

#[test]
fn what_stands_before_damaged_frames_is_kept_until_one_is_undamaged() {
    let mut splitter = Splitter::new(1000);
    let good =
        b"\xff\xd8\xff\xc0\0\x0b\x08\0\x08\0\x08\x01\x01\x11\0\xff\xda\0\x08\x01\x01\0\0\x3f\0data\xff\xd9";
    let mut bad = good.to_vec();
    bad[25..27].copy_from_slice(b"\xff\x57");
    let mut feed = |bytes: &[u8]| {
        splitter.spare()[..bytes.len()].copy_from_slice(bytes);
        splitter.filled(bytes.len());
        (splitter.advance(), splitter.sample().to_vec())
    };
    assert_eq!(feed(&[b"head", &bad[..]].concat()), (Some(Found::Damaged), b"head".to_vec()));
    assert_eq!(feed(&[b"more", &good[..]].concat()), (Some(Found::Frame), Vec::new()));
}
