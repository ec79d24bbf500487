use super::*;
use crate::files::conditions::Conditions;
use crate::files::page::{PagePath, PageRequest};
use crate::files::video::{Format, Part, VideoRequest};
use crate::record::Name;
use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::thread;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

/// A folder with one recording, and the downloads that send it, or as files of a page.
struct Bench {
    path: PathBuf,
    name: Name,
    bytes: Vec<u8>,
    downloads: Downloads,
    released: Vec<Released>,
}

impl Bench {
    fn new(test: &str, length: usize) -> Self {
        let path = std::env::temp_dir().join(format!("boardcam-download-{test}-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        let name = Name { camera: "door".to_owned(), start: 1_800_000_000, time_lapse: false };
        let bytes: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
        fs::write(path.join(name.to_string()), &bytes).unwrap();
        let reader = || Some(FileReader::new(path.clone(), Arc::default(), || {}));
        let downloads = Downloads::new(reader(), reader());
        Self { path, name, bytes, downloads, released: Vec::new() }
    }

    fn order(&self, from: u64, length: u64) -> FileOrder {
        self.order_of(ClientId(1), from, length)
    }

    fn order_of(&self, client: ClientId, from: u64, length: u64) -> FileOrder {
        FileOrder::Recording(RecordingOrder { name: self.name.clone(), from, length, client, pass: Some(1) })
    }

    /// For the same file, as one of a page.
    fn page_order(&self, range: Option<&str>) -> FileOrder {
        let conditions = Conditions { range: range.map(str::to_owned), ..Conditions::default() };
        let path = PagePath::of_url(&self.name.to_string()).unwrap();
        let request = PageRequest { path, as_folder: String::new(), conditions };
        FileOrder::Page(PageOrder { request, client: ClientId(1), pass: Some(1) })
    }

    fn running(&mut self) -> Vec<&mut Download> {
        self.downloads.lanes().into_iter().flat_map(|lane| lane.running.values_mut()).collect()
    }

    /// Lets it work until nothing moves any more, since nobody reads.
    fn fill(&mut self) {
        let begin = Instant::now();
        while self.running().iter().any(|one| one.reading.is_some() || !one.begun) {
            assert!(begin.elapsed() < LONG);
            self.downloads.pieces(&mut self.released, Instant::now());
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// A client, taken over under this number.
    fn client(&mut self, number: usize, order: FileOrder) -> Result<std::net::TcpStream, TooManyDownloads> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (socket, _) = listener.accept().unwrap();
        socket.set_nonblocking(true).unwrap();
        let socket = Socket::Plain(mio::net::TcpStream::from_std(socket).into());
        let taken =
            self.downloads.adopt(number, socket, order, b"HEAD".to_vec(), &mut self.released, Instant::now());
        taken.map(|()| client).map_err(|(_, why)| why)
    }

    /// Lets it work until a download ends.
    fn work(&mut self) -> CloseReason {
        let begin = Instant::now();
        while self.released.is_empty() {
            assert!(begin.elapsed() < LONG, "no download ended");
            let now = Instant::now();
            self.downloads.pieces(&mut self.released, now);
            let lanes = self.downloads.lanes();
            let numbers: Vec<_> = lanes.into_iter().flat_map(|lane| lane.running.keys()).copied().collect();
            for number in numbers {
                self.released.extend(self.downloads.ready(number, now));
            }
            thread::sleep(Duration::from_millis(1));
        }
        self.released.pop().unwrap().reason // and its socket is closed
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.path).unwrap();
    }
}

/// What a client gets until the end.
fn listen(mut client: std::net::TcpStream) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        client.read_to_end(&mut bytes).unwrap();
        bytes
    })
}

#[test]
fn a_part_of_a_recording_arrives_whole_behind_its_head() {
    let mut bench = Bench::new("part", 3 * PIECE + 17);
    for (from, length) in [(0, 3 * PIECE + 17), (5, 2 * PIECE), (PIECE, 1)] {
        let client = bench.client(7, bench.order(from as u64, length as u64)).unwrap();
        let heard = listen(client);
        assert_eq!(bench.work(), CloseReason::Complete);
        let heard = heard.join().unwrap();
        assert!(heard == [b"HEAD", &bench.bytes[from..from + length]].concat(), "{from} {length}");
    }
}

#[test]
fn a_missing_recording_is_reported_before_anything_is_sent() {
    let mut bench = Bench::new("gone", 10);
    fs::remove_file(bench.path.join(bench.name.to_string())).unwrap();
    let client = bench.client(7, bench.order(0, 10)).unwrap();
    assert_eq!(bench.work(), CloseReason::Unreadable);
    assert_eq!(listen(client).join().unwrap(), b"");
}

