use super::device::Take;
use super::simulated::Simulated;
use super::*;
use crate::jpeg::encode::DEFAULT_QUALITY;
use crate::jpeg::passthrough::Fault;
use crate::picture::{Memory, Range, Raw, Size};
use crate::sync::lock;
use rustix::io::Errno;
use std::os::fd::AsFd;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, ThreadId};

mod opening;

const SIZE: Size = Size { width: 32, height: 16 };
const STRIDE: u32 = 64;

/// What a simulated encoder does with the next picture.
#[derive(Debug, Clone, PartialEq)]
enum Does {
    /// Encodes it.
    Encode,
    /// The kernel gives the program nothing.
    Hang,
    Fail(Errno),
    Flag,
    Give(Vec<u8>),
}

/// A simulated board.
struct Board {
    does: Mutex<Does>,
    /// The qualities that were asked for.
    qualities: Mutex<Vec<u8>>,
    /// The threads that opened a device, and those that closed one.
    opened: Mutex<Vec<ThreadId>>,
    closed: Mutex<Vec<ThreadId>>,
    has_encoder: Mutex<bool>,
}

/// An open device of a board; dropping it closes it.
struct OnBoard(Arc<Board>);

impl OnBoard {
    fn encode(
        &self,
        picture: &Picture<'_>,
        quality: u8,
        limit: Duration,
        take: &mut Take<'_>,
    ) -> Result<usize, Failure> {
        lock(&self.0.qualities).push(quality);
        match lock(&self.0.does).clone() {
            Does::Encode => take(&jpeg(picture, quality)),
            Does::Hang => Err(Failure::Silent(limit)),
            Does::Fail(errno) => Err(Failure::Call("VIDIOC_DQBUF", errno.into())),
            Does::Flag => Err(Failure::Flagged),
            Does::Give(bytes) => take(&bytes),
        }
    }
}

impl Drop for OnBoard {
    fn drop(&mut self) {
        lock(&self.0.closed).push(thread::current().id());
    }
}

fn device(board: Arc<Board>) -> Box<dyn FrameEncoder> {
    let device = OnBoard(board);
    Box::new(Simulated(move |picture: &Picture<'_>, quality, limit, take: &mut Take<'_>| {
        device.encode(picture, quality, limit, take)
    }))
}

fn jpeg(picture: &Picture<'_>, quality: u8) -> Vec<u8> {
    let mut bytes = vec![0; 20_000];
    let len = encode::Encoder::in_bands(quality, 1).encode(picture, &mut bytes).unwrap();
    bytes.truncate(len);
    // As hardware does: padded.
    bytes.extend([0; 16]);
    bytes
}

fn board() -> Arc<Board> {
    Arc::new(Board {
        does: Mutex::new(Does::Encode),
        qualities: Mutex::default(),
        opened: Mutex::default(),
        closed: Mutex::default(),
        has_encoder: Mutex::new(true),
    })
}

fn encoder(board: &Arc<Board>) -> Encoder {
    let board = board.clone();
    let open = move |_| {
        lock(&board.opened).push(thread::current().id());
        if *lock(&board.has_encoder) { Found::Device(device(board.clone())) } else { Found::Nothing }
    };
    Encoder::with_hardware(DEFAULT_QUALITY, Arc::new(open), true)
}

