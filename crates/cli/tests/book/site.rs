//! One site of all pages: `target/book`. Nothing is fetched to make it or to read it.

use crate::{
    pages::{Page, all, anchors, events, is_outside, read, resolve, root},
    reference,
};
use pulldown_cmark::{CowStr, Event, Tag, TagEnd, html};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

const STYLE: &str = include_str!("book.css");
const INDEX: &str = "crates/legation/guide/README.md";

/// What the site is made of.
struct Book {
    pages: Vec<Page>,
    /// Their paths.
    paths: BTreeSet<String>,
    index: Page,
}

/// Where a page or a file is in the site. Servers of files leave out what begins with a dot.
fn place(path: &str) -> String {
    let path = path.trim_start_matches('.');
    match path.strip_suffix(".md") {
        None => path.to_owned(),
        Some("README") => "index.html".to_owned(),
        Some(stem) => match stem.strip_suffix("/README") {
            Some(folder) => format!("{folder}/index.html"),
            None => format!("{stem}.html"),
        },
    }
}

/// The way from one place of the site to another.
fn way(from: &str, to: &str) -> String {
    format!("{}{to}", "../".repeat(from.matches('/').count()))
}

impl Book {
    /// Where a link leads, as the site has it: a page, a file that is copied into it, or nothing.
    fn target(&self, page: &str, at: &str, link: &str, files: &mut BTreeSet<String>) -> Option<String> {
        if is_outside(link) || link.starts_with('#') {
            return Some(link.to_owned());
        }
        let (target, anchor) = link.split_once('#').unwrap_or((link, ""));
        let found = resolve(page, target)?;
        let anchor = if anchor.is_empty() { String::new() } else { format!("#{anchor}") };
        let index = format!("{found}/README.md");
        if self.paths.contains(&found) {
            return Some(way(at, &place(&found)) + &anchor);
        }
        if self.paths.contains(&index) {
            return Some(way(at, &place(&index)) + &anchor);
        }
        if found == reference::OPENAPI || root().join(&found).is_file() {
            files.insert(found.clone());
            return Some(way(at, &place(&found)));
        }
        // A folder without a page of its own: it is named, and leads nowhere here.
        None
    }

    /// A text of a page as HTML, at a place of the site, whose headings have these names.
    fn html(&self, page: &Page, names: Vec<String>, at: &str, files: &mut BTreeSet<String>) -> String {
        let mut names = names.into_iter();
        let mut left_out = false;
        let own = events(&page.text).filter_map(|event| match event {
            Event::Start(Tag::Heading { level, classes, attrs, .. }) => {
                let id = names.next().map(CowStr::from);
                Some(Event::Start(Tag::Heading { level, id, classes, attrs }))
            }
            Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
                let target = self.target(&page.path, at, &dest_url, files);
                left_out = target.is_none();
                let dest_url = CowStr::from(target?);
                Some(Event::Start(Tag::Link { link_type, dest_url, title, id }))
            }
            Event::End(TagEnd::Link) if core::mem::take(&mut left_out) => None,
            Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
                let target = self.target(&page.path, at, &dest_url, files).expect("a picture");
                Some(Event::Start(Tag::Image { link_type, dest_url: target.into(), title, id }))
            }
            // What is written as HTML is shown as it is written: no page brings a script.
            Event::Html(text) | Event::InlineHtml(text) if !text.starts_with("<!--") => {
                Some(Event::Text(text))
            }
            Event::Html(_) | Event::InlineHtml(_) => None,
            event => Some(event),
        });
        let mut text = String::new();
        html::push_html(&mut text, own);
        text
    }

    fn write(&self, page: &Page, files: &mut BTreeSet<String>) -> (String, String) {
        let at = place(&page.path);
        let title = page.text.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or(&page.path);
        let title = title.replace(['`', '<', '&'], "");
        // The menu's headings have no names, since the page's may be the same.
        let menu = self.html(&self.index, Vec::new(), &at, files);
        let text = self.html(page, anchors(&page.text), &at, files);
        let to = |path: &str| way(&at, &place(path));
        let html = format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{title} – Legation</title>\n<link rel=\"stylesheet\" href=\"{style}\">\n\
             <nav>\n<p><a href=\"{home}\">Legation</a></p>\n{menu}<h2>Generated</h2>\n<ul>\n\
             <li><a href=\"{commands}\">Commands</a></li>\n<li><a href=\"{api}\">The HTTP API</a></li>\n</ul>\n</nav>\n\
             <main>\n{text}</main>\n</html>\n",
            style = way(&at, "book.css"),
            home = to("README.md"),
            commands = to("reference/commands/README.md"),
            api = to("reference/api.md"),
        );
        (at, html)
    }
}

