use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use super::super::tests::{Fixture, SIZE, limits};
use super::*;
use crate::events::{Event, Kind};
use crate::record::CameraSettings;
use crate::record::clock::Clock;
use crate::record::disk::{Batch, Job};
use crate::record::plan::Plan;

/// Three seconds before a motion, and two after it.
fn settings() -> CameraSettings {
    let seconds = Duration::from_secs;
    CameraSettings { plan: Plan::Motion(None), every: None, before: seconds(3), after: seconds(2) }
}

/// A camera that waits for motion.
fn armed(settings: CameraSettings) -> Fixture {
    let mut fixture = Fixture::with(settings, limits());
    assert!(fixture.recorder.is_on());
    fixture
}

impl Fixture {
    /// Gives a frame of `bytes` bytes each 100 ms in these seconds.
    fn give_seconds(&mut self, seconds: std::ops::Range<u64>, bytes: usize) {
        for ms in (seconds.start * 1000..seconds.end * 1000).step_by(100) {
            self.give(ms, bytes, SIZE, false);
            self.tick(); // as the recorder does
        }
    }

    fn publish(&self, kind: Kind, ms: u64) {
        let moment = self.recorder.zero + Duration::from_millis(ms);
        self.recorder.events.publish(Event::new("door", kind).captured(moment));
    }

    /// The first and the last time of each file that was handed over, and whether it was closed, and all frames.
    fn files(&mut self) -> (Vec<(u64, u64, bool)>, u64) {
        self.recorder.hand_over();
        let (mut files, mut frames) = (Vec::new(), 0);
        for job in self.jobs.try_iter() {
            match job {
                Job::Write(Batch { cluster, frames: more, end_ms, new_file, .. }) => {
                    frames += more;
                    if new_file {
                        files.push((cluster.start(), end_ms, false));
                    }
                    files.last_mut().unwrap().1 = end_ms;
                }
                Job::Close => files.last_mut().unwrap().2 = true,
            }
        }
        (files, frames)
    }

    fn tick(&mut self) {
        self.recorder.tick();
    }
}

#[test]
fn a_motion_is_recorded_with_the_seconds_before_and_after_it_and_nothing_else() {
    let mut fixture = armed(settings());
    fixture.give_seconds(0..10, 10);
    assert_eq!(fixture.files(), (vec![], 0));
    fixture.publish(Kind::MotionBegan, 9_500); // told a little later
    fixture.give_seconds(10..15, 10);
    fixture.publish(Kind::MotionEnded, 14_000);
    fixture.give_seconds(15..30, 10);
    fixture.tick();
    let (files, frames) = fixture.files();
    assert_eq!((files, frames), (vec![(6500, 16_000, true)], 96));
    assert_eq!(fixture.counts().0, 0, "frames that nobody wanted count as dropped");
    assert!(!fixture.recorder.recording.status().on && fixture.recorder.recording.status().armed);
}

#[test]
fn it_says_that_it_records_while_something_moves() {
    let mut fixture = armed(settings());
    fixture.give_seconds(0..1, 10);
    let status = |fixture: &Fixture| {
        let status = fixture.recorder.recording.status();
        (status.on, status.armed)
    };
    assert_eq!(status(&fixture), (false, true));
    fixture.publish(Kind::MotionBegan, 1000);
    fixture.give_seconds(1..2, 10);
    assert_eq!(status(&fixture), (true, true));
}

#[test]
fn a_motion_that_begins_again_soon_goes_on_in_the_same_file_and_a_later_one_gets_its_own() {
    let mut fixture = armed(settings());
    fixture.give_seconds(0..5, 10);
    for (began, ended) in [(5000, 6000), (7500, 9000), (20_000, 21_000)] {
        fixture.publish(Kind::MotionBegan, began);
        fixture.give_seconds(began / 1000 + began % 1000 / 500..ended / 1000, 10);
        fixture.publish(Kind::MotionEnded, ended);
        let quiet = if ended == 6000 { 6..8 } else { ended / 1000..ended / 1000 + 11 };
        fixture.give_seconds(quiet, 10);
    }
    fixture.tick();
    let (files, _) = fixture.files();
    assert_eq!(files, [(2000, 11_000, true), (17_000, 23_000, true)]);
}

#[test]
fn a_motion_that_was_over_before_the_next_frame_is_recorded_too() {
    let mut fixture = armed(settings());
    fixture.give_seconds(0..5, 10);
    fixture.publish(Kind::MotionBegan, 5000);
    fixture.publish(Kind::MotionEnded, 5010);
    fixture.give_seconds(5..9, 10);
    fixture.tick();
    assert_eq!(fixture.files().0, [(2000, 7000, true)]);
}

#[test]
fn without_seconds_before_it_begins_with_the_motion() {
    let mut fixture = armed(CameraSettings { before: Duration::ZERO, ..settings() });
    fixture.give_seconds(0..5, 10);
    fixture.publish(Kind::MotionBegan, 4_800);
    fixture.give_seconds(5..6, 10);
    assert_eq!(fixture.files().0, [(4800, 5900, false)]);
}

