//! Seeds the faults of `tests/faults.json` into a copy of the code, one at a time, and holds
//! that the test which is named for each turns red. Each of them would give somebody more than
//! was delegated.
//!
//! ```sh
//! cargo run -p legation-tests --bin faults            # all; an hour at most, on two cores
//! cargo run -p legation-tests --bin faults -- star    # those with `star` in their names
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

/// What of the project is copied: all that its manifests name.
const COPIED: [&str; 7] =
    ["Cargo.toml", "Cargo.lock", "crates", "did-documents", "examples", "schemas", "tests"];

/// Compiling takes longer than testing here.
const QUICK: [&str; 2] = [
    "--config=profile.dev.package.legation-credential.opt-level=0",
    "--config=profile.dev.package.legation-verifier.opt-level=0",
];

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let name = entry.unwrap().file_name();
            if name != "node_modules" && name != "target" {
                copy(&from.join(&name), &to.join(&name));
            }
        }
    } else if fs::read(to).ok() != fs::read(from).ok() {
        fs::copy(from, to).unwrap();
    }
}

/// Runs one test of the copy, or just builds it; whether that went well, and what it printed.
fn cargo(scratch: &Path, test: &[String], run: bool) -> (bool, String) {
    let (name, target) = test.split_last().unwrap();
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(scratch).arg("test").args(QUICK).args(target);
    // The packages outside the copy are built once for both.
    command.env("CARGO_TARGET_DIR", scratch.parent().unwrap());
    // The properties of the order find each fault that they are named for within this many cases.
    if target.iter().any(|word| word == "order") {
        command.env("LEGATION_CASES", "1000");
    }
    if run {
        command.args(["--", "--exact", name]);
    } else {
        command.arg("--no-run");
    }
    let output = command.output().unwrap();
    let printed = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&printed).into_owned())
}

struct Fault {
    name: String,
    file: PathBuf,
    find: String,
    replace: String,
    test: Vec<String>,
}

fn faults(root: &Path) -> Vec<Fault> {
    let json: Value =
        serde_json::from_str(&fs::read_to_string(root.join("tests/faults.json")).unwrap()).unwrap();
    let text = |json: &Value| json.as_str().unwrap().to_owned();
    let read = |json: &Value| Fault {
        name: text(&json["name"]),
        file: text(&json["file"]).into(),
        find: text(&json["find"]),
        replace: text(&json["replace"]),
        test: json["test"].as_array().unwrap().iter().map(text).collect(),
    };
    json.as_array().unwrap().iter().map(read).collect()
}

/// Seeds one fault and takes it out again. What the test made of it, in words.
fn seed(scratch: &Path, fault: &Fault) -> Result<(), String> {
    let file = scratch.join(&fault.file);
    let sound = fs::read_to_string(&file).unwrap();
    if sound.matches(&fault.find).count() != 1 {
        return Err("does not apply: what it replaces must stand in its file once".to_owned());
    }
    fs::write(&file, sound.replace(&fault.find, &fault.replace)).unwrap();
    let (built, printed) = cargo(scratch, &fault.test, false);
    let outcome = if built {
        match cargo(scratch, &fault.test, true) {
            (false, printed) if printed.contains("... FAILED") => Ok(()),
            (_, printed) => Err(format!("MISSED by {}\n{printed}", fault.test.join(" "))),
        }
    } else {
        Err(format!("does not build\n{printed}"))
    };
    fs::write(&file, sound).unwrap();
    outcome
}

fn main() -> ExitCode {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let scratch = root.join("target/faults");
    fs::create_dir_all(&scratch).unwrap();
    for name in COPIED {
        copy(&root.join(name), &scratch.join(name));
    }
    let faults: Vec<Fault> = faults(root).into_iter().filter(|fault| fault.name.contains(&wanted)).collect();
    let tests: BTreeSet<&Vec<String>> = faults.iter().map(|fault| &fault.test).collect();
    for test in tests {
        let (passed, printed) = cargo(&scratch, test, true);
        assert!(passed && printed.contains("1 passed"), "without a fault: {}\n{printed}", test.join(" "));
    }
    let mut missed = 0;
    for fault in &faults {
        match seed(&scratch, fault) {
            Ok(()) => println!("caught: {}", fault.name),
            Err(problem) => {
                missed += 1;
                println!("{}: {problem}", fault.name);
            }
        }
    }
    println!("{} faults, {} caught", faults.len(), faults.len() - missed);
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
