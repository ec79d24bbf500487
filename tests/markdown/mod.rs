//! The Markdown files of this repository, in their parts.

use std::fs;
use std::path::{Path, PathBuf};

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file below `folder`, except what is built or downloaded.
pub fn files(folder: &Path, all: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy();
        if path.is_symlink() || ["target", ".git", "__pycache__"].contains(&name.as_ref()) {
            continue;
        }
        if path.is_dir() {
            files(&path, all);
        } else {
            all.push(path);
        }
    }
}

/// A Markdown file in its parts.
pub struct Page {
    pub path: PathBuf,
    /// Without blocks of code; spans of code are still in it.
    pub prose: String,
    /// The lines of its blocks of code.
    pub code: Vec<String>,
    /// What stands between backticks in a line of prose or a table.
    pub spans: Vec<String>,
}

impl Page {
    pub fn read(path: PathBuf) -> Self {
        let text = read(&path);
        let (mut prose, mut code) = (String::new(), Vec::new());
        let (mut is_fenced, mut may_indent) = (false, true);
        for line in text.lines() {
            if line.trim_start().starts_with("```") {
                is_fenced = !is_fenced;
            } else if is_fenced || (may_indent && line.starts_with("    ")) {
                code.push(line.trim().to_owned());
                continue;
            } else {
                prose.push_str(line);
                prose.push('\n');
            }
            may_indent = line.is_empty();
        }
        let spans = (prose.split("\n\n"))
            .flat_map(|paragraph| paragraph.split('`').skip(1).step_by(2))
            .map(|span| span.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        Self { path, prose, code, spans }
    }

    pub fn all() -> Vec<Self> {
        let mut all = Vec::new();
        files(root(), &mut all);
        all.retain(|path| path.extension().is_some_and(|kind| kind == "md"));
        assert!(all.len() > 5, "{all:?}");
        all.into_iter().map(Self::read).collect()
    }

    pub fn named(name: &str) -> Self {
        Self::read(root().join(name))
    }

    /// The first cells of the table below a heading, each with the spans of code in it.
    pub fn first_cells(&self, heading: &str) -> Vec<String> {
        let (_, below) = self.prose.split_once(heading).unwrap_or_else(|| panic!("no {heading:?}"));
        (below.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|')))
            .skip(2)
            .filter_map(|row| row.split('|').nth(1))
            .flat_map(|cell| cell.split('`').skip(1).step_by(2))
            .map(str::to_owned)
            .collect()
    }

    pub fn name(&self) -> String {
        self.path.strip_prefix(root()).unwrap().display().to_string()
    }
}
