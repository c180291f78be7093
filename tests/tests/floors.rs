//! The floors of the house: what stands on what, and that nothing below `network` has a runtime, a socket or a clock.

#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Each floor and those that it may stand on, beside itself.
const FLOORS: [(&str, &[&str]); 4] = [
    ("core", &[]),
    ("network", &["core"]),
    ("formats", &["core", "network"]),
    ("platform", &["core", "network", "formats"]),
];

/// Crates that bring a runtime, a socket or a database, by which a room of `core` would come to have one.
const NEVER_IN_CORE: [&str; 12] = [
    "tokio",
    "async-std",
    "smol",
    "mio",
    "socket2",
    "hyper",
    "reqwest",
    "ureq",
    "axum",
    "rustls",
    "rusqlite",
    "sqlx",
];

/// What the source of a room of `core` may not name: whoever calls it brings clock, files and threads.
const NEVER_NAMED: [&str; 6] =
    ["std::net", "std::fs", "std::process", "thread::spawn", "SystemTime", "Instant::now"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().canonicalize().unwrap()
}

/// What cargo says of the workspace, for this machine's platform: others' crates may not have been fetched.
fn metadata() -> Value {
    let rustc = Command::new("rustc").arg("-vV").output().unwrap();
    let rustc = String::from_utf8(rustc.stdout).unwrap();
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", host]);
    let output = command.current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap()
}

fn array<'a>(value: &'a Value, member: &str) -> &'a [Value] {
    value.get(member).and_then(Value::as_array).unwrap()
}

/// The graph of normal dependencies, tests' and build scripts' left out, and the name and floor of each package.
struct House {
    names: BTreeMap<String, String>,
    floors: BTreeMap<String, String>,
    needs: BTreeMap<String, Vec<String>>,
}

fn house() -> House {
    let metadata = metadata();
    let crates = root().join("crates");
    let (mut names, mut floors) = (BTreeMap::new(), BTreeMap::new());
    for package in array(&metadata, "packages") {
        let id = text(package, "id").to_owned();
        names.insert(id.clone(), text(package, "name").to_owned());
        let inside = Path::new(text(package, "manifest_path")).strip_prefix(&crates);
        let parts: Vec<_> = inside.into_iter().flatten().filter_map(|part| part.to_str()).collect();
        if let [floor, _, "Cargo.toml"] = parts.as_slice() {
            floors.insert(id, (*floor).to_owned());
        }
    }
    let is_normal =
        |one: &&Value| array(one, "dep_kinds").iter().any(|kind| kind.get("kind") == Some(&Value::Null));
    let nodes = array(metadata.get("resolve").unwrap(), "nodes").iter();
    let needs = nodes.map(|node| {
        let needed = array(node, "deps").iter().filter(is_normal);
        (text(node, "id").to_owned(), needed.map(|one| text(one, "pkg").to_owned()).collect())
    });
    House { needs: needs.collect(), names, floors }
}

#[test]
fn each_floor_stands_on_those_below_it_only() {
    let House { names, floors, needs } = house();
    let mut seen = BTreeSet::new();
    for (id, floor) in &floors {
        let (_, below) =
            FLOORS.iter().find(|(name, _)| name == floor).unwrap_or_else(|| panic!("no floor `{floor}`"));
        seen.insert(floor.as_str());
        for needed in &needs[id] {
            if let Some(other) = floors.get(needed) {
                let fits = other == floor || below.contains(&other.as_str());
                assert!(fits, "`{}` of `{floor}` stands on `{}` of `{other}`", names[id], names[needed]);
            }
        }
    }
    assert_eq!(seen.len(), FLOORS.len(), "a floor has no crate: {seen:?}");
}

#[test]
fn no_crate_of_core_brings_a_runtime_or_a_socket() {
    let House { names, floors, needs } = house();
    let mut rooms = 0;
    for room in floors.iter().filter(|(_, floor)| *floor == "core").map(|(id, _)| id) {
        rooms += 1;
        let (mut open, mut seen) = (vec![room], BTreeSet::new());
        while let Some(id) = open.pop() {
            if seen.insert(id) {
                assert!(
                    !NEVER_IN_CORE.contains(&names[id].as_str()),
                    "`{}` brings `{}`",
                    names[room],
                    names[id]
                );
                open.extend(&needs[id]);
            }
        }
        assert!(seen.len() > 1, "`{}` has no dependencies: the graph was not read", names[room]);
    }
    assert!(rooms >= 7, "{rooms} crates of core");
}

