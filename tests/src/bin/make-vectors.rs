//! Writes the test corpus into `tests/vectors/`.
//!
//! A file that is there stays as it is: ES256 signatures are random, so that writing it anew
//! would change it. `--force` writes all, `--force NAME…` only those; files of cases that are no
//! longer made are named, and left alone.

// A generator that can't go on may stop where it is.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout
)]

#[path = "../make/mod.rs"]
mod make;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (force, names) = match arguments.split_first() {
        None => (false, [].as_slice()),
        Some((flag, names)) if flag == "--force" => (true, names),
        _ => panic!("usage: make-vectors [--force [NAME…]]"),
    };
    let book = make::cases::all(false);
    let directory = legation_tests::directory();
    let mut written = 0;
    for draft in &book.drafts {
        let file = directory.join(format!("{}.json", draft.name));
        let wanted = force && (names.is_empty() || names.contains(&draft.name));
        if wanted || !file.exists() {
            std::fs::write(&file, draft.to_text()).unwrap();
            written += 1;
        }
    }
    for entry in std::fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        if !book.drafts.iter().any(|draft| draft.name == stem) {
            println!("{stem}: there is no such case any more");
        }
    }
    println!("{} cases, {written} written", book.drafts.len());
}
