//! Documentation and program agree: every option, URL and metric of the program stands in the docs and the other way
//! round, every test file stands in docs/testing.md, and every relative link resolves.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The most bytes that the README may have.
const README_MAX: usize = 8192;

/// Options of other programs that the docs name: cargo, curl, apt's and this repository's scripts, rpicam-vid.
const OTHER_OPTIONS: [&str; 17] = [
    "--release",
    "--test",
    "--bench",
    "--workspace",
    "--all-targets",
    "--features",
    "--target",
    "--remove",
    "--binary",
    "--root",
    "--all",
    "--cacert",
    "--rotation",
    "--no-run",
    "--locked",
    "--package",
    "--nginx",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// Every Markdown file of the repository, by its path below the root.
fn documents() -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(PathBuf::from).to_vec();
    for folder in ["docs", "board"] {
        let files = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        let documents = files.filter(|path| path.extension().is_some_and(|kind| kind == "md"));
        all.extend(documents.map(|path| path.strip_prefix(root()).unwrap().to_owned()));
    }
    all
}

/// What the docs say about the program, all in one.
fn all_docs() -> String {
    documents().iter().map(read).collect()
}

/// The anchor that GitHub gives to a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// The targets of a document's links and pictures.
fn links(text: &str) -> Vec<&str> {
    let outside_code = text.split("```").step_by(2);
    outside_code
        .flat_map(|part| part.split("](").skip(1))
        .filter_map(|rest| Some(rest.split_once(')')?.0))
        .collect()
}

#[test]
fn every_relative_link_resolves() {
    let mut broken = Vec::new();
    let mut number = 0;
    for document in documents() {
        let text = read(&document);
        for link in links(&text).into_iter().filter(|link| !link.contains("://")) {
            number += 1;
            let (path, heading) =
                link.split_once('#').map_or((link, None), |(path, rest)| (path, Some(rest)));
            let target = match path {
                "" => root().join(&document),
                path => root().join(document.parent().unwrap()).join(path),
            };
            let found = target.exists()
                && heading.is_none_or(|heading| {
                    let text = fs::read_to_string(&target).unwrap_or_default();
                    text.lines()
                        .any(|line| line.starts_with('#') && anchor(line.trim_start_matches('#')) == heading)
                });
            if !found {
                broken.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(number > 20, "only {number} links were found");
    assert!(broken.is_empty(), "links that lead nowhere: {broken:#?}");
}

#[test]
fn the_readme_is_short() {
    let length = read("README.md").len();
    assert!(length <= README_MAX, "README.md has {length} bytes, more than {README_MAX}");
}

/// Every `--option` in a text.
fn options(text: &str) -> BTreeSet<String> {
    let starts = text.match_indices("--").filter(|(at, _)| {
        !text[..*at].ends_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '|' | '_'))
    });
    let names = starts.map(|(at, _)| {
        let name = &text[at + 2..];
        &name[..name.find(|c: char| !(c.is_ascii_lowercase() || c == '-')).unwrap_or(name.len())]
    });
    let names = names.filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase()));
    names.map(|name| format!("--{}", name.trim_end_matches('-'))).collect()
}

/// The options of the program and of its commands.
fn program_options() -> BTreeSet<String> {
    let help = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_boardcam")).args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let mut all = String::new();
    for command in ["", "probe", "snapshot", "check", "hash-password", "wifi"] {
        let arguments: Vec<&str> = [command, "--help"].into_iter().filter(|word| !word.is_empty()).collect();
        // Of a row of the list only the names count; the text behind them may name other programs' options.
        let rows = help(&arguments);
        let rows = rows.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
        all.extend(rows.filter_map(|row| row.split("  ").next()).map(|names| format!("{names}\n")));
    }
    options(&all)
}

#[test]
fn the_docs_name_every_option_and_no_other() {
    let (program, docs) = (program_options(), options(&all_docs()));
    assert!(program.len() > 20, "{program:?}");
    let missing: Vec<_> = program.difference(&docs).collect();
    assert!(missing.is_empty(), "the docs do not name {missing:?}");
    let others: BTreeSet<String> = OTHER_OPTIONS.map(str::to_owned).into();
    let unknown: Vec<_> =
        docs.iter().filter(|name| !program.contains(*name) && !others.contains(*name)).collect();
    assert!(unknown.is_empty(), "the docs name options that do not exist: {unknown:?}");
}

/// The URLs in the first column of the table in docs/api.md: paths in backticks.
fn documented_urls() -> BTreeSet<String> {
    let api = read("docs/api.md");
    let table = api.split("\n## ").next().unwrap();
    let cells = table.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    cells
        .flat_map(|cell| {
            cell.split('`').step_by(2).chain(cell.split('`').skip(1).step_by(2)).collect::<Vec<_>>()
        })
        .filter(|text| text.starts_with('/'))
        .map(|url| url.replace("NAME", "*"))
        .collect()
}

#[test]
fn the_docs_name_every_url_and_no_other() {
    let program: BTreeSet<String> = boardcam::site::routes().map(|route| route.path).collect();
    let docs = documented_urls();
    assert!(program.len() > 15, "{program:?}");
    assert_eq!(program.difference(&docs).collect::<Vec<_>>(), [""; 0], "not in docs/api.md");
    assert_eq!(docs.difference(&program).collect::<Vec<_>>(), [""; 0], "in docs/api.md, but not served");
}

#[test]
fn the_docs_name_every_metric_and_no_other() {
    let api = read("docs/api.md");
    let table = api.split("\n## Metrics").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    let docs: BTreeSet<String> = rows
        .flat_map(|cell| cell.split('`').step_by(2).collect::<Vec<_>>())
        .filter(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        .map(|name| format!("boardcam_{name}"))
        .collect();
    let program: BTreeSet<String> = boardcam::site::METRICS
        .iter()
        .map(|metric| metric.name)
        .filter(|name| name.starts_with("boardcam_"))
        .map(str::to_owned)
        .collect();
    assert!(program.len() > 15, "{program:?}");
    assert_eq!(docs, program);
}

fn test_files(folder: &str) -> Vec<String> {
    let files = fs::read_dir(root().join(folder)).unwrap();
    let names = files.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.map(|name| format!("{folder}/{name}")).collect()
}

#[test]
fn every_suite_and_test_file_stands_in_the_index() {
    let index = read("docs/testing.md");
    let is_test = |file: &&String| {
        file.ends_with(".rs")
            && !["main", "boardcam"].iter().any(|part| file.ends_with(&format!("/{part}.rs")))
    };
    let outside = test_files("tests/outside").into_iter().filter(|file| is_test(&file));
    let integration =
        test_files("tests").into_iter().filter(|file| is_test(&file) && !file.ends_with("allocations.rs"));
    let targets = test_files("fuzz/targets");
    let missing: Vec<_> =
        outside.chain(integration).chain(targets).filter(|file| !index.contains(file.as_str())).collect();
    assert!(missing.is_empty(), "docs/testing.md does not name {missing:?}");
    let named = index
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|text| text.starts_with("tests/") || text.starts_with("fuzz/"));
    let gone: Vec<_> = named.filter(|path| !root().join(path.split(' ').next().unwrap()).exists()).collect();
    assert!(gone.is_empty(), "docs/testing.md names what does not exist: {gone:?}");
}
