use super::super::Kind;
use super::*;

const NAME: &str = "door_2026-11-25_22-15-09Z.mkv";

/// A list, and the moment of its zero.
struct Fixture {
    list: List,
    zero: Instant,
}

impl Fixture {
    fn new() -> Self {
        Self { list: List::default(), zero: Instant::now() }
    }

    fn at(&self, ms: u64) -> Instant {
        self.zero + Duration::from_millis(ms)
    }

    fn begin(&mut self, number: u64, camera: &str, ms: u64) {
        let mut event = Event::new(camera, Kind::MotionBegan);
        (event.number, event.moment) = (number, self.at(ms));
        self.list.begin(&event);
    }

    fn end(&mut self, number: u64, ms: u64) {
        let moment = self.at(ms);
        self.list.end(number, moment);
    }

    fn file(&mut self, name: &str, ms: u64, every: Option<Duration>) {
        let file = RecordedFile { name: name.to_owned(), captured: self.at(ms), every };
        self.list.file_begins("door", file);
    }

    fn entry(&self, number: u64) -> Entry {
        self.list.all().into_iter().find(|entry| entry.number == number).unwrap()
    }

    /// Where the motion with this number is recorded.
    fn place(&self, number: u64) -> (Option<String>, Option<u64>) {
        let entry = self.entry(number);
        (entry.recording, entry.at_ms)
    }
}

fn place(name: &str, at_ms: u64) -> (Option<String>, Option<u64>) {
    (Some(name.to_owned()), Some(at_ms))
}

#[test]
fn a_motion_lasts_as_long_as_the_clock_says_that_does_not_jump() {
    let mut fixture = Fixture::new();
    fixture.begin(1, "door", 1000);
    fixture.list.entries[0].start_ms = 1_800_000_000_000; // whatever the wall clock shows
    assert!(fixture.entry(1).lasts && fixture.list.any_lasts());
    fixture.end(1, 3500);
    let entry = fixture.entry(1);
    assert_eq!((entry.lasts, entry.end_ms - entry.start_ms), (false, 2500));
    fixture.begin(2, "door", 9000);
    fixture.end(2, 8000);
    assert_eq!(fixture.entry(2).end_ms, fixture.entry(2).start_ms, "it ended before it began");
}

#[test]
fn a_motion_knows_its_recording_whether_that_begins_before_or_after_it() {
    let mut fixture = Fixture::new();
    fixture.begin(1, "door", 6000);
    fixture.begin(2, "yard", 6000);
    fixture.end(1, 6100);
    assert_eq!(fixture.place(1), (None, None));
    fixture.file(NAME, 1000, None); // said after the motion has ended, but it begins five seconds before it
    assert_eq!(fixture.place(1), place(NAME, 5000));
    assert_eq!(fixture.place(2), (None, None), "of another camera");
    fixture.begin(3, "door", 9000);
    assert_eq!(fixture.place(3), place(NAME, 8000));
    fixture.list.file_ends("door", Some(NAME));
    fixture.begin(4, "door", 12_000);
    assert_eq!(fixture.place(4), (None, None));
    fixture.file("late", 13_000, None);
    assert_eq!(fixture.place(4), place("late", 0), "it still lasts when somebody begins to record");
    assert_eq!(fixture.place(3), place(NAME, 8000), "it stays in the file that it began in");
}

#[test]
fn a_motion_that_ended_before_a_file_began_is_not_in_it() {
    let mut fixture = Fixture::new();
    fixture.begin(1, "door", 1000);
    fixture.end(1, 2000);
    fixture.file(NAME, 2001, None);
    assert_eq!(fixture.place(1), (None, None));
}

#[test]
fn a_file_that_failed_at_once_is_forgotten_and_the_next_one_has_the_motion() {
    let mut fixture = Fixture::new();
    fixture.begin(1, "door", 1000);
    fixture.file("failed", 0, None);
    fixture.list.file_ends("door", None);
    assert_eq!(fixture.place(1), (None, None));
    fixture.file(NAME, 2000, None);
    assert_eq!(fixture.place(1), place(NAME, 0));
}

