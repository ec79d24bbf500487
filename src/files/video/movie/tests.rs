use super::*;
use proptest::prelude::*;

/// One frame as a file's tables give it: when it is shown and for how long, in ms, and where it is, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::files::video) struct Found {
    pub(in crate::files::video) ms: u64,
    pub(in crate::files::video) shown: u32,
    pub(in crate::files::video) at: u64,
    pub(in crate::files::video) length: u64,
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes[..4].try_into().unwrap())
}

/// The boxes in `bytes`, each with its contents: they must fill it.
fn boxes(bytes: &[u8]) -> Vec<(String, &[u8])> {
    let (mut rest, mut all) = (bytes, Vec::new());
    while !rest.is_empty() {
        let length = number(rest) as usize;
        all.push((String::from_utf8_lossy(&rest[4..8]).into_owned(), &rest[8..length]));
        rest = &rest[length..];
    }
    all
}

fn inner<'a>(bytes: &'a [u8], path: &[&str]) -> &'a [u8] {
    path.iter().fold(bytes, |bytes, name| {
        let mut own = boxes(bytes).into_iter().filter(|(own, _)| own == name);
        let (Some((_, body)), None) = (own.next(), own.next()) else { panic!("not one {name}") };
        body
    })
}

fn table(bytes: &[u8], skip: usize) -> Vec<u32> {
    bytes[skip..].chunks(4).map(number).collect()
}

const TABLES: [&str; 5] = ["moov", "trak", "mdia", "minf", "stbl"];

/// The frames of a file, whose boxes must all be in order.
pub(in crate::files::video) fn frames_of(file: &[u8]) -> Vec<Found> {
    let names: Vec<_> = boxes(file).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["ftyp", "moov", "mdat"]);
    let tables = inner(file, &TABLES);
    assert_eq!(table(inner(tables, &["stsc"]), 4), [1, 1, 1, 1], "not one frame in a chunk");
    let runs = table(inner(tables, &["stts"]), 4);
    assert_eq!(runs[0] as usize, runs[1..].len() / 2);
    let shown = runs[1..].chunks(2).flat_map(|run| vec![run[1]; run[0] as usize]).collect::<Vec<_>>();
    let lengths = table(inner(tables, &["stsz"]), 12);
    let places = table(inner(tables, &["stco"]), 8);
    assert_eq!((shown.len(), lengths.len()), (places.len(), places.len()));
    let (duration, mut ms) = (number(&inner(file, &["moov", "mvhd"])[16..]), 0);
    let found = (0..places.len()).map(|n| {
        let one = Found { ms, shown: shown[n], at: places[n].into(), length: lengths[n].into() };
        ms += u64::from(shown[n]);
        one
    });
    let found = found.collect();
    assert_eq!(u64::from(duration), ms);
    found
}

const SIZE: Size = Size { width: 640, height: 360 };

/// A frame of a recording: when, what stands before it, and its bytes.
fn recording(frames: &[(u64, usize, Vec<u8>)]) -> (Vec<u8>, Frames) {
    let (mut bytes, mut all) = (Vec::new(), Frames::default());
    for (ms, before, jpeg) in frames {
        bytes.resize(bytes.len() + before, b'-');
        all.push(*ms, bytes.len() as u64, jpeg.len() as u32).unwrap();
        bytes.extend(jpeg);
    }
    bytes.extend(b"index");
    (bytes, all)
}

fn movie(bytes: &[u8], frames: Frames, format: Format, end: Option<u64>) -> Vec<u8> {
    let (start, length) = frames.part();
    let mut file = frames.head(format, SIZE, 1_800_000_000, end).unwrap();
    file.extend(&bytes[start as usize..][..length as usize]);
    file
}

proptest! {
    #[test]
    fn the_tables_lead_to_each_frame_byte_for_byte_and_at_its_time(
        gaps in prop::collection::vec((0u64..100_000, 0usize..40, prop::collection::vec(any::<u8>(), 1..50)), 1..60),
        first: u32,
        is_mov: bool,
    ) {
        let mut at = u64::from(first);
        let frames: Vec<_> = gaps.into_iter().map(|(gap, before, jpeg)| {
            at += gap;
            (at, before, jpeg)
        }).collect();
        let (bytes, all) = recording(&frames);
        let file = movie(&bytes, all, if is_mov { Format::Mov } else { Format::Mp4 }, Some(at + 7));
        let found = frames_of(&file);
        prop_assert_eq!(found.len(), frames.len());
        for (one, (ms, _, jpeg)) in found.iter().zip(&frames) {
            prop_assert_eq!(one.ms, ms - frames[0].0);
            prop_assert_eq!(&file[one.at as usize..][..one.length as usize], &jpeg[..]);
        }
        prop_assert_eq!(found.last().unwrap().shown, 7);
    }
}

