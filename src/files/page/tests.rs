use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use proptest::prelude::*;
use rustix::fs::{FileType, mknodat};

use super::super::answer::Body;
use super::*;

/// A folder `page` with files, beside a file that is none of its own.
struct Site(PathBuf);

const SECRET: &str = "not to be seen";

impl Site {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("boardcam-page-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path); // of an earlier run
        let page = path.join("page");
        fs::create_dir_all(page.join("sub/deep")).unwrap();
        fs::write(path.join("secret"), SECRET).unwrap();
        fs::write(page.join("index.html"), "index").unwrap();
        fs::write(page.join("sub/index.html"), "sub").unwrap();
        fs::write(page.join("sub/deep/a b.txt"), "deep").unwrap();
        fs::create_dir(page.join(".git")).unwrap();
        for hidden in [".htpasswd", ".git/config", "sub/.env"] {
            fs::write(page.join(hidden), SECRET).unwrap();
        }
        symlink("../secret", page.join("up")).unwrap();
        symlink(path.join("secret"), page.join("absolute")).unwrap();
        symlink("..", page.join("parent")).unwrap();
        symlink("/", page.join("all")).unwrap();
        symlink("/proc/self/root", page.join("magic")).unwrap();
        symlink("loop", page.join("loop")).unwrap();
        symlink("sub/deep", page.join("within")).unwrap();
        symlink(".htpasswd", page.join("shown")).unwrap();
        symlink(".git", page.join("git")).unwrap();
        Self(path)
    }

    fn page(&self) -> PathBuf {
        self.0.join("page")
    }

    fn get_with(&self, url: &str, conditions: Conditions) -> Answer {
        let path = PagePath::of_url(url).unwrap();
        answer(&self.page(), &PageRequest { path, as_folder: "./x/".to_owned(), conditions })
    }

