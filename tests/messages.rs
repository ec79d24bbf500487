//! Every message that the page can show is translated: each template in `text!(...)`, and nothing else, stands in every
//! file of `src/site/page/messages`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The string literal at the beginning of `code`, with its escapes resolved.
fn literal(code: &str) -> Option<String> {
    let mut chars = code.trim_start().strip_prefix('"')?.chars().peekable();
    let mut text = String::new();
    loop {
        match chars.next()? {
            '"' => return Some(text),
            '\\' => match chars.next()? {
                '\n' => while chars.next_if(|c| c.is_whitespace()).is_some() {},
                'n' => text.push('\n'),
                c @ ('"' | '\\') => text.push(c),
                c => panic!("an escape that this test does not know: \\{c} in {text:?}"),
            },
            c => text.push(c),
        }
    }
}

/// The templates in all files below `folder`, tests apart. One without a letter needs no translation.
fn templates(folder: &Path, all: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            templates(&path, all);
        } else if path.extension().is_some_and(|kind| kind == "rs") && !path.ends_with("tests.rs") {
            let code = fs::read_to_string(&path).unwrap();
            let code: String = code
                .split("#[cfg(test)]\nmod tests {")
                .next()
                .unwrap_or_default()
                .split_inclusive('\n')
                .filter(|line| !line.trim_start().starts_with("//"))
                .collect();
            let texts = code.split("text!(").skip(1).filter_map(literal);
            all.extend(texts.filter(|text| text.chars().any(char::is_alphabetic)));
        }
    }
}

/// The places of the values in a text, in order: blanks without a number count up.
fn places(text: &str) -> Vec<usize> {
    let mut places = Vec::new();
    for rest in text.split('{').skip(1) {
        let inner = rest.split('}').next().unwrap_or_default();
        match inner.parse() {
            Ok(place) => places.push(place),
            Err(_) if inner.is_empty() => places.push(places.len()),
            Err(_) => {} // not a blank
        }
    }
    places.sort_unstable();
    places
}

#[test]
fn every_message_that_the_page_can_show_is_in_every_language() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut there = BTreeSet::new();
    templates(&root.join("src"), &mut there);
    assert!(there.contains("cannot open {}"), "templates are not found in the code any more");
    let folder = root.join("src/site/page/messages");
    let mut languages = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = fs::read_to_string(&path).unwrap();
        let translations: BTreeMap<String, String> = serde_json::from_str(&file).unwrap();
        let known: BTreeSet<_> = translations.keys().cloned().collect();
        let missing: Vec<_> = there.difference(&known).collect();
        let unused: Vec<_> = known.difference(&there).collect();
        assert!(missing.is_empty(), "{} lacks {missing:#?}", path.display());
        assert!(unused.is_empty(), "{} has {unused:#?}, which the code no longer has", path.display());
        for (template, text) in &translations {
            assert_eq!(places(text), places(template), "the values in {template:?} and {text:?}");
            assert!(text.chars().any(char::is_alphabetic), "{template:?}");
        }
        languages += 1;
    }
    assert!(languages > 0);
}
