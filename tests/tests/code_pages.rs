//! No code is without its page, and no page says what is no longer so.

#![allow(clippy::unwrap_used)]

use legation_tests::pages;
use legation_verifier::Code;
use std::{collections::BTreeSet, fs};

#[test]
fn the_pages_are_those_that_would_be_written() {
    let written = pages::all().unwrap();
    assert_eq!(written.len(), Code::ALL.len() + 1);
    let again = "run `cargo run -p legation-tests --bin make-code-pages`";
    for (name, text) in &written {
        let found = fs::read_to_string(pages::directory().join(name)).unwrap_or_default();
        assert!(found == *text, "{name} is missing or stale; {again}");
    }
    for name in pages::PREFERRED {
        let link = format!("[`{name}`]");
        assert!(written.iter().any(|(_, text)| text.contains(&link)), "{name} is the example of no code");
    }
    let names: BTreeSet<String> = written.into_iter().map(|(name, _)| name).collect();
    for entry in fs::read_dir(pages::directory()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(names.contains(&name), "{name} is of no code; {again}");
    }
}

#[test]
fn a_remedy_is_in_the_hands_of_somebody_whom_the_code_names() {
    for vector in legation_tests::load_all().unwrap() {
        for told in legation_tests::explain(&vector) {
            let (Some(denial), Some(remedy)) = (told.denial, told.remedy) else { continue };
            assert!(denial.code.mended_by().contains(&remedy.by), "{}: {denial}: {remedy}", vector.name);
        }
    }
}
