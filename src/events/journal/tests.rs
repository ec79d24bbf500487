use super::super::{Event, Kind};
use super::*;
use std::path::Path;
use std::thread;

/// A folder for one test, deleted at its end.
struct Place(PathBuf);

impl Place {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("boardcam-events-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path); // of an earlier run
        Self(path)
    }

    fn open(&self) -> (Journal, Vec<Entry>) {
        Journal::open(self.0.clone()).unwrap()
    }

    fn file(&self) -> PathBuf {
        self.0.join(FILE)
    }

    fn names(&self) -> Vec<String> {
        let names =
            fs::read_dir(&self.0).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(Path::new(&self.0)); // some tests make none
    }
}

fn entry(number: u64) -> Entry {
    let mut event = Event::new("door", Kind::MotionBegan);
    event.number = number;
    Entry { lasts: false, began: None, ..Entry::new(&event) }
}

fn numbers(entries: &[Entry]) -> Vec<u64> {
    entries.iter().map(|entry| entry.number).collect()
}

#[test]
fn what_was_written_is_there_after_a_restart_as_it_was_last() {
    let place = Place::new("kept");
    let (mut journal, found) = place.open();
    assert!(found.is_empty() && !place.0.exists(), "it made a folder");
    let mut list = vec![entry(1), entry(2)];
    assert!(journal.write(&[], &list));
    list[1].end_ms += 5000;
    list[1].recording = Some("door_2026-11-25_22-15-09Z.mkv".to_owned());
    assert!(journal.write(&list[1..], &[]) && journal.write(&[entry(3)], &[]));
    drop(journal);
    let (_, found) = place.open();
    assert_eq!(found[..2], list[..]);
    assert_eq!((numbers(&found), place.names()), (vec![1, 2, 3], vec![FILE.to_owned()]));
}

#[test]
fn a_file_that_has_grown_is_replaced_by_one_with_what_is_in_the_list() {
    let place = Place::new("grown");
    let (mut journal, _) = place.open();
    let one = entry(1);
    assert!(journal.write(&[], std::slice::from_ref(&one)));
    let (line, changed) = (journal.length, vec![one.clone(); 1000]);
    let mut lengths = Vec::new();
    for _ in 0..3 * JOURNAL_MAX / (1000 * line) {
        assert!(journal.write(&changed, std::slice::from_ref(&one)));
        lengths.push(fs::metadata(place.file()).unwrap().len());
    }
    assert!(lengths.iter().all(|length| *length <= JOURNAL_MAX + 1000 * line), "{lengths:?}");
    assert!(lengths.iter().filter(|length| **length == line).count() >= 2, "{lengths:?}");
    drop(journal);
    assert_eq!(place.open().1, [one]);
}

#[test]
fn a_power_cut_in_the_last_line_loses_only_that() {
    let place = Place::new("cut");
    let (mut journal, _) = place.open();
    journal.write(&[], &[entry(1), entry(2)]);
    drop(journal);
    let text = fs::read(place.file()).unwrap();
    for cut in text.len() / 2 + 1..text.len() - 1 {
        fs::write(place.file(), &text[..cut]).unwrap();
        let (mut journal, found) = place.open();
        assert_eq!((numbers(&found), place.names()), (vec![1], vec![FILE.to_owned()]), "cut at {cut}");
        journal.write(&[entry(3)], &[entry(1), entry(3)]);
        drop(journal);
        assert_eq!(numbers(&place.open().1), [1, 3]);
    }
}

#[test]
fn a_broken_file_is_set_aside_and_the_list_goes_on_with_what_can_be_read() {
    let place = Place::new("broken");
    let (mut journal, _) = place.open();
    journal.write(&[], &[entry(1), entry(2)]);
    drop(journal);
    let whole = fs::read(place.file()).unwrap();
    for bad in [&b"nonsense\n"[..], b"\0\0\0\0\n", b"{}\n", b"[1]\n", b"\n", b"\xff\xfe\n"] {
        let text = [bad, &whole].concat();
        fs::write(place.file(), &text).unwrap();
        let (mut journal, found) = place.open();
        assert_eq!((numbers(&found), place.names()), (vec![1, 2], vec![format!("{FILE}.broken")]), "{bad:?}");
        assert_eq!(fs::read(place.0.join(format!("{FILE}.broken"))).unwrap(), text);
        assert!(journal.write(&[], &found));
        drop(journal);
        assert_eq!(place.open().1, found);
    }
}

#[test]
fn what_no_boardcam_wrote_is_not_taken() {
    let right = serde_json::to_string(&entry(7)).unwrap();
    assert!(read(right.as_bytes()).is_ok());
    for (from, to) in [
        ("\"door\"", "\"../door\""),
        ("\"number\":7", "\"number\":0"),
        ("\"number\":7", "\"number\":18446744073709551615"),
        ("\"start_ms\":", "\"start_ms\":9"),
        ("\"recording\":null", &format!("\"recording\":\"{}\"", "x".repeat(RECORDING_MAX + 1))),
    ] {
        assert!(right.contains(from), "{from}");
        assert!(read(right.replace(from, to).as_bytes()).is_err(), "{to}");
    }
}

#[test]
fn no_more_than_the_list_holds_is_read_and_the_newest_of_it() {
    let all: Vec<Entry> = (1..=LISTED_MAX as u64 + 5).map(entry).collect();
    let (found, fault) = parse(&lines(&all).unwrap());
    assert_eq!((found.len(), found[0].number, fault), (LISTED_MAX, 6, None));
}

#[test]
fn a_file_that_another_boardcam_has_is_left_to_it() {
    let place = Place::new("shared");
    let (mut one, _) = place.open();
    assert!(one.write(&[], &[entry(1)]));
    assert!(Journal::open(place.0.clone()).is_none());
    assert!(one.write(&[], &[entry(1)]));
    // The next one waits for one that is about to end.
    let next = thread::spawn(move || place.open().1);
    drop(one);
    assert_eq!(numbers(&next.join().unwrap()), [1]);
}

#[test]
fn a_disk_that_takes_nothing_is_reported_and_everything_is_written_once_it_does() {
    let place = Place::new("full");
    fs::write(&place.0, "a file in the place of the folder").unwrap();
    let (mut journal, _) = place.open();
    assert!(!journal.write(&[entry(1)], &[entry(1)]) && journal.says_failed);
    fs::remove_file(&place.0).unwrap();
    assert!(journal.write(&[entry(2)], &[entry(1), entry(2)]) && !journal.says_failed);
    drop(journal);
    assert_eq!(numbers(&place.open().1), [1, 2]);
}
