//! Lists the languages of the page: every file `src/site/page/lang/TAG.json` and `src/site/page/messages/TAG.json`.
//! Writes the tables that `src/site/page/mod.rs` includes.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Writes a table with the tag and the text of each file in the folder.
fn list(folder: &str, table: &str) -> io::Result<()> {
    let root = env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let folder = Path::new(&root).join("src/site/page").join(folder);
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files: Vec<PathBuf> =
        fs::read_dir(&folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    let row = |file: &PathBuf| {
        let tag = file.file_stem().unwrap_or_default();
        format!("({:?}, include_str!({:?})),\n", tag.to_string_lossy(), file.to_string_lossy())
    };
    let text = format!("&[\n{}]\n", files.iter().map(row).collect::<String>());
    fs::write(Path::new(&env::var_os("OUT_DIR").expect("cargo sets it")).join(table), text)
}

fn main() -> io::Result<()> {
    list("lang", "languages.rs")?;
    list("messages", "messages.rs")
}
