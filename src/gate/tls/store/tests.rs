use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::gate::tls::own::generate;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// 2027-01-01.
const TODAY: Duration = Duration::from_secs(1_798_761_600);
const LAN: &[IpAddr] = &[IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 1, 5))];
const ALONE: &[IpAddr] = &[IpAddr::V4(std::net::Ipv4Addr::LOCALHOST)];

/// A folder that does not exist at first, and is deleted when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(std::env::temp_dir().join(format!("boardcam-tls-{}-{number}", std::process::id())))
    }

    fn own(&self, names: &[&str]) -> Own {
        Own::new(Some(self.0.clone()), names.iter().map(|name| (*name).to_owned()).collect())
    }

    fn open(&self, now: Duration) -> (Source, Certificate) {
        open_own(self.own(&["board", "board.local"]), now).unwrap()
    }

    fn file(&self) -> PathBuf {
        self.0.join("https.pem")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The bytes of the server's certificate, which differ from those of any other.
fn leaf(certificate: &Certificate) -> Vec<u8> {
    certificate.certified.cert[0].to_vec()
}

/// Key and certificate in PEM, valid from 30 days before this time.
fn pem(made: Duration) -> String {
    generate(&["board".to_owned()], LAN, made).unwrap()
}

impl Renewal {
    fn renews(&mut self, now: Duration, addresses: &[IpAddr]) -> bool {
        self.check(now, addresses) == Checked::Renewed
    }
}

#[test]
fn it_is_made_once_for_all_names_and_nobody_else_can_read_it() {
    let folder = Folder::new();
    let (_, made) = folder.open(TODAY);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder.0), mode(&folder.file())), (0o700, 0o600));
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1, "something unfinished is left");
    for name in ["board", "board.local", "localhost", "127.0.0.1"] {
        assert!(made.is_for(name), "{name}");
    }
    assert!(!made.is_for("evil.example"));
    assert_eq!(leaf(&folder.open(TODAY + 300 * DAY).1), leaf(&made));
    // Another name is added.
    let (_, renamed) = open_own(folder.own(&["board", "garden.example"]), TODAY).unwrap();
    assert!(renamed.is_for("garden.example") && leaf(&renamed) != leaf(&made));
}

#[test]
fn two_boardcams_with_names_of_their_own_end_up_with_one_certificate() {
    let folder = Folder::new();
    let open = |name: &str| open_own(folder.own(&["board", name]), TODAY).unwrap();
    let (source, certificate) = open("garden.local");
    let mut garden = Renewal { source, certificate, reported: None };
    assert!(!garden.renews(TODAY, LAN), "nobody has changed it");
    let (_, door) = open("door.local");
    assert!(door.is_for("garden.local") && door.is_for("door.local"), "{:?}", door.names());
    assert!(garden.renews(TODAY, LAN) && leaf(&garden.certificate) == leaf(&door), "it is not taken over");
    assert!(!garden.renews(TODAY, LAN), "again and again");
    for name in ["garden.local", "door.local"] {
        assert_eq!(leaf(&open(name).1), leaf(&door), "made again at each start");
    }
    // A damaged file changes nothing, and a renewed certificate forgets names that nobody may have any more.
    let good = fs::read(folder.file()).unwrap();
    fs::write(folder.file(), "damaged").unwrap();
    assert!(!garden.renews(TODAY, LAN) && garden.reported.is_none(), "{:?}", garden.reported);
    fs::write(folder.file(), good).unwrap();
    assert!(garden.renews(door.valid[1] - 59 * DAY, LAN) && !garden.certificate.is_for("door.local"));
}

#[test]
fn a_name_that_cannot_be_in_a_certificate_does_no_harm() {
    let folder = Folder::new();
    let names: &[&str] = &["-", "a..b", "board"];
    let made = open_own(folder.own(names), TODAY).unwrap().1;
    assert!(made.is_for("board"));
    assert_eq!(leaf(&open_own(folder.own(names), TODAY).unwrap().1), leaf(&made), "made again at each start");
}

#[test]
fn a_kept_one_that_cannot_be_used_is_replaced() {
    let folder = Folder::new();
    let (_, first) = folder.open(TODAY);
    let good = fs::read_to_string(folder.file()).unwrap();
    let (key, certificate) = good.split_at(good.find("-----BEGIN CERTIFICATE").unwrap());
    let other = pem(TODAY);
    let (_, foreign) = other.split_at(other.find("-----BEGIN CERTIFICATE").unwrap());
    let torn = &good[..good.len() / 2];
    let huge = "x".repeat(1 << 20);
    for bad in
        ["", "garbage", torn, key, certificate, &format!("{key}{foreign}"), &pem(TODAY - 900 * DAY), &huge]
    {
        fs::write(folder.file(), bad).unwrap();
        let (_, next) = folder.open(TODAY);
        assert!(leaf(&next) != leaf(&first) && !next.is_over(TODAY), "{bad:.60}");
        assert_eq!(leaf(&folder.open(TODAY).1), leaf(&next), "it was not kept");
    }
    fs::remove_file(folder.file()).unwrap();
    fs::create_dir(folder.file()).unwrap();
    assert!(!folder.open(TODAY).1.is_over(TODAY), "no certificate where it cannot be kept");
}