/// The index without its title and what stands before and behind its lists.
fn menu() -> Page {
    let index = read(INDEX);
    let (_, lists) = index.text.split_once("\n## ").expect("a list");
    let (lists, _) = lists.rsplit_once("\n\n").expect("what stands behind the lists");
    Page { path: index.path, text: format!("## {lists}\n") }
}

/// What each file of HTML has: the names within it, and where it leads.
fn attributes(html: &str, name: &str) -> Vec<String> {
    let start = format!(" {name}=\"");
    html.split(&start).skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())).collect()
}

#[test]
fn the_site_is_made_and_whole() {
    let (generated, api) = reference::pages();
    let pages: Vec<Page> = all().into_iter().chain(generated).collect();
    let paths = pages.iter().map(|page| page.path.clone()).collect();
    let book = Book { pages, paths, index: menu() };
    let mut files = BTreeSet::new();
    let written: BTreeMap<String, String> =
        book.pages.iter().map(|page| book.write(page, &mut files)).collect();
    assert_eq!(written.len(), book.pages.len(), "each page has a place of its own");

    let out = root().join("target/book");
    let _ = fs::remove_dir_all(&out);
    let put = |path: &str, bytes: &[u8]| {
        fs::create_dir_all(out.join(path).parent().unwrap()).unwrap();
        fs::write(out.join(path), bytes).unwrap();
    };
    put("book.css", STYLE.as_bytes());
    written.iter().for_each(|(path, html)| put(path, html.as_bytes()));
    for file in files.iter().filter(|file| *file != reference::OPENAPI) {
        put(&place(file), &fs::read(root().join(file)).unwrap());
    }
    put(reference::OPENAPI, serde_json::to_string_pretty(&api).unwrap().as_bytes());

    let mut dead = Vec::new();
    for (at, html) in &written {
        let names: BTreeSet<String> = attributes(html, "id").into_iter().collect();
        for link in
            attributes(html, "href").iter().chain(&attributes(html, "src")).filter(|link| !is_outside(link))
        {
            let (target, anchor) = link.split_once('#').unwrap_or((link, ""));
            let found = if target.is_empty() { Some(at.clone()) } else { resolve(at, target) };
            let found = found.filter(|found| out.join(found).is_file());
            let has = |html: &String| attributes(html, "id").iter().any(|id| id == anchor);
            let is_there = match found {
                None => false,
                Some(_) if anchor.is_empty() => true,
                Some(found) if found == *at => names.contains(anchor),
                Some(found) => written.get(&found).is_some_and(has),
            };
            if !is_there {
                dead.push(format!("{at}: {link}"));
            }
        }
        assert!(!html.contains("<script"), "{at} has a script");
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));

    // Each kind of page is there, and each is in reach of the menu.
    for path in [
        "index.html",
        "crates/legation/guide/services.html",
        "crates/core/verifier/codes/not_granted.html",
        "reference/commands/agent.html",
        "reference/api.html",
        "github/SECURITY.html",
        "crates/legation/guide/chain.svg",
    ] {
        assert!(out.join(path).is_file(), "{path}");
    }
}

#[test]
fn places_and_ways_are_found() {
    assert_eq!(place("README.md"), "index.html");
    assert_eq!(place(".github/SECURITY.md"), "github/SECURITY.html");
    assert_eq!(place("crates/README.md"), "crates/index.html");
    assert_eq!(place("a/b.svg"), "a/b.svg");
    assert_eq!(way("a/b/c.html", "index.html"), "../../index.html");
    assert_eq!(way("index.html", "a/b.html"), "a/b.html");
}
