//! Arrows point down: every module uses only modules that stand below it, and no files of a module form a circle.
//!
//! Reads each `crate::`, `super::` and `self::` path in `src`, tests apart. The order of [`LAYERS`] is the one of the
//! table in `src/lib.rs` and of `docs/architecture.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// All modules, from the ground up. Each may use those that stand before it.
const LAYERS: [&str; 34] = [
    "names",
    "sync",
    "time",
    "problem",
    "picture",
    "multipart",
    "pace",
    "qr",
    "socket",
    "host",
    "ring",
    "canvas",
    "jpeg",
    "camera",
    "codec",
    "feed",
    "events",
    "stream",
    "variants",
    "motion",
    "record",
    "playback",
    "files",
    "auth",
    "protocol",
    "fanout",
    "gate",
    "notify",
    "site",
    "config",
    "check",
    "snapshot",
    "serve",
    "main",
];

/// A path in the code: the file and line where it stands, and the segments behind `crate`.
struct Arrow {
    file: PathBuf,
    line: usize,
    to: Vec<String>,
}

/// The module path of a source file: `site/state.rs` and `site/state/mod.rs` are `[site, state]`.
fn module_of(file: &Path) -> Vec<String> {
    let mut module: Vec<String> =
        file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if module.last().is_some_and(|last| last == "mod") {
        module.pop();
    }
    module
}

fn source_files(folder: &Path, all: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            source_files(&path, all);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            all.push(path);
        }
    }
}

/// A file of tests, by its name.
fn is_test(file: &Path) -> bool {
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    name == "tests" || name.ends_with("_tests") || file.iter().any(|part| part == "tests")
}

/// The code without comments, string literals and what stands behind `#[cfg(test)] mod tests {`.
fn code_of(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    text.lines()
        .map(|line| if line.trim_start().starts_with("//") { "" } else { line })
        .collect::<Vec<_>>()
        .join("\n")
}

/// Every path that begins with `crate::`, `super::` or `self::`; a `use` with braces is one path for each name.
fn arrows_of(file: &Path, code: &str) -> Vec<Arrow> {
    let module = module_of(file);
    let mut arrows = Vec::new();
    for (start, _) in code.char_indices().filter(|(at, _)| {
        let before = code[..*at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | ':'))
    }) {
        let rest = &code[start..];
        let Some(root) = ["crate::", "super::", "self::"].into_iter().find(|root| rest.starts_with(root))
        else {
            continue;
        };
        let line = code[..start].lines().count().max(1);
        let base = match root {
            "crate::" => Vec::new(),
            "super::" => module[..module.len().saturating_sub(1)].to_vec(),
            _ => module.clone(),
        };
        for path in paths(&rest[root.len()..]) {
            let mut to = base.clone();
            for segment in path {
                match segment.as_str() {
                    "super" => drop(to.pop()),
                    "self" => {}
                    _ => to.push(segment),
                }
            }
            arrows.push(Arrow { file: file.to_owned(), line, to });
        }
    }
    arrows
}

/// The paths that begin here: `a::{b, c::d}` are two.
fn paths(text: &str) -> Vec<Vec<String>> {
    let end = text.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | ':'))).unwrap_or(text.len());
    let head: Vec<String> =
        text[..end].split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
    if !text[end..].starts_with('{') || !text[..end].is_empty() && !text[..end].ends_with("::") {
        return vec![head];
    }
    let inside = &text[end + 1..];
    let mut depth = 0;
    let mut all = Vec::new();
    let mut from = 0;
    for (at, c) in inside.char_indices() {
        let ends = depth == 0 && matches!(c, ',' | '}');
        if ends {
            let part = inside[from..at].trim();
            if !part.is_empty() {
                all.extend(paths(part).into_iter().map(|tail| [head.clone(), tail].concat()));
            }
            from = at + 1;
        }
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            _ => {}
        }
    }
    all
}

/// Every arrow in `src`, and all modules that are files.
fn read_sources() -> (Vec<Arrow>, BTreeSet<Vec<String>>) {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    source_files(&src, &mut files);
    let (mut arrows, mut modules) = (Vec::new(), BTreeSet::new());
    for path in files {
        let file = path.strip_prefix(&src).unwrap().to_owned();
        if is_test(&file) || file == Path::new("lib.rs") {
            continue;
        }
        modules.insert(module_of(&file));
        arrows.extend(arrows_of(&file, &code_of(&fs::read_to_string(&path).unwrap())));
    }
    (arrows, modules)
}

#[test]
fn arrows_between_modules_point_down() {
    let rank: BTreeMap<&str, usize> = LAYERS.iter().enumerate().map(|(rank, name)| (*name, rank)).collect();
    let (arrows, modules) = read_sources();
    for module in &modules {
        assert!(rank.contains_key(module[0].as_str()), "module {} stands in no layer", module[0]);
    }
    let up: Vec<String> = arrows
        .iter()
        .filter_map(|Arrow { file, line, to }| {
            let from = module_of(file).swap_remove(0);
            let to = to.first()?;
            let points_up = rank.get(to.as_str())? > rank.get(from.as_str())?;
            points_up
                .then(|| format!("src/{}:{line}: {from} uses {to}, which stands above it", file.display()))
        })
        .collect();
    assert!(arrows.len() > 500, "only {} paths were found", arrows.len());
    assert!(up.is_empty(), "arrows that point up:\n{}", up.join("\n"));
}

#[test]
fn no_files_of_a_module_form_a_circle() {
    let (arrows, modules) = read_sources();
    // From file to file, with one place where the arrow stands.
    let mut graph: BTreeMap<Vec<String>, BTreeMap<Vec<String>, String>> = BTreeMap::new();
    for Arrow { file, line, to } in &arrows {
        let from = module_of(file);
        let Some(target) = (1..=to.len()).rev().map(|len| to[..len].to_vec()).find(|it| modules.contains(it))
        else {
            continue;
        };
        if target != from && !from.starts_with(&target) && !target.starts_with(&from) {
            let place = format!("src/{}:{line}", file.display());
            graph.entry(from).or_default().entry(target).or_insert(place);
        }
    }
    let leads_back = |from: &Vec<String>, to: &Vec<String>| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(next) = open.pop() {
            if next == to {
                return true;
            }
            if seen.insert(next) {
                open.extend(graph.get(next).into_iter().flat_map(BTreeMap::keys));
            }
        }
        false
    };
    let mut circle = Vec::new();
    for (from, targets) in &graph {
        for (to, place) in targets.iter().filter(|(to, _)| leads_back(to, from)) {
            circle.push(format!("{place}: {} uses {}", from.join("::"), to.join("::")));
        }
    }
    assert!(circle.is_empty(), "files that use each other:\n{}", circle.join("\n"));
}

#[test]
fn the_map_in_lib_rs_lists_every_module() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let rows: Vec<&str> = lib.lines().filter(|line| line.starts_with("//! | ")).collect();
    let missing: Vec<&str> = LAYERS
        .into_iter()
        .filter(|name| *name != "main" && !rows.iter().any(|row| row.contains(&format!("`{name}`"))))
        .collect();
    assert!(missing.is_empty(), "src/lib.rs does not list {missing:?}");
}
