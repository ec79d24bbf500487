//! Docs and program agree: every option, URL and metric is documented, what the docs name exists, and links resolve.

mod markdown;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use boardcam::feed::DropReason;
use boardcam::site::{METRICS, routes};
use markdown::{Page, files, read, root};

/// The most bytes of README.md: it is a front door, and the manual is in `docs`.
const README_MAX: u64 = 8192;

/// Options of scripts in this repository that the docs name, each with its script.
const SCRIPT_OPTIONS: [(&str, &str); 4] = [
    ("--binary", "board/install"),
    ("--root", "board/install"),
    ("--remove", "board/install"),
    ("--all", ".ci/run"),
];

/// Code in the docs that begins like a URL's path and is a path on a disk, or another program's URL.
const OTHER_PATHS: [&str; 13] = [
    "/dev", "/etc/", "/srv/", "/home", "/root", "/tmp", "/var/", "/media/", "/data", "/webcam", "/sys/",
    "/64", "/1/",
];

/// The names by which the docs call a board's address.
const HOSTS: [&str; 4] = ["ADDRESS", "board.local", "boardcam.local", "boardcam-2.local"];

/// Where spans of code name files of this repository.
const FOLDERS: [&str; 8] = ["src/", "tests/", "fuzz/", "docs/", "board/", "cross/", "benches/", ".ci/"];

fn help(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_boardcam")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The commands that `--help` lists.
fn commands() -> Vec<String> {
    let help = help(&["--help"]);
    let (_, below) = help.split_once("\nCommands:\n").unwrap();
    let lines = below.lines().take_while(|line| !line.is_empty());
    lines.filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next().map(str::to_owned)).collect()
}

/// The options at the beginning of a help text's lines, the long and the short ones.
fn options_in(help: &str) -> BTreeSet<String> {
    let words = |line: &str| {
        let words = line.split_whitespace().map(|word| word.trim_end_matches(',').to_owned());
        words.take_while(|word| word.starts_with('-') && word.len() > 1).collect::<Vec<_>>()
    };
    help.lines().flat_map(words).collect()
}

/// The options that a command line of boardcam in the docs uses. What is quoted, or a comment, is not its own.
fn options_used(line: &str) -> Vec<String> {
    let line = line.split(" #").next().unwrap_or(line);
    let unquoted: Vec<_> = line.split(['\'', '"']).step_by(2).collect();
    let Some((_, arguments)) = ["boardcam ", "cargo run --release -- "]
        .into_iter()
        .find_map(|program| unquoted.first()?.starts_with(program).then_some(("", unquoted.join(" "))))
    else {
        return Vec::new();
    };
    let arguments = arguments.split_once(" -- ").map_or(arguments.clone(), |(_, own)| own.to_owned());
    let words = arguments.split_whitespace().take_while(|word| !["|", ">>", ">", "&&"].contains(word));
    words.filter(|word| word.starts_with('-') && word.len() > 1).map(str::to_owned).collect()
}

/// Whether the program answers a path of the docs, such as `/cameras/NAME/api/recordings/NAME` or `/stream?fps=5`.
fn is_route(path: &str) -> bool {
    let of_api = path.strip_prefix("/api/cameras/NAME/").map(|rest| format!("/api/{rest}"));
    let path = of_api.as_deref().unwrap_or(path);
    let path = path.strip_prefix("/cameras/NAME").unwrap_or(path);
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let path = if path.is_empty() { "/" } else { path };
    routes().any(|route| match (route.path.split_once('?'), route.path.split_once('*')) {
        (Some((own, action)), _) => own == path && query.starts_with(action.trim_end_matches('N')),
        (None, Some((start, end))) => {
            path.len() > start.len() + end.len() && path.starts_with(start) && path.ends_with(end)
        }
        (None, None) => route.path == path && !query.starts_with("action="),
    })
}

/// The paths of a board's URLs in a piece of code.
fn paths_in(code: &str) -> Vec<String> {
    let starts = code.match_indices("://").map(|(at, found)| &code[at + found.len()..]);
    starts
        .filter_map(|rest| {
            let url: &str = rest.split([' ', '"', '\'', '#', '<', '>', ')', ';']).next()?;
            let url = url.split_once('@').map_or(url, |(_, url)| url);
            let (host, path) = url.split_at(url.find('/')?);
            HOSTS.contains(&host.split(':').next()?).then(|| path.trim_end_matches([',', '.']).to_owned())
        })
        .collect()
}