#[test]
fn a_recording_that_became_shorter_ends_the_connection() {
    let mut bench = Bench::new("short", 2 * PIECE);
    let client = bench.client(7, bench.order(0, 2 * PIECE as u64 + 1)).unwrap();
    let heard = listen(client);
    assert_eq!(bench.work(), CloseReason::Disconnected(ErrorKind::UnexpectedEof));
    assert_eq!(heard.join().unwrap().len(), 4 + 2 * PIECE);
}

#[test]
fn downloads_have_a_bound_and_a_client_that_takes_nothing_is_dropped() {
    let length = 64 << 20; // more than sockets hold
    let mut bench = Bench::new("bound", length);
    let order = bench.order(0, length as u64);
    let clients: Vec<_> =
        (0..DOWNLOADS_MAX).map(|number| bench.client(number, order.clone()).unwrap()).collect();
    assert_eq!(bench.client(99, order).unwrap_err(), TooManyDownloads);
    bench.fill();
    assert!(bench.running().iter().all(|one| one.bytes.len() <= PIECE + 4));
    bench.downloads.expire(&mut bench.released, Instant::now(), |_| true);
    assert_eq!(bench.released.len(), 0);
    bench.downloads.expire(
        &mut bench.released,
        Instant::now() + STALL_LIMIT + Duration::from_secs(1),
        |_| true,
    );
    assert_eq!(bench.released.len(), DOWNLOADS_MAX);
    assert!(bench.released.iter().all(|one| one.reason == CloseReason::Stalled));
    drop(clients);
}

#[test]
fn a_download_ends_with_its_pass() {
    let mut bench = Bench::new("pass", 10);
    let _client = bench.client(7, bench.order(0, 10)).unwrap();
    bench.downloads.expire(&mut bench.released, Instant::now(), |pass| pass != Some(2));
    assert_eq!(bench.released.len(), 0);
    bench.downloads.expire(&mut bench.released, Instant::now(), |pass| pass != Some(1));
    assert_eq!(bench.released.pop().unwrap().reason, CloseReason::PassEndedUnanswered);
}

#[test]
fn a_disk_that_does_not_answer_ends_a_download_and_a_late_piece_is_discarded() {
    let mut bench = Bench::new("hangs", 20);
    let client = bench.client(7, bench.order(0, 10)).unwrap();
    bench
        .downloads
        .expire(&mut bench.released, Instant::now() + DISK_LIMIT + Duration::from_secs(1), |_| true);
    assert_eq!(bench.released.pop().unwrap().reason, CloseReason::DiskSilent);
    assert_eq!(listen(client).join().unwrap(), b"");
    // The same connection asks for something else; the earlier piece comes first.
    let client = bench.client(7, bench.order(10, 10)).unwrap();
    let heard = listen(client);
    assert_eq!(bench.work(), CloseReason::Complete);
    assert_eq!(heard.join().unwrap(), [b"HEAD", &bench.bytes[10..]].concat());
}

#[test]
fn a_page_s_file_arrives_whole_or_in_part_behind_a_head_of_its_own() {
    let mut bench = Bench::new("page", 3 * PIECE + 17);
    let (range, part) = (format!("bytes=5-{}", 2 * PIECE), 5..=2 * PIECE);
    for (range, status, bytes) in
        [(None, "200 OK", 0..=3 * PIECE + 16), (Some(range.as_str()), "206 Partial Content", part)]
    {
        let order = bench.page_order(range);
        let heard = listen(bench.client(7, order).unwrap());
        assert_eq!(bench.work(), CloseReason::Complete);
        let heard = heard.join().unwrap();
        let at = heard.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        let head = String::from_utf8_lossy(&heard[..at]).into_owned();
        assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\nHEAD")), "{head}");
        let sent = &bench.bytes[bytes];
        assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", sent.len())), "{head}");
        assert!(heard[at..] == *sent, "{head}");
    }
}

#[test]
fn a_page_s_file_that_is_replaced_while_it_is_sent_arrives_as_it_was() {
    let length = 16 << 20; // more than sockets hold
    let mut bench = Bench::new("replaced", length);
    let client = bench.client(7, bench.page_order(None)).unwrap();
    bench.fill();
    let path = bench.path.join(bench.name.to_string());
    fs::write(bench.path.join("new"), vec![0; length]).unwrap();
    fs::rename(bench.path.join("new"), path).unwrap();
    let heard = listen(client);
    assert_eq!(bench.work(), CloseReason::Complete);
    assert!(heard.join().unwrap().ends_with(&bench.bytes));
}

