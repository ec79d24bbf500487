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
    let (mut writer, reader) = split();
    writer.reserve(capacity).unwrap();
    (writer, reader)
}

#[test]
fn a_frame_leaves_the_ring_as_one_whole_part() {
    let (mut writer, reader) = ring(8);
    put(&mut writer, b"JPEG").unwrap();
    let part = reader.with_newest(|frame| frame.part().to_vec()).unwrap();
    let text = String::from_utf8(part).unwrap();
    assert!(text.starts_with("Content-Type: image/jpeg\r\nContent-Length: 4\r\n"), "{text}");
    assert!(text.ends_with("\r\n\r\nJPEG\r\n--boardcamframe\r\n"), "{text}");
    assert_eq!(reader.with_newest(|frame| frame.jpeg().to_vec()).unwrap(), b"JPEG");
}

#[test]
fn readers_that_hold_every_slot_cost_a_frame_and_do_not_block_the_writer() {
    let (mut writer, reader) = ring(8);
    put(&mut writer, b"1").unwrap();
    let held: Vec<_> = reader.shared.slots.iter().map(|slot| slot.read().unwrap()).collect();
    assert_eq!(put(&mut writer, b"2"), Err(Unpublished::Full));
    drop(held);
    assert_eq!(put(&mut writer, b"3"), Ok(2));
    assert_eq!(reader.with_newest(|frame| frame.jpeg().to_vec()).unwrap(), b"3");
}

#[test]
fn a_frame_that_could_not_be_written_leaves_the_newest_one() {
    let (mut writer, reader) = ring(2);
    put(&mut writer, b"ok").unwrap();
    assert_eq!(put(&mut writer, b"too long"), Err(Unpublished::Unfilled(())));
    assert_eq!(reader.with_newest(|frame| frame.jpeg().to_vec()).unwrap(), b"ok");
}

#[test]
fn a_panic_while_a_frame_is_written_costs_that_frame_only() {
    let (mut writer, reader) = ring(8);
    put(&mut writer, b"before").unwrap();
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = writer.publish::<()>(meta(), |_| panic!("in the encoder"));
    }));
    assert!(result.is_err());
    assert_eq!(reader.with_newest(|frame| frame.jpeg().to_vec()).unwrap(), b"before");
    for _ in 0..SLOTS + 1 {
        put(&mut writer, b"after").unwrap();
    }
    assert_eq!(reader.with_newest(|frame| frame.jpeg().to_vec()).unwrap(), b"after");
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
                    reader.with_newest(|frame| {
                        let bytes = frame.jpeg();
                        assert!(bytes.iter().all(|b| *b == bytes[0]), "a torn frame");
                        assert!(frame.number >= last, "an older frame after a newer one");
                        last = frame.number;
                    });
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
    /// The slots grow; there are no readers at that time.
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
        // The model: a capacity that only grows, the last frame that fitted since it grew, and the frames that readers
        // hold.
        let (mut writer, reader) = split();
        let (mut capacity, mut newest, mut count) = (0, None, 0);
        let mut held: VecDeque<(u64, Vec<u8>, RwLockReadGuard<Slot>)> = VecDeque::new();
        for step in steps {
            match step {
                Step::Reserve(more) => {
                    held.clear();
                    writer.reserve(more).unwrap();
                    if more > capacity {
                        (capacity, newest) = (more, None);
                    }
                }
                Step::Put(length) => {
                    let older: HashSet<u64> = held.iter().map(|(number, ..)| *number).collect();
                    let full = older.iter().filter(|number| **number != count).count() == SLOTS - 1;
                    let frame = vec![count as u8; length];
                    let expected = match (full, length <= capacity) {
                        (true, _) => Err(Unpublished::Full),
                        (false, false) => Err(Unpublished::Unfilled(())),
                        (false, true) => Ok(count + 1),
                    };
                    prop_assert_eq!(&put(&mut writer, &frame), &expected);
                    if expected.is_ok() {
                        (newest, count) = (Some(frame), count + 1);
                    }
                }
                Step::Hold => if let Some(frame) = &newest {
                    let slot = reader.shared.newest().slot();
                    held.push_back((count, frame.clone(), reader.shared.slots[slot].read().unwrap()));
                }
                Step::Release => drop(held.pop_front()),
            }
            prop_assert_eq!(reader.with_newest(|frame| frame.jpeg().to_vec()), newest.clone());
            for (number, frame, slot) in &held {
                let stored = slot.stored().unwrap();
                prop_assert_eq!((stored.number, stored.jpeg()), (*number, frame.as_slice()));
            }
        }
    }
}