fn with_picture<T>(size: Size, then: impl FnOnce(&Picture<'_>) -> T) -> T {
    let bytes: Vec<u8> = (0..STRIDE * 64).map(|n| (n % 251) as u8).collect();
    then(&Picture::new(&bytes, Raw::Yuyv, size, STRIDE, Range::Full).unwrap())
}

/// Encodes one picture, which must be one whoever encodes it.
fn encode(encoder: &mut Encoder) -> By {
    with_picture(SIZE, |picture| {
        let mut out = vec![0; 20_000];
        let (len, by) = encoder.encode(picture, &mut out).unwrap();
        let jpeg = Jpeg::parse(&out[..len]).unwrap();
        assert!(jpeg.size() == SIZE && jpeg.has_eoi(), "{by:?}");
        by
    })
}

/// Encodes until somebody encodes who is `wanted`; the threads that open devices take their time.
fn encode_until(encoder: &mut Encoder, wanted: By) {
    let begin = Instant::now();
    while encode(encoder) != wanted {
        assert!(begin.elapsed() < Duration::from_secs(20), "never {wanted:?}");
        thread::yield_now();
    }
}

fn said(encoder: &mut Encoder) -> String {
    encoder.notes().map(|(level, note)| format!("{level}: {note}\n")).collect()
}

#[test]
fn a_board_with_an_encoder_uses_it_and_the_first_picture_does_not_wait_for_it() {
    let board = board();
    let mut encoder = encoder(&board);
    assert_eq!(encode(&mut encoder), By::Software, "nothing was opened yet");
    encode_until(&mut encoder, By::Hardware);
    assert_eq!(encoder.hardware(), Some("simulated-encode_image"));
    assert_eq!(said(&mut encoder), "INFO: encoded by hardware: simulated-encode_image\n");
    encoder.set_quality(40);
    encode(&mut encoder);
    assert_eq!(lock(&board.qualities).last(), Some(&40));
    assert_eq!(lock(&board.opened).len(), 1);
    drop(encoder);
    // By the thread that opened it: for another one there may be no room.
    assert_eq!(closed(&board), *lock(&board.opened));
}

/// Waits until a device is closed, and returns by which threads devices were.
fn closed(board: &Board) -> Vec<ThreadId> {
    let begin = Instant::now();
    while lock(&board.closed).is_empty() {
        assert!(begin.elapsed() < Duration::from_secs(20), "it is never closed");
        thread::yield_now();
    }
    lock(&board.closed).clone()
}

#[test]
fn whatever_an_encoder_does_the_stream_goes_on_and_it_is_said_once_and_tried_again() {
    let larger = with_picture(Size { width: 32, height: 32 }, |picture| jpeg(picture, 80));
    let mut cut = with_picture(SIZE, |picture| jpeg(picture, 80));
    cut.truncate(cut.len() - 40);
    let mut progressive = with_picture(SIZE, |picture| jpeg(picture, 80));
    let sof = progressive.windows(2).position(|bytes| bytes == [0xff, 0xc0]).expect("a frame header");
    progressive[sof + 1] = 0xc2;
    let cases = [
        (Does::Give(progressive), "or not baseline"),
        (Does::Hang, "it gave no picture within 500 ms"),
        (Does::Fail(Errno::NODEV), "VIDIOC_DQBUF: No such device"),
        (Does::Fail(Errno::AGAIN), "VIDIOC_DQBUF: Resource temporarily unavailable"),
        (Does::Flag, "its driver marks the picture as damaged"),
        (Does::Give(vec![7; 1000]), "it did not give a JPEG: the frame does not begin like a JPEG"),
        (Does::Give(Vec::new()), "it did not give a JPEG: the frame is empty"),
        (Does::Give(larger), "its JPEG is 32x32 and not 32x16"),
        (Does::Give(cut), "a JPEG that is not whole"),
    ];
    // At the same time, since each waits until it is tried again.
    thread::scope(|scope| {
        for (does, says) in cases {
            scope.spawn(move || falls_back(&does, says));
        }
    });
}

fn falls_back(does: &Does, says: &str) {
    let begin = Instant::now();
    let board = board();
    let mut encoder = encoder(&board);
    encode_until(&mut encoder, By::Hardware);
    said(&mut encoder);
    *lock(&board.does) = does.clone();
    assert_eq!(encode(&mut encoder), By::Instead, "{does:?}");
    assert_eq!(encoder.hardware(), None);
    assert!(encoders::failed_at() > Some(begin), "a mode may be chosen by what it can do");
    let first = said(&mut encoder);
    assert!(first.contains(says) && first.contains("encoding by software until it works again"), "{first}");
    // It is opened again, and fails again.
    encode_until(&mut encoder, By::Instead);
    assert_eq!(said(&mut encoder), "", "it is said once");
    *lock(&board.does) = Does::Encode;
    encode_until(&mut encoder, By::Hardware);
    assert_eq!(said(&mut encoder), "INFO: encoded by hardware: simulated-encode_image\n");
    let Some(Hardware { pause, .. }) = encoder.hardware else { panic!("it has hardware") };
    assert_eq!(pause, PAUSES.0 * 4, "each time it waits longer");
}

#[test]
fn an_encoder_that_fails_again_after_it_worked_for_long_is_said_again_and_tried_soon() {
    let board = board();
    let mut encoder = encoder(&board);
    for _ in 0..2 {
        *lock(&board.does) = Does::Encode;
        encode_until(&mut encoder, By::Hardware);
        if let Some(hardware) = &mut encoder.hardware {
            hardware.good_since -= GOOD + Duration::from_secs(1);
        }
        encode(&mut encoder);
        said(&mut encoder);
        *lock(&board.does) = Does::Flag;
        assert_eq!(encode(&mut encoder), By::Instead);
        assert!(said(&mut encoder).contains("its driver marks the picture as damaged"), "it is no news");
    }
    let Some(Hardware { pause, .. }) = encoder.hardware else { panic!("it has hardware") };
    assert_eq!(pause, PAUSES.0 * 2, "the pauses do not begin anew");
}

#[test]
fn what_hardware_cannot_do_is_said_where_it_matters() {
    let mut words = Words::new(false);
    words.opened("plain", false);
    words.works();
    let of = |words: &mut Words| {
        words.take().map(|(level, note)| format!("{level}: {note}\n")).collect::<String>()
    };
    let text = of(&mut words);
    assert!(text.contains("WARN: the hardware encoder plain has no quality setting"), "{text}");
    words.turned();
    assert_eq!(of(&mut words), "", "hardware was not asked for");
}

#[test]
fn an_encoder_that_fails_with_the_cameras_own_memory_gets_copies_from_then_on() {
    let shared = Arc::new(Mutex::new(Vec::new()));
    let seen = shared.clone();
    let open = move |_| {
        let seen = seen.clone();
        Found::Device(Box::new(Simulated(
            move |picture: &Picture<'_>, quality, limit, take: &mut Take<'_>| {
                lock(&seen).push(picture.memory().is_some());
                if picture.memory().is_some() {
                    Err(Failure::Silent(limit))
                } else {
                    take(&jpeg(picture, quality))
                }
            },
        )))
    };
    let mut encoder = Encoder::with_hardware(DEFAULT_QUALITY, Arc::new(open), true);
    let file = std::fs::File::open("/dev/null").unwrap();
    let begin = Instant::now();
    let mut by = By::Software;
    while by != By::Hardware {
        with_picture(SIZE, |picture| {
            let picture = picture.in_memory(Some(Memory { fd: file.as_fd(), len: 4096, index: 0 }));
            by = encoder.encode(&picture, &mut vec![0; 20_000]).unwrap().1;
        });
        assert!(begin.elapsed() < Duration::from_secs(20), "never by hardware: {:?}", lock(&shared));
    }
    assert_eq!(*lock(&shared), [true, false]);
}

#[test]
fn a_jpeg_that_is_larger_than_there_is_room_for_is_no_fault_of_the_encoder() {
    let board = board();
    let mut encoder = encoder(&board);
    encode_until(&mut encoder, By::Hardware);
    with_picture(SIZE, |picture| assert!(encoder.encode(picture, &mut [0; 100]).is_err()));
    assert_eq!(encode(&mut encoder), By::Hardware);
    assert_eq!(lock(&board.opened).len(), 1);
}

#[test]
fn a_board_without_an_encoder_says_so_only_if_hardware_was_asked_for() {
    for is_asked_for in [true, false] {
        let looks = Arc::new(AtomicUsize::new(0));
        let count = looks.clone();
        let nothing: Arc<Open> = Arc::new(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            Found::Nothing
        });
        let mut encoder = Encoder::with_hardware(DEFAULT_QUALITY, nothing, is_asked_for);
        let begin = Instant::now();
        let mut text = String::new();
        while !matches!(&encoder.hardware, Some(Hardware { pause, .. }) if *pause > NEXT_LOOK) {
            assert_eq!(encode(&mut encoder), By::Software);
            assert!(begin.elapsed() < Duration::from_secs(20), "it never looked");
            text += &said(&mut encoder);
        }
        assert_eq!(text.contains("this board has no hardware encoder"), is_asked_for, "{text}");
        let Some(Hardware { state: State::Resting(until), .. }) = &encoder.hardware else {
            panic!("it rests")
        };
        assert!(*until > Instant::now() + NEXT_LOOK / 2, "the next look comes too soon");
        assert_eq!(looks.load(Ordering::Relaxed), 1, "it looked again soon");
    }
}