#[test]
fn a_page_s_file_that_is_changed_while_it_is_sent_ends_the_connection_and_is_never_mixed() {
    let length = 16 << 20;
    for change in [vec![0; length], vec![0; 10]] {
        let mut bench = Bench::new(&format!("changed-{}", change.len()), length);
        let client = bench.client(7, bench.page_order(None)).unwrap();
        bench.fill();
        fs::write(bench.path.join(bench.name.to_string()), &change).unwrap(); // in place
        let heard = listen(client);
        assert!(matches!(bench.work(), CloseReason::Disconnected(_)));
        let heard = heard.join().unwrap();
        let at = heard.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        assert!(bench.bytes.starts_with(&heard[at..]) && heard.len() - at < length);
    }
}

#[test]
fn recordings_that_hang_do_not_hold_the_page() {
    let length = 64 << 20;
    let mut bench = Bench::new("lanes", length);
    let order = bench.order(0, length as u64);
    let clients: Vec<_> =
        (0..DOWNLOADS_MAX).map(|number| bench.client(number, order.clone()).unwrap()).collect();
    assert_eq!(bench.client(98, order).unwrap_err(), TooManyDownloads);
    let page = bench.client(99, bench.page_order(Some("bytes=0-9"))).unwrap();
    let heard = listen(page);
    assert_eq!(bench.work(), CloseReason::Complete);
    assert!(heard.join().unwrap().ends_with(&bench.bytes[..10]));
    drop(clients);
}

#[test]
fn downloads_of_one_client_make_room_for_those_of_others_until_they_share_alike() {
    let length = 64 << 20; // more than sockets hold
    let mut bench = Bench::new("share", length);
    let order = |bench: &Bench, client| bench.order_of(ClientId(client), 0, length as u64);
    let mut clients: Vec<_> = (0..DOWNLOADS_MAX)
        .map(|number| {
            let order = order(&bench, 1);
            bench.client(number, order).unwrap()
        })
        .collect();
    bench.fill();
    bench.running()[3].progress -= Duration::from_secs(1); // the one that has been quiet longest
    let mut taken = 0;
    for number in DOWNLOADS_MAX.. {
        let order = order(&bench, 2);
        let Ok(client) = bench.client(number, order) else { break };
        clients.push(client);
        taken += 1;
    }
    assert_eq!(taken, DOWNLOADS_MAX / 2);
    assert_eq!(bench.released[0].connection, 3);
    assert!(bench.released.iter().all(|one| one.connection < DOWNLOADS_MAX), "only of the one that has more");
    assert!(bench.released.iter().all(|one| one.reason == CloseReason::Displaced));
    let again = order(&bench, 1);
    assert_eq!(bench.client(90, again).unwrap_err(), TooManyDownloads, "nobody takes back and forth");
    // Of many, each keeps the share that nobody takes.
    for client in 3..=20 {
        let order = order(&bench, client);
        clients.extend(bench.client(100 + client as usize, order).ok());
    }
    let left = bench.running().iter().filter(|one| one.order.client().0 <= 2).count();
    assert_eq!(left, 2 * DOWNLOADS_MAX / SHARE);
}

#[test]
fn searches_for_frames_leave_room_for_recordings_as_they_are_and_go_when_their_client_does() {
    let mut bench = Bench::new("searches", 10);
    let search = |bench: &Bench, client| {
        let (name, conditions) = (bench.name.clone(), Conditions::default());
        let request = VideoRequest { name, format: Format::Mov, part: Part::WHOLE, conditions };
        FileOrder::Video(VideoOrder { request, client: ClientId(client), pass: None })
    };
    let mut waiting = Vec::new();
    for number in 0..SEARCHES_MAX {
        let order = search(&bench, 1);
        waiting.push(bench.client(number, order).unwrap());
    }
    let order = search(&bench, 1);
    assert_eq!(bench.client(90, order.clone()).unwrap_err(), TooManyDownloads);
    let plain = bench.order(0, 10);
    let _plain = bench.client(91, plain).unwrap();
    let order_of_other = search(&bench, 2);
    let _other = bench.client(92, order_of_other).unwrap();
    assert_eq!(bench.released.pop().unwrap().reason, CloseReason::Displaced);
    drop(waiting.pop());
    let begin = Instant::now();
    while bench.client(93, order.clone()).is_err() {
        assert!(begin.elapsed() < LONG, "one whose client is gone stays");
    }
    let gone = bench.released.pop().unwrap();
    assert_eq!(gone.reason, CloseReason::Disconnected(ErrorKind::ConnectionAborted));
    assert_eq!(bench.running().iter().filter(|one| one.is_search()).count(), SEARCHES_MAX);
}
