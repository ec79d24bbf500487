//! The list of guarantees in tests/README.md names tests that exist.

use std::fs;
use std::path::Path;

/// The text of every source below `folder`.
fn sources(folder: &Path, all: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, all);
        } else if ["rs", "toml", "py"].iter().any(|kind| path.extension().is_some_and(|found| found == *kind))
        {
            all.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_guarantee_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = String::new();
    for folder in ["src", "tests", "fuzz/targets"] {
        sources(&root.join(folder), &mut all);
    }
    let list = fs::read_to_string(root.join("tests/README.md")).unwrap();
    let rows = list.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| guarantee"));
    let mut missing = Vec::new();
    let mut number = 0;
    for row in rows {
        let tests = row.split('|').nth(2).unwrap_or("");
        for name in tests.split('`').skip(1).step_by(2) {
            number += 1;
            let is_target = root.join(format!("fuzz/targets/{name}.rs")).exists();
            if !is_target
                && !all.contains(&format!("fn {name}("))
                && !all.contains(&format!("def test_{name}("))
            {
                missing.push(name.to_owned());
            }
        }
    }
    assert!(number > 0 && missing.is_empty(), "of {number} tests these do not exist: {missing:#?}");
}
