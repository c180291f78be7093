//! Writes the pages of the codes into `crates/core/verifier/codes/`, and takes away what is no page any more.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a generator that can't go on may stop where it is"
)]

use legation_tests::pages;
use std::fs;

fn main() {
    let (directory, pages) = (pages::directory(), pages::all().unwrap());
    fs::create_dir_all(&directory).unwrap();
    for (name, text) in &pages {
        fs::write(directory.join(name), text).unwrap();
    }
    for entry in fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        if !pages.iter().any(|(name, _)| path.ends_with(name)) {
            fs::remove_file(&path).unwrap();
            println!("{}: no page any more", path.display());
        }
    }
    println!("{} pages", pages.len());
}