#[test]
fn more_than_a_slow_disk_takes_at_once_waits_and_none_of_it_is_lost() {
    let mut fixture = armed(settings());
    fixture.give_seconds(0..5, 500_000);
    fixture.publish(Kind::MotionBegan, 5000);
    fixture.give_seconds(5..6, 500_000);
    let queued = fixture.counts().1;
    assert!(queued <= QUEUE_BYTES && queued > QUEUE_BYTES / 4, "{queued} bytes wait");
    let mut frames = 0;
    let mut begun = 0;
    for _ in 0..10 {
        for job in fixture.jobs.try_iter() {
            if let Job::Write(batch) = job {
                frames += batch.frames;
                begun += u32::from(batch.new_file);
            }
        }
        fixture.recorder.recording.queued.store(0, Ordering::Relaxed); // as if the disk had taken it
        fixture.tick();
    }
    fixture.recorder.hand_over();
    frames += fixture.handed_over().iter().map(|batch| batch.frames).sum::<u64>();
    assert_eq!((frames, begun, fixture.counts().0), (40, 1, 0));
}

#[test]
fn what_a_disk_that_hangs_does_not_take_is_bounded_and_then_dropped_and_counted() {
    let mut fixture = armed(settings());
    fixture.publish(Kind::MotionBegan, 0);
    fixture.give_seconds(0..12, 500_000);
    let (dropped, queued) = fixture.counts();
    assert!(queued <= QUEUE_BYTES && dropped > 30, "{queued} bytes wait, {dropped} were dropped");
}

#[test]
fn a_clock_that_is_set_while_something_moves_begins_another_file_and_loses_no_frame() {
    let mut fixture = armed(settings());
    fixture.give_seconds(0..5, 10);
    fixture.publish(Kind::MotionBegan, 5000);
    fixture.give_seconds(5..7, 10);
    let hour = Duration::from_secs(3600);
    fixture.recorder.clock = Clock::new(SystemTime::now() - hour, Instant::now());
    fixture.tick();
    fixture.give_seconds(7..9, 10);
    assert_eq!(fixture.files(), (vec![(2000, 6900, true), (7000, 8900, false)], 70));
}

#[test]
fn the_end_of_the_program_writes_what_was_seen_of_a_motion() {
    let mut fixture = armed(settings());
    fixture.give_seconds(0..5, 10);
    fixture.publish(Kind::MotionBegan, 5000);
    fixture.recorder.follow_motion(fixture.recorder.zero + Duration::from_secs(5));
    fixture.recorder.pass_on();
    assert_eq!(fixture.files().0, [(2000, 4900, false)]);
}

#[test]
fn who_turns_recording_on_gets_everything_and_then_it_waits_for_motion_again() {
    let mut fixture = armed(settings());
    fixture.give_seconds(0..5, 10);
    fixture.recorder.recording.switch(true);
    fixture.recorder.is_on();
    fixture.tick();
    fixture.give_seconds(5..7, 10);
    fixture.recorder.recording.switch(false);
    fixture.recorder.is_on();
    fixture.give_seconds(7..12, 10);
    fixture.tick();
    assert_eq!(fixture.files().0, [(5000, 6900, true)], "frames from before are none of it");
}

#[test]
fn who_turns_recording_on_while_frames_of_a_motion_wait_for_the_disk_gets_all_in_their_order() {
    let mut fixture = armed(settings());
    fixture.give_seconds(0..3, 100_000);
    fixture.recorder.recording.queued.store(QUEUE_BYTES, Ordering::Relaxed); // the disk is busy
    fixture.publish(Kind::MotionBegan, 3000);
    fixture.give_seconds(3..4, 100_000);
    assert!(fixture.recorder.has_frames_to_pass_on());
    fixture.recorder.recording.queued.store(0, Ordering::Relaxed); // and has room again
    fixture.recorder.recording.switch(true);
    fixture.recorder.is_on();
    fixture.give_seconds(4..5, 100_000);
    let batches = fixture.handed_over();
    let times: Vec<u64> = batches.iter().flat_map(|batch| [batch.cluster.start(), batch.end_ms]).collect();
    let frames: u64 = batches.iter().map(|batch| batch.frames).sum();
    assert!(times.is_sorted() && batches[0].end_ms < 4000 && *times.last().unwrap() == 4900, "{times:?}");
    assert_eq!((frames, fixture.counts().0), (50, 0));
}

#[test]
fn what_the_disk_has_no_room_for_when_recording_is_turned_on_counts_as_dropped() {
    let mut fixture = armed(settings());
    fixture.recorder.recording.queued.store(QUEUE_BYTES, Ordering::Relaxed);
    fixture.publish(Kind::MotionBegan, 0);
    fixture.give_seconds(0..1, 10);
    fixture.recorder.recording.switch(true);
    fixture.recorder.is_on();
    fixture.tick();
    assert_eq!(fixture.counts().0, 10);
}
