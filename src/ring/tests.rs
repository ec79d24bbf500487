use super::*;
use proptest::prelude::*;
use std::collections::{HashSet, VecDeque};
use std::sync::Barrier;
use std::thread;

fn meta() -> Meta {
    Meta { captured: Instant::now(), size: Size { width: 2, height: 1 }, card: false }
}

fn put(writer: &mut Writer, bytes: &[u8]) -> Result<u64, Unpublished<()>> {
    writer.publish(meta(), |slot| {
        slot.get_mut(..bytes.len()).ok_or(())?.copy_from_slice(bytes);
        Ok(bytes.len())
    })
}

fn ring(capacity: usize) -> (Writer, Reader) {
    let (mut writer, reader) = split(Arc::default());
    writer.reserve(capacity).unwrap();
    (writer, reader)
}

#[test]
fn a_frame_leaves_the_ring_as_one_whole_part() {
    let (mut writer, reader) = ring(8);
    put(&mut writer, b"JPEG").unwrap();
    let part = reader.frame().unwrap().part().to_vec();
    let text = String::from_utf8(part).unwrap();
    assert!(text.starts_with("Content-Type: image/jpeg\r\nContent-Length: 4\r\n"), "{text}");
    assert!(text.ends_with("\r\n\r\nJPEG\r\n--boardcamframe\r\n"), "{text}");
    assert_eq!(reader.frame().unwrap().jpeg(), b"JPEG");
}

#[test]
fn readers_keep_their_frames_as_long_as_they_like_and_cost_no_frame() {
    let (mut writer, reader) = ring(8);
    let held: Vec<_> = (0..100)
        .map(|number: u8| {
            put(&mut writer, &[number]).unwrap();
            reader.frame().unwrap()
        })
        .collect();
    for (number, frame) in held.iter().enumerate() {
        assert_eq!((frame.number, frame.jpeg()), (number as u64 + 1, &[number as u8][..]));
    }
    assert_eq!(Arc::strong_count(&held[0]), 1, "the writer keeps what it left to the readers");
}

#[test]
fn readers_that_keep_up_need_two_slots() {
    let (mut writer, _reader) = ring(8);
    let mut used = HashSet::new();
    for _ in 0..100 {
        put(&mut writer, b"JPEG").unwrap();
        used.insert(Arc::as_ptr(writer.slots.last().unwrap()));
    }
    assert_eq!(used.len(), 2, "more memory than the cache has to hold");
}

#[test]
fn a_frame_that_could_not_be_written_leaves_the_newest_one() {
    let (mut writer, reader) = ring(2);
    put(&mut writer, b"ok").unwrap();
    assert_eq!(put(&mut writer, b"too long"), Err(Unpublished::Unfilled(())));
    assert_eq!(reader.frame().unwrap().jpeg(), b"ok");
}

#[test]
fn a_panic_while_a_frame_is_written_costs_that_frame_only() {
    let (mut writer, reader) = ring(8);
    put(&mut writer, b"before").unwrap();
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = writer.publish::<()>(meta(), |_| panic!("in the encoder"));
    }));
    assert!(result.is_err());
    assert_eq!(reader.frame().unwrap().jpeg(), b"before");
    for _ in 0..SLOTS + 1 {
        put(&mut writer, b"after").unwrap();
    }
    assert_eq!(reader.frame().unwrap().jpeg(), b"after");
}

#[test]
fn a_reader_never_sees_half_a_frame_while_frames_come() {
    let (mut writer, reader) = ring(4096);
    put(&mut writer, &[0; 4096]).unwrap();
    let start = Barrier::new(3);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                start.wait();
                let mut last = 0;
                while last < 2_000 {
                    let frame = reader.frame().unwrap();
                    let bytes = frame.jpeg();
                    assert!(bytes.iter().all(|b| *b == bytes[0]), "a torn frame");
                    assert!(frame.number >= last, "an older frame after a newer one");
                    last = frame.number;
                }
            });
        }
        start.wait();
        while reader.newest() < 2_000 {
            let _ = put(&mut writer, &[reader.newest() as u8; 4096]);
        }
    });
}

/// What can happen to a ring, in any order.
#[derive(Debug, Clone)]
enum Step {
    /// The slots grow.
    Reserve(usize),
    /// A frame of this length is published.
    Put(usize),
    /// A reader starts on the newest frame.
    Hold,
    /// The reader that started first is done.
    Release,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        1 => (0usize..40).prop_map(Step::Reserve),
        5 => (0usize..40).prop_map(Step::Put),
        4 => Just(Step::Hold),
        3 => Just(Step::Release),
    ];
    prop::collection::vec(step, 1..80)
}

proptest! {
    #[test]
    fn readers_see_the_newest_frame_that_fitted_and_keep_what_they_hold(steps in steps()) {
        // The model: a capacity that only grows, the last frame that fitted, and the frames that readers hold.
        let (mut writer, reader) = split(Arc::default());
        let (mut capacity, mut newest, mut count) = (0, None, 0);
        let mut held: VecDeque<(u64, Vec<u8>, Arc<Frame>)> = VecDeque::new();
        for step in steps {
            match step {
                Step::Reserve(more) => {
                    writer.reserve(more).unwrap();
                    capacity = capacity.max(more);
                }
                Step::Put(length) => {
                    let frame = vec![count as u8; length];
                    let expected = if length <= capacity { Ok(count + 1) } else { Err(Unpublished::Unfilled(())) };
                    prop_assert_eq!(&put(&mut writer, &frame), &expected);
                    if expected.is_ok() {
                        (newest, count) = (Some(frame), count + 1);
                    }
                }
                Step::Hold => if let Some(frame) = &newest {
                    held.push_back((count, frame.clone(), reader.frame().unwrap()));
                }
                Step::Release => drop(held.pop_front()),
            }
            prop_assert_eq!(reader.frame().map(|frame| frame.jpeg().to_vec()), newest.clone());
            for (number, bytes, frame) in &held {
                prop_assert_eq!((frame.number, frame.jpeg()), (*number, bytes.as_slice()));
            }
        }
    }
}

#[test]
fn memory_that_is_given_back_is_taken_again_and_the_newest_frame_stays_meanwhile() {
    let (mut writer, reader) = ring(8);
    put(&mut writer, b"last").unwrap();
    put(&mut writer, b"next").unwrap();
    let slots: Vec<_> = writer.slots.iter().map(Arc::downgrade).collect();
    writer.release();
    assert_eq!(slots.iter().filter(|slot| slot.strong_count() > 0).count(), 1, "the newest frame's");
    assert_eq!((reader.frame().unwrap().jpeg(), reader.newest()), (&b"next"[..], 2));
    writer.reserve(8).unwrap();
    assert_eq!(put(&mut writer, b"new"), Ok(3));
    assert_eq!(reader.frame().unwrap().jpeg(), b"new");
}