/// Packages of a lock file, by name, with their versions.
fn locked(path: &str) -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_to_string(root().join(path)).unwrap();
    let mut packages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in text.split("[[package]]").skip(1) {
        let value = |name: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim_matches('"').to_owned()
        };
        packages.entry(value("name = ")).or_default().insert(value("version = "));
    }
    packages
}

/// The packages for other languages are a workspace of their own. What they decide with has to be what all decide with.
#[test]
fn the_bindings_decide_with_the_same_versions() {
    let (own, all) = (locked("crates/bindings/Cargo.lock"), locked("Cargo.lock"));
    for name in [
        "aws-lc-rs",
        "curve25519-dalek",
        "data-encoding",
        "ed25519-dalek",
        "flate2",
        "hmac",
        "jiff",
        "p256",
        "p384",
        "rsa",
        "serde_json",
        "sfv",
        "sha2",
        "url",
    ] {
        let versions = own.get(name).unwrap_or_else(|| panic!("the bindings no longer need `{name}`"));
        assert!(versions.is_subset(&all[name]), "`{name}`: {versions:?} there, {:?} here", all[name]);
    }
    assert!(
        !all.contains_key("pyo3") && !all.contains_key("wasm-bindgen-cli-support"),
        "bindings are built with the rest"
    );
}

/// The code of each source of `core` that is built into the library, without comments: tests and fixtures read
/// files, and run on this machine.
fn sources() -> Vec<(PathBuf, Vec<String>)> {
    let mut open = vec![root().join("crates/core")];
    let mut sources = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if !["tests", "examples", "target"].contains(&path.file_name().unwrap().to_str().unwrap()) {
                    open.push(path);
                }
            } else if path.extension().is_some_and(|end| end == "rs") {
                let source = fs::read_to_string(&path).unwrap();
                let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
                sources.push((path, code.map(str::to_owned).collect()));
            }
        }
    }
    assert!(sources.len() > 50, "{} files", sources.len());
    sources
}

#[test]
fn no_source_of_core_names_a_clock_a_file_or_a_thread() {
    for (path, code) in sources() {
        for line in code {
            let named = NEVER_NAMED.iter().find(|name| line.contains(*name));
            assert!(named.is_none(), "{}: `{}`", path.display(), line.trim());
        }
    }
}

/// Whether a line has a number that 32 bits do not hold, written out or as a shift.
fn is_beyond_32_bits(line: &str) -> bool {
    let words = || line.split(|one: char| !one.is_ascii_alphanumeric() && one != '_');
    let digits = |word: &str| word.chars().filter(|one| *one != '_').collect::<String>();
    let large = words().any(|word| digits(word).parse::<u128>().is_ok_and(|number| number > u32::MAX.into()));
    let shifted = line.split("<<").skip(1).any(|after| {
        let by: String = after.trim_start().chars().take_while(char::is_ascii_digit).collect();
        by.parse::<u32>().is_ok_and(|by| by >= 32)
    });
    large || shifted
}

/// Where a `usize` has 32 bits, as in browsers, a larger constant does not compile. Nobody who builds on 64
/// bits sees that, and no such target may be at hand: so whatever is larger says its type where it stands.
#[test]
fn no_constant_of_core_needs_more_than_32_bits_of_a_usize() {
    assert!(is_beyond_32_bits("(1 << 36)") && is_beyond_32_bits("4_294_967_296"));
    assert!(!is_beyond_32_bits("1 << 28") && !is_beyond_32_bits("4_294_967_295"));
    let types = ["i64", "u64", "i128", "u128", "f64"];
    for (path, code) in sources() {
        // Unit tests run where they are built.
        for line in code.iter().take_while(|line| !line.contains("#[cfg(test)]")) {
            // A text says a number to people.
            let line = line.split('"').next().unwrap_or_default();
            let typed = types.iter().any(|name| line.contains(name));
            let told = format!("{}: `{}` must say its type, and no `usize`", path.display(), line.trim());
            assert!(typed || !is_beyond_32_bits(line), "{told}");
        }
    }
}