#[test]
fn a_motion_belongs_to_the_file_with_its_beginning_though_the_disk_says_so_late() {
    let mut fixture = Fixture::new();
    fixture.file("first", 0, None);
    fixture.begin(1, "door", 10_200);
    fixture.file("second", 10_000, None);
    assert_eq!(fixture.place(1), place("second", 200));
}

#[test]
fn in_a_time_lapse_a_motion_is_where_it_plays() {
    let mut fixture = Fixture::new();
    fixture.file(NAME, 0, Some(Duration::from_secs(10)));
    fixture.begin(1, "door", 100_000);
    assert_eq!(fixture.place(1), place(NAME, 400), "ten frames of 40 ms");
}

#[test]
fn a_recording_that_gets_the_right_time_is_found_by_its_new_name_and_the_motion_has_the_right_time_too() {
    let mut fixture = Fixture::new();
    fixture.file("door_1970-01-01_00-00-09Z.mkv", 0, None);
    fixture.begin(1, "door", 500);
    (fixture.list.entries[0].start_ms, fixture.list.entries[0].end_ms) = (9000, 9000);
    fixture.end(1, 2500);
    fixture.list.take_unsaved();
    let before = in_ms(SystemTime::now()) - 60_000;
    fixture.list.file_ends("door", Some(NAME));
    assert_eq!(fixture.place(1), place(NAME, 500));
    let entry = fixture.entry(1);
    assert!(entry.start_ms > before && entry.end_ms - entry.start_ms == 2000, "{entry:?}");
    assert!(fixture.list.has_unsaved());
}

#[test]
fn the_list_and_its_pictures_are_bounded_and_the_newest_stay() {
    let mut fixture = Fixture::new();
    for number in 1..=LISTED_MAX as u64 + 10 {
        let picture = Some(vec![0; 60_000].into());
        let mut event = Event::new("door", Kind::MotionBegan).with_picture(picture);
        event.number = number;
        fixture.list.begin(&event);
        fixture.list.end(number, event.moment);
    }
    let all = fixture.list.all();
    assert_eq!((all.len(), all[0].number), (LISTED_MAX, 11));
    assert_eq!(fixture.list.unsaved.len(), LISTED_MAX);
    let with: Vec<u64> =
        all.iter().filter(|entry| entry.picture.is_some()).map(|entry| entry.number).collect();
    assert_eq!(with.len(), PICTURES_BYTES / 60_000);
    assert_eq!(with.last(), Some(&(LISTED_MAX as u64 + 10)));
    assert!(fixture.list.picture(11).is_none() && fixture.list.picture(1010).is_some());
}

#[test]
fn it_is_listed_from_the_newest_on_by_camera_and_in_steps() {
    let mut fixture = Fixture::new();
    for number in 1..=6 {
        fixture.begin(number, if number % 2 == 0 { "yard" } else { "door" }, 0);
    }
    let newest = |camera, before, most| {
        let (entries, more) = fixture.list.newest(camera, before, most);
        (entries.into_iter().map(|entry| entry.number).collect::<Vec<_>>(), more)
    };
    assert_eq!(newest(None, None, 4), (vec![6, 5, 4, 3], true));
    assert_eq!(newest(None, Some(3), 4), (vec![2, 1], false));
    assert_eq!(newest(Some("yard"), None, 2), (vec![6, 4], true));
    assert_eq!(newest(Some("roof"), None, 2), (vec![], false));
}

#[test]
fn while_a_motion_lasts_its_last_known_time_is_written_down_now_and_then() {
    let mut fixture = Fixture::new();
    fixture.begin(1, "door", 0);
    assert_eq!(fixture.list.take_unsaved().len(), 1);
    let mut written = Vec::new();
    for second in 1..=25 {
        let moment = fixture.at(second * 1000);
        fixture.list.beat(moment);
        written.extend(fixture.list.take_unsaved().into_iter().map(|entry| entry.end_ms - entry.start_ms));
    }
    assert_eq!(written, [10_000, 20_000]);
    let moment = fixture.at(26_000);
    fixture.list.end_all(moment);
    let last = fixture.list.take_unsaved().remove(0);
    assert_eq!((last.lasts, last.end_ms - last.start_ms), (false, 26_000));
    assert!(!fixture.list.any_lasts());
}
