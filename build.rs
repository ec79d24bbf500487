//! Lists the languages of the page: every file `src/site/page/lang/TAG.json`. Writes the table that
//! `src/site/page/mod.rs` includes.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder =
        Path::new(&env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("src/site/page/lang");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files: Vec<PathBuf> =
        fs::read_dir(&folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    let row = |file: &PathBuf| {
        let tag = file.file_stem().unwrap_or_default();
        format!("({:?}, include_str!({:?})),\n", tag.to_string_lossy(), file.to_string_lossy())
    };
    let table = format!("&[\n{}]\n", files.iter().map(row).collect::<String>());
    fs::write(Path::new(&env::var_os("OUT_DIR").expect("cargo sets it")).join("languages.rs"), table)
}