#[test]
fn one_made_before_the_clock_was_set_stays_valid_and_is_not_replaced() {
    let folder = Folder::new();
    let in_1970 = Duration::from_secs(60);
    let (source, certificate) = folder.open(in_1970);
    let made = leaf(&certificate);
    assert!(!certificate.is_early(TODAY) && !certificate.is_over(TODAY), "{:?}", certificate.valid);
    let mut renewal = Renewal { source, certificate, reported: None };
    assert!(!renewal.renews(in_1970 + DAY, LAN) && renewal.reported.is_none(), "{:?}", renewal.reported);
    assert!(!renewal.renews(TODAY, LAN) && renewal.reported.is_none(), "{:?}", renewal.reported);
    // It was made while the clock was set; at this boot the clock is not set.
    let later = Folder::new();
    let (_, made_later) = later.open(TODAY);
    let (source, certificate) = later.open(in_1970);
    assert_eq!(leaf(&certificate), leaf(&made_later));
    let mut renewal = Renewal { source, certificate, reported: None };
    assert!(!renewal.renews(in_1970, LAN) && renewal.reported.is_none(), "{:?}", renewal.reported);
    assert_eq!(leaf(&folder.open(TODAY).1), made);
}

#[test]
fn it_is_renewed_before_its_time_is_over_and_the_file_with_it() {
    let folder = Folder::new();
    let (source, certificate) = folder.open(TODAY);
    let first = leaf(&certificate);
    let [begin, end] = certificate.valid;
    assert!(end - begin < 825 * DAY, "Apple's devices refuse it");
    let mut renewal = Renewal { source, certificate, reported: None };
    assert!(!renewal.renews(end - 61 * DAY, LAN));
    assert!(renewal.renews(end - 59 * DAY, LAN));
    assert!(leaf(&renewal.certificate) != first && renewal.certificate.valid[1] > end);
    assert_eq!(leaf(&folder.open(end - 59 * DAY).1), leaf(&renewal.certificate));
    assert!(!renewal.renews(end - 59 * DAY, LAN), "again and again");
}

#[test]
fn one_made_before_there_was_a_network_gets_its_addresses_when_there_is() {
    let folder = Folder::new();
    let own = folder.own(&["board"]);
    let certificate = make(&own, ALONE, TODAY).unwrap();
    let mut renewal =
        Renewal { source: Source::Own { own, lacks_addresses: true }, certificate, reported: None };
    assert!(!renewal.renews(TODAY, ALONE));
    assert!(renewal.renews(TODAY, LAN) && renewal.certificate.is_for("192.168.1.5"));
    assert!(!renewal.renews(TODAY, &[]), "it is made again whenever an address changes");
}

#[test]
fn files_that_cannot_be_used_leave_the_old_certificate_and_are_reported_once() {
    let folder = Folder::new();
    fs::create_dir(&folder.0).unwrap();
    let [certificate, key] = ["certificate.pem", "key.pem"].map(|name| folder.0.join(name));
    let put = |pem: &str| {
        fs::write(&certificate, pem).unwrap();
        fs::write(&key, pem).unwrap();
    };
    put(&pem(TODAY));
    let (source, loaded) = open_files(&certificate, &key, TODAY).unwrap();
    let mut first = leaf(&loaded);
    let mut renewal = Renewal { source, certificate: loaded, reported: None };
    assert!(!renewal.renews(TODAY, LAN) && renewal.reported.is_none());
    let expect = |renewal: &mut Renewal, expected: &str, first: &[u8]| {
        for _ in 0..2 {
            assert!(!renewal.renews(TODAY, LAN));
            assert!(
                renewal.reported.as_ref().is_some_and(|line| line.contains(expected)),
                "{expected}: {:?}",
                renewal.reported
            );
            assert_eq!(leaf(&renewal.certificate), first);
        }
    };
    for (bad, expected) in [
        ("garbage", "BEGIN CERTIFICATE"),
        (&pem(TODAY - 900 * DAY), "time of the certificate is over"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "BEGIN PRIVATE KEY"),
        (&"x".repeat(1 << 20), "larger than"),
    ] {
        put(bad);
        expect(&mut renewal, expected, &first);
        put(&pem(TODAY));
        assert!(
            renewal.renews(TODAY, LAN) && renewal.reported.is_none(),
            "after {expected}: {:?}",
            renewal.reported
        );
        assert!(leaf(&renewal.certificate) != first, "after {expected}");
        first = leaf(&renewal.certificate);
    }
    fs::write(&key, pem(TODAY)).unwrap();
    expect(&mut renewal, "does not fit", &first);
    fs::remove_file(&key).unwrap();
    expect(&mut renewal, "No such file", &first);
    let at_start = open_files(&certificate, &key, TODAY).unwrap_err().to_string();
    assert!(at_start.contains("No such file") && at_start.contains("--tls auto"), "{at_start}");
}

#[test]
fn a_certificate_that_expires_in_use_stays_in_use_and_is_reported_once() {
    let folder = Folder::new();
    fs::create_dir(&folder.0).unwrap();
    let file = folder.0.join("both.pem");
    fs::write(&file, pem(TODAY)).unwrap();
    let (source, certificate) = open_files(&file, &file, Duration::from_secs(60)).unwrap();
    let end = certificate.valid[1];
    let mut renewal = Renewal { source, certificate, reported: None };
    assert!(
        !renewal.renews(end + DAY, LAN) && renewal.reported.as_deref() == Some("it has expired"),
        "{:?}",
        renewal.reported
    );
}