#[test]
fn the_last_frame_is_shown_as_long_as_the_one_before_it() {
    let last = |times: &[u64], end| {
        let frames: Vec<_> = times.iter().map(|ms| (*ms, 0, vec![1])).collect();
        let (bytes, all) = recording(&frames);
        frames_of(&movie(&bytes, all, Format::Mp4, end)).last().unwrap().shown
    };
    assert_eq!(last(&[0, 33, 100], None), 67);
    assert_eq!(last(&[0, 33, 100], Some(104)), 4);
    assert_eq!(last(&[0, 33, 100], Some(90)), 67, "an end before the frame is none");
    assert_eq!(last(&[500], None), ALONE_MS);
    assert_eq!(last(&[5, 5], None), 1);
}

#[test]
fn each_format_names_jpeg_in_its_own_way() {
    let file = |format| {
        let (bytes, all) = recording(&[(0, 9, vec![1; 1000]), (100, 3, vec![2; 500])]);
        movie(&bytes, all, format, None)
    };
    let (mp4, mov) = (file(Format::Mp4), file(Format::Mov));
    assert_eq!(inner(&mp4, &["ftyp"]), b"isom\0\0\x02\0isommp41");
    assert_eq!(inner(&mov, &["ftyp"]), b"qt  \0\0\x02\0qt  ");
    let entry = |file| boxes(&inner(inner(file, &TABLES), &["stsd"])[8..])[0].clone();
    let ((name, mp4_entry), (mov_name, mov_entry)) = (entry(&mp4), entry(&mov));
    assert_eq!((name.as_str(), mov_name.as_str()), ("mp4v", "jpeg"));
    for entry in [mp4_entry, mov_entry] {
        assert_eq!((&entry[..8], &entry[24..28]), (&[0, 0, 0, 0, 0, 0, 0, 1][..], &[2, 128, 1, 104][..]));
    }
    assert_eq!((mov_entry.len(), &mov_entry[42..55]), (78, &b"\x0cPhoto - JPEG"[..]));
    let stream = inner(&mp4_entry[78..], &["esds"]);
    let expected = [3, 21, 0, 1, 0, 4, 13, 0x6C, 0x11, 0, 3, 0xE8];
    assert_eq!((&stream[4..16], &stream[24..]), (&expected[..], &[6, 1, 2][..]));
    let created = number(&inner(&mp4, &["moov", "mvhd"])[4..]);
    assert_eq!(i64::from(created), 1_800_000_000 + EPOCH);
    assert_eq!((self::created(0), self::created(-EPOCH - 1), self::created(i64::MAX)), (EPOCH as u32, 0, 0));
}

#[test]
fn frames_that_no_such_file_can_hold_are_refused() {
    let refused = |frames: &[(u64, u64, u32)]| {
        let mut all = Frames::default();
        frames.iter().find_map(|(ms, offset, length)| all.push(*ms, *offset, *length).err())
    };
    let far = u64::from(u32::MAX);
    assert_eq!(refused(&[(0, far, 10), (1, far + 10, 10)]), None);
    assert_eq!(refused(&[(5, 0, 10), (4, 10, 10)]), Some(Unfit::TooLarge), "back in time");
    assert_eq!(refused(&[(0, 0, 10), (1, 9, 10)]), Some(Unfit::TooLarge), "one in another");
    assert_eq!(refused(&[(0, 50, 10), (1, 0, 10)]), Some(Unfit::TooLarge), "back in the file");
    assert_eq!(refused(&[(0, 0, 10), (1, far - 5, 10)]), Some(Unfit::TooLarge), "too far");
    assert_eq!(refused(&[(0, 0, 10), (far + 1, 10, 10)]), Some(Unfit::TooLarge), "too long");
    assert_eq!(refused(&[(0, u64::MAX, u32::MAX), (1, 0, 0)]), Some(Unfit::TooLarge));
    let mut all = Frames::default();
    (0..FRAMES_MAX as u64).for_each(|n| all.push(n * n, n, 1).unwrap());
    assert_eq!(all.push(u64::MAX, FRAMES_MAX as u64, 1), Err(Unfit::TooMany));
    // Their times fit one by one, and not together.
    assert_eq!(all.head(Format::Mp4, SIZE, 0, None), Err(Unfit::TooLarge));
    let mut all = Frames::default();
    all.push(0, 0, u32::MAX - 100).unwrap();
    assert_eq!(all.head(Format::Mp4, SIZE, 0, None), Err(Unfit::TooLarge), "no place for the head");
}

#[test]
fn as_many_frames_as_may_be_take_four_megabytes() {
    let mut all = Frames::default();
    (0..FRAMES_MAX as u64).for_each(|n| all.push(33 * n + n % 2, 10 * n, 9).unwrap());
    let head = all.head(Format::Mov, SIZE, 0, None).unwrap();
    assert!(head.len() < 4_100_000, "{}", head.len());
}
