//! Every page: a Markdown file of the repository, or one that is written of the command and the API.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

/// A page: where it is below the top of the repository, and what it says.
pub(crate) struct Page {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// The top of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// What is no part of the sources.
const NOT_OURS: [&str; 3] = ["target", ".git", "node_modules"];

/// All Markdown files, by path.
pub(crate) fn all() -> Vec<Page> {
    let root = root();
    let (mut all, mut folders) = (Vec::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
            if entry.file_type().unwrap().is_dir() {
                if !NOT_OURS.contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if name.ends_with(".md") {
                let text = fs::read_to_string(&path).unwrap();
                all.push(Page { path: path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned(), text });
            }
        }
    }
    all.sort_by(|one, other| one.path.cmp(&other.path));
    all
}

/// One page by its path.
pub(crate) fn read(path: &str) -> Page {
    Page { path: path.to_owned(), text: fs::read_to_string(root().join(path)).unwrap() }
}

/// A page's parts, read as GitHub reads it.
pub(crate) fn events(text: &str) -> Parser<'_> {
    Parser::new_ext(text, Options::ENABLE_TABLES)
}

/// The name that GitHub gives a heading: lower case, without punctuation, `-` for spaces.
pub(crate) fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|one| one.is_alphanumeric() || [' ', '-', '_'].contains(one));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// The names of a page's headings, in order. Of two that are alike the second has `-1` behind it.
pub(crate) fn anchors(text: &str) -> Vec<String> {
    let (mut all, mut seen) = (Vec::new(), HashMap::<String, usize>::new());
    let mut heading: Option<String> = None;
    for event in events(text) {
        match (event, &mut heading) {
            (Event::Start(Tag::Heading { .. }), _) => heading = Some(String::new()),
            (Event::End(TagEnd::Heading(_)), Some(words)) => {
                let name = slug(words);
                let times = seen.entry(name.clone()).or_default();
                all.push(if *times == 0 { name } else { format!("{name}-{times}") });
                *times += 1;
                heading = None;
            }
            (Event::Text(text) | Event::Code(text), Some(words)) => words.push_str(&text),
            _ => {}
        }
    }
    all
}

/// Where links and pictures of a page lead.
pub(crate) fn links(text: &str) -> Vec<String> {
    let targets = events(text).filter_map(|event| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
            Some(dest_url.into_string())
        }
        _ => None,
    });
    targets.collect()
}

/// Whether a link leads out of the repository.
pub(crate) fn is_outside(target: &str) -> bool {
    ["https://", "http://", "mailto:"].iter().any(|scheme| target.starts_with(scheme))
}

/// A relative target, as a path below the top; `None` where it leads above it.
pub(crate) fn resolve(from: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[test]
fn names_of_headings_are_those_of_github() {
    for (heading, name) in [
        ("The W3C's suites", "the-w3cs-suites"),
        ("Behind Envoy, nginx and Traefik", "behind-envoy-nginx-and-traefik"),
        ("`spend`: money", "spend-money"),
        ("A snake_case – and more", "a-snake_case--and-more"),
    ] {
        assert_eq!(anchors(&format!("# {heading}\n")), [name]);
    }
    assert_eq!(anchors("# A\n\n## A\n\n```\n# none\n```\n"), ["a", "a-1"]);
}

#[test]
fn a_relative_target_is_found_from_its_page() {
    assert_eq!(resolve("a/b/c.md", "../d.md").as_deref(), Some("a/d.md"));
    assert_eq!(resolve("README.md", "crates/README.md").as_deref(), Some("crates/README.md"));
    assert_eq!(resolve("README.md", "../x"), None);
}