/// The anchor that GitHub gives a heading.
fn anchor(heading: &str) -> String {
    (heading.trim().to_lowercase().chars())
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

fn assert_none(what: &str, wrong: &[String]) {
    assert!(wrong.is_empty(), "{what}:\n{}", wrong.join("\n"));
}

#[test]
fn every_option_and_command_is_documented() {
    let settings = Page::named("docs/settings.md");
    let documented: BTreeSet<_> = (settings.spans.iter())
        .flat_map(|span| span.split([' ', ',']))
        .map(str::to_owned)
        .chain(settings.code.iter().flat_map(|line| options_used(line)))
        .collect();
    let options = options_in(&help(&["--help"]));
    assert!(options.contains("--camera") && options.contains("-v"), "{options:?}");
    let missing: Vec<_> = options.difference(&documented).cloned().collect();
    assert_none("options that docs/settings.md does not name", &missing);
    let commands = commands();
    assert!(commands.iter().any(|name| name == "probe"), "{commands:?}");
    for command in commands.iter().filter(|command| *command != "help") {
        let is_named =
            |code: &String| code.starts_with("boardcam") && code.split(' ').any(|word| word == command);
        assert!(settings.code.iter().any(is_named), "docs/settings.md does not show `boardcam {command}`");
        let own: Vec<_> = options_in(&help(&[command, "--help"])).difference(&documented).cloned().collect();
        assert_none(&format!("options of {command} that docs/settings.md does not name"), &own);
    }
}

#[test]
fn every_option_in_the_docs_exists() {
    let mut options = options_in(&help(&["--help"]));
    for command in commands().iter().filter(|command| *command != "help") {
        options.extend(options_in(&help(&[command, "--help"])));
    }
    for (option, script) in SCRIPT_OPTIONS {
        assert!(read(&root().join(script)).contains(option), "{script} has no {option}");
        options.insert(option.to_owned());
    }
    let (mut wrong, mut found) = (Vec::new(), 0);
    for page in Page::all() {
        let spans = page.spans.iter().filter(|span| span.starts_with("--"));
        let used = (page.code.iter().chain(&page.spans).flat_map(|line| options_used(line)))
            .chain(spans.filter_map(|span| span.split([' ', ',', '=']).next().map(str::to_owned)));
        for option in used {
            found += 1;
            if !options.contains(&option) {
                wrong.push(format!("{}: {option}", page.name()));
            }
        }
    }
    assert!(found > 20, "only {found} options found in the docs");
    assert_none("options that the program does not have", &wrong);
}

#[test]
fn every_url_is_documented() {
    let documented = Page::named("docs/api.md").first_cells("# URLs");
    let missing: Vec<_> = (routes().map(|route| route.path.replace('*', "NAME")))
        .filter(|path| !documented.contains(path))
        .collect();
    assert_none("URLs that the table in docs/api.md lacks", &missing);
}

#[test]
fn every_url_in_the_docs_exists() {
    let (mut wrong, mut found) = (Vec::new(), 0);
    for page in Page::all() {
        let paths = page
            .spans
            .iter()
            .filter(|span| span.starts_with('/') && !OTHER_PATHS.iter().any(|other| span.starts_with(other)));
        let paths = (paths.map(|span| span.split(' ').next().unwrap_or_default().to_owned()))
            .chain(page.code.iter().chain(&page.spans).flat_map(|code| paths_in(code)));
        for path in paths {
            found += 1;
            if !is_route(&path) {
                wrong.push(format!("{}: {path}", page.name()));
            }
        }
    }
    assert!(found > 20, "only {found} URLs found in the docs");
    assert_none("URLs that the program does not have", &wrong);
}

/// The metrics in the table of docs/api.md, where `boardcam_` is left out.
fn documented_metrics() -> BTreeSet<String> {
    (Page::named("docs/api.md").first_cells("## Metrics").into_iter())
        .map(|name| if name.starts_with("process_") { name } else { format!("boardcam_{name}") })
        .collect()
}

#[test]
fn every_metric_is_documented() {
    let documented = documented_metrics();
    let missing: Vec<_> = METRICS
        .iter()
        .map(|metric| metric.name.to_owned())
        .filter(|name| !documented.contains(name))
        .collect();
    assert_none("metrics that docs/api.md lacks", &missing);
}

#[test]
fn every_reason_for_a_dropped_frame_is_documented() {
    let api = read(&root().join("docs/api.md"));
    let missing: Vec<_> = DropReason::all()
        .map(|reason| format!("`{}`", reason.name()))
        .filter(|name| !api.contains(name))
        .collect();
    assert_none("reasons that docs/api.md lacks", &missing);
}

#[test]
fn every_metric_in_the_docs_exists() {
    let exists = |name: &str| METRICS.iter().any(|metric| metric.name == name);
    let mut wrong: Vec<_> = documented_metrics().into_iter().filter(|name| !exists(name)).collect();
    for page in Page::all() {
        let all = page.code.iter().map(String::as_str).chain([page.prose.as_str()]);
        for (text, at) in all.flat_map(|text| text.match_indices("boardcam_").map(move |(at, _)| (text, at)))
        {
            let name: String =
                text[at..].chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            if name != "boardcam_" && !exists(&name) {
                wrong.push(format!("{}: {name}", page.name()));
            }
        }
    }
    assert_none("metrics that the program does not have", &wrong);
}

#[test]
fn every_link_between_the_docs_resolves() {
    let (mut wrong, mut found) = (Vec::new(), 0);
    for page in Page::all() {
        let without_code: String = page.prose.split('`').step_by(2).collect();
        let targets = without_code.match_indices("](").map(|(at, _)| &without_code[at + 2..]);
        for target in targets.filter_map(|rest| rest.split(')').next()) {
            if target.contains("://") {
                continue;
            }
            found += 1;
            let (file, fragment) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() { page.path.clone() } else { page.path.with_file_name(file) };
            let is_there = file.exists()
                && (fragment.is_empty()
                    || Page::read(file).prose.lines().any(|line| {
                        line.starts_with('#') && anchor(line.trim_start_matches('#')) == fragment
                    }));
            if !is_there {
                wrong.push(format!("{}: {target}", page.name()));
            }
        }
    }
    assert!(found > 20, "only {found} links found");
    assert_none("links that lead nowhere", &wrong);
}

#[test]
fn every_page_that_the_code_names_exists() {
    let mut all = Vec::new();
    files(root(), &mut all);
    let mut wrong = Vec::new();
    for path in all.iter().filter(|path| *path != &root().join(file!())) {
        let Ok(text) = fs::read_to_string(path) else { continue };
        for (at, _) in text.match_indices("docs/") {
            let name: String =
                text[at..].chars().take_while(|c| c.is_alphanumeric() || "-_./".contains(*c)).collect();
            let name = name.trim_end_matches('.');
            if name.ends_with(".md") && !root().join(name).exists() {
                wrong.push(format!("{}: {name}", path.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert_none("pages that do not exist", &wrong);
}

/// Whether a file of this repository, `tests/clients/test_page_*.py` or `src/gate/limits.rs`, exists.
fn is_file(name: &str) -> bool {
    let Some((start, end)) = name.split_once('*') else { return root().join(name).exists() };
    let (folder, start) = start.rsplit_once('/').unwrap_or(("", start));
    fs::read_dir(root().join(folder)).is_ok_and(|entries| {
        (entries.filter_map(Result::ok).map(|entry| entry.file_name().to_string_lossy().into_owned()))
            .any(|name| name.starts_with(start) && name.ends_with(end))
    })
}

/// Whether `gate::limits` or `gate::limits::QUEUE` exists.
fn is_item(path: &str) -> bool {
    let (folder, last) = path.rsplit_once("::").unwrap_or(("", path));
    let file_of = |module: &str| {
        let base = root().join("src").join(module.replace("::", "/"));
        [base.with_extension("rs"), base.join("mod.rs")].into_iter().find(|file| file.exists())
    };
    if last.starts_with(char::is_lowercase) {
        return file_of(path).is_some();
    }
    file_of(folder).is_some_and(|file| {
        let text = read(&file);
        let is_passed_on = text.lines().any(|line| line.starts_with("pub use ") && line.contains(last));
        is_passed_on
            || ["const", "static", "struct", "enum", "trait"].iter().any(|kind| {
                [":", " ", "<", ";", "("].iter().any(|end| text.contains(&format!("{kind} {last}{end}")))
            })
    })
}

#[test]
fn every_file_and_item_in_the_docs_exists() {
    let (mut wrong, mut found) = (Vec::new(), 0);
    for page in Page::all().iter().filter(|page| page.name() != "CHANGELOG.md") {
        for span in &page.spans {
            let name = span.split(' ').next().unwrap_or_default();
            let is_right = if name.starts_with("test_") && name.ends_with(".py") {
                is_file(&format!("tests/clients/{name}")) || is_file(&format!("tests/board/{name}"))
            } else if FOLDERS.iter().any(|folder| name.starts_with(folder)) {
                is_file(name)
            } else if name.contains("::") && name.chars().all(|c| c.is_alphanumeric() || "_:".contains(c)) {
                is_item(name)
            } else {
                continue;
            };
            found += 1;
            if !is_right {
                wrong.push(format!("{}: {name}", page.name()));
            }
        }
    }
    assert!(found > 40, "only {found} names found");
    assert_none("files and items that do not exist", &wrong);
}

#[test]
fn the_readme_is_short() {
    let size = fs::metadata(root().join("README.md")).unwrap().len();
    assert!(size <= README_MAX, "README.md has {size} bytes");
}

/// The tests in a folder, by their paths in this repository.
fn test_files(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    (entries.map(|entry| format!("{folder}/{}", entry.unwrap().file_name().display())))
        .filter(|name| name.ends_with(".rs"))
        .filter(|name| {
            let helpers = ["/main.rs", "/boardcam.rs", "/program.rs", "/allocations.rs"];
            !helpers.iter().any(|part| name.ends_with(part))
        })
        .collect()
}

#[test]
fn every_test_file_stands_in_the_index() {
    let index = Page::named("docs/testing.md");
    let missing: Vec<_> =
        (["tests", "tests/outside", "fuzz/targets"].iter().flat_map(|folder| test_files(folder)))
            .filter(|file| !index.spans.contains(file))
            .collect();
    assert_none("tests that docs/testing.md does not name", &missing);
}