#[test]
fn turned_pictures_are_encoded_by_software() {
    let board = board();
    let mut encoder = encoder(&board);
    encode_until(&mut encoder, By::Hardware);
    said(&mut encoder);
    encoder.set_transform(Transform::ROTATE_90);
    with_picture(SIZE, |picture| {
        let mut out = vec![0; 20_000];
        let (len, by) = encoder.encode(picture, &mut out).unwrap();
        let size = Jpeg::parse(&out[..len]).unwrap().size();
        assert_eq!((size, by), (Size { width: 16, height: 32 }, By::Software));
    });
    assert_eq!(encoder.hardware(), None);
    assert!(said(&mut encoder).contains("cannot turn or mirror"));
    encoder.set_transform(Transform::NONE);
    assert_eq!(encode(&mut encoder), By::Hardware);
}

#[test]
fn an_encoder_is_opened_again_for_pictures_of_another_size() {
    let board = board();
    let mut encoder = encoder(&board);
    encode_until(&mut encoder, By::Hardware);
    with_picture(Size { width: 16, height: 16 }, |picture| {
        let begin = Instant::now();
        while encoder.encode(picture, &mut vec![0; 20_000]).unwrap().1 != By::Hardware {
            assert!(begin.elapsed() < Duration::from_secs(20), "never by hardware");
        }
    });
    assert_eq!(lock(&board.opened).len(), 2);
}

#[test]
fn every_failure_is_said_in_words() {
    for (failure, says) in [
        (Failure::Fault(Fault::NoSoi), "no SOI"),
        (Failure::NotWhole, "not whole"),
        (Failure::TooLarge { len: 9, capacity: 8 }, "9 bytes does not fit into 8 bytes"),
    ] {
        assert!(failure.to_string().contains(says), "{failure}");
    }
}