    /// Status and body.
    fn get(&self, url: &str) -> (u16, String) {
        if PagePath::of_url(url).is_none() {
            return (404, String::new());
        }
        let answer = self.get_with(url, Conditions::default());
        (answer.status, text(answer))
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn text(answer: Answer) -> String {
    let length = answer.length.unwrap_or(0) as usize;
    match answer.body {
        Body::Text(text) => text,
        Body::Bytes(bytes) => String::from_utf8(bytes).unwrap(),
        Body::None => String::new(),
        Body::File(file, from) => {
            let mut bytes = vec![0; length];
            file.read(&mut bytes, from).unwrap();
            String::from_utf8(bytes).unwrap()
        }
    }
}

#[test]
fn a_folder_shows_its_index_behind_a_slash_and_never_what_is_in_it() {
    let site = Site::new("folder");
    for (url, text) in [("/", "index"), ("//", "index"), ("/sub/", "sub"), ("/sub/deep/a b.txt", "deep")] {
        assert_eq!(site.get(url), (200, text.to_owned()), "{url}");
    }
    let folder = site.get_with("/sub", Conditions::default());
    assert_eq!(folder.status, 303);
    assert!(folder.headers.contains(&("Location", "./x/".to_owned())), "{:?}", folder.headers);
    for url in ["/sub/deep/", "/index.html/", "/nothing", "/sub/nothing/x"] {
        let (status, why) = site.get(url);
        assert!(status == 404 && why.contains("the page has no file"), "{url}: {status} {why}");
    }
}

#[test]
fn no_link_leads_out_of_the_folder_and_hidden_files_stay_hidden() {
    let site = Site::new("links");
    for url in [
        "/up",
        "/absolute",
        "/parent/secret",
        "/parent/page/index.html",
        "/all/etc/passwd",
        "/magic/etc/passwd",
        "/loop",
        "/.htpasswd",
        "/.git/config",
        "/shown",
        "/git/config",
        "/within/../../.htpasswd",
        "/sub/.env",
        "/sub/../index.html",
        "/../secret",
        "/./index.html",
        "/sub\\index.html",
        "/index.html\0.png",
        "/index\u{fffd}.html",
    ] {
        let (status, why) = site.get(url);
        assert!(status == 404 && !why.contains(SECRET), "{url}: {status} {why}");
    }
    assert_eq!(site.get("/within/a b.txt"), (200, "deep".to_owned()), "a link that stays in the folder");
}

#[test]
fn where_the_kernel_cannot_keep_links_inside_none_is_followed() {
    let site = Site::new("old-kernel");
    let root = open_root(&site.page()).unwrap();
    let find = |path: &str| find_below(&root, path, open_without_links);
    assert!(matches!(find("sub/deep/a b.txt"), Ok(Found::File(..))));
    assert!(matches!(find("sub"), Ok(Found::Folder)));
    for path in ["up", "absolute", "parent/secret", "all/etc/passwd", "magic", "loop", "within/a b.txt"] {
        let found = find(path);
        assert!(matches!(found, Ok(Found::Nothing) | Err(Errno::NOTDIR | Errno::LOOP)), "{path}: {found:?}");
    }
}

#[test]
fn a_pipe_or_socket_in_the_folder_is_nothing_and_nobody_waits_for_it() {
    let site = Site::new("fifo");
    let folder = open_root(&site.page()).unwrap();
    mknodat(&folder, "fifo", FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let _socket = UnixListener::bind(site.page().join("socket")).unwrap();
    assert_eq!(site.get("/fifo").0, 404);
    assert_eq!(site.get("/socket").0, 404);
}

#[test]
fn a_browser_that_has_the_file_gets_none_and_a_player_gets_the_part_it_wants() {
    let site = Site::new("versions");
    fs::write(site.page().join("film.webm"), "0123456789").unwrap();
    let whole = site.get_with("/film.webm", Conditions::default());
    let of = |answer: &Answer, name| {
        answer.headers.iter().find(|(own, _)| *own == name).map(|(_, value)| value.clone())
    };
    let etag = of(&whole, "ETag").unwrap();
    assert_eq!(of(&whole, "Content-Type").as_deref(), Some("video/webm"));
    let known = Conditions { if_none_match: Some(format!("\"x\", W/{etag}")), ..Conditions::default() };
    let not_modified = site.get_with("/film.webm", known.clone());
    assert_eq!((not_modified.status, not_modified.length), (304, None));
    let range = |if_range: Option<&str>| Conditions {
        range: Some("bytes=2-4".to_owned()),
        if_range: if_range.map(str::to_owned),
        ..Conditions::default()
    };
    let part = site.get_with("/film.webm", range(Some(&etag)));
    assert_eq!((part.status, part.length), (206, Some(3)));
    assert_eq!(of(&part, "Content-Range").as_deref(), Some("bytes 2-4/10"));
    assert!(text(part).starts_with("234"));
    assert_eq!(site.get_with("/film.webm", range(Some("\"other\""))).status, 200);
    let outside = Conditions { range: Some("bytes=10-".to_owned()), ..Conditions::default() };
    let outside = site.get_with("/film.webm", outside);
    assert_eq!((outside.status, of(&outside, "Content-Range").as_deref()), (416, Some("bytes */10")));
    let head = Conditions { is_head: true, ..range(None) };
    let head = site.get_with("/film.webm", head);
    assert!(matches!((head.status, head.length, &head.body), (200, Some(10), Body::None)), "{head:?}");
    // Another file in its place, of the same length and age.
    let modified = fs::metadata(site.page().join("film.webm")).unwrap().modified().unwrap();
    fs::write(site.page().join("new"), "9876543210").unwrap();
    File::options().write(true).open(site.page().join("new")).unwrap().set_modified(modified).unwrap();
    fs::rename(site.page().join("new"), site.page().join("film.webm")).unwrap();
    assert_eq!(site.get_with("/film.webm", known).status, 200);
}

#[test]
fn an_empty_file_is_sent_and_an_unreadable_one_is_said_to_be_so() {
    let site = Site::new("unreadable");
    fs::write(site.page().join("empty.css"), "").unwrap();
    assert_eq!(site.get("/empty.css"), (200, String::new()));
    assert_eq!(unreadable(&ErrorKind::PermissionDenied.into()).0, 403);
    assert_eq!(unreadable(&io::Error::from(Errno::IO)).0, 500);
}

#[test]
fn a_folder_that_cannot_be_served_is_said_at_the_start_with_what_to_do() {
    let site = Site::new("check");
    assert_eq!(check(&site.page()).unwrap(), None);
    let said = |folder: PathBuf| match check(&folder) {
        Ok(warning) => format!("warning: {}", warning.unwrap()),
        Err(problem) => problem.to_string(),
    };
    for (folder, words) in [
        ("nowhere", "As a service, boardcam sees nothing in /home, /root and /tmp"),
        ("page/index.html", "name the folder that the file is in"),
        ("page/sub/deep", "warning: cannot serve"),
        ("page/sub/deep", "it has no index.html"),
    ] {
        let said = said(site.0.join(folder));
        assert!(said.contains(words), "{folder}: {said}");
    }
    let elsewhere = check(Path::new("/no/page")).unwrap_err().to_string();
    assert!(elsewhere.contains("(ENOENT)") && elsewhere.contains("create the folder"), "{elsewhere}");
    fs::remove_file(site.page().join("index.html")).unwrap();
    symlink("../secret", site.page().join("index.html")).unwrap();
    assert!(said(site.page()).contains("warning") && said(site.page()).contains("leads out of the folder"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn no_url_leads_out_of_the_folder_or_to_a_hidden_file(
        parts in prop::collection::vec(
            prop_oneof![
                Just("..".to_owned()), Just(".".to_owned()), Just(String::new()), Just("sub".to_owned()),
                Just("deep".to_owned()), Just("parent".to_owned()), Just("page".to_owned()), Just("all".to_owned()),
                Just("up".to_owned()), Just("absolute".to_owned()), Just("secret".to_owned()), Just("within".to_owned()),
                Just(".git".to_owned()), Just("config".to_owned()), Just(".htpasswd".to_owned()), Just("magic".to_owned()),
                "\\PC{0,3}",
            ],
            0..6,
        ),
        end in "[/\\\\\0]?",
    ) {
        thread_local!(static SITE: Site = Site::new("property"));
        let url = format!("/{}{end}", parts.join("/"));
        SITE.with(|site| {
            let (status, text) = site.get(&url);
            prop_assert!(!text.contains(SECRET), "{url}");
            prop_assert!([200, 303, 404].contains(&status), "{url}: {status}");
            prop_assert!(status == 404 || !url.split('/').any(|part| part.starts_with('.')), "{url}: {status}");
            Ok(())
        })?;
    }
}
