//! Every link of every page leads somewhere.

use crate::pages::{all, anchors, is_outside, resolve, root};

/// What is wrong with the links of a page, a line each.
fn dead(path: &str, text: &str) -> Vec<String> {
    let root = root();
    let mut dead = Vec::new();
    for link in crate::pages::links(text).iter().filter(|link| !is_outside(link)) {
        let (target, anchor) = link.split_once('#').unwrap_or((link, ""));
        let place = if target.is_empty() { Some(path.to_owned()) } else { resolve(path, target) };
        let Some(place) = place else {
            dead.push(format!("{path}: `{link}` leads out of the repository"));
            continue;
        };
        let file = root.join(&place);
        if !file.exists() {
            dead.push(format!("{path}: `{link}`: there is no {place}"));
        } else if !anchor.is_empty() && place.ends_with(".md") {
            let text =
                if target.is_empty() { text.to_owned() } else { std::fs::read_to_string(file).unwrap() };
            if !anchors(&text).iter().any(|name| name == anchor) {
                dead.push(format!("{path}: `{link}`: {place} has no such heading"));
            }
        }
    }
    dead
}

#[test]
fn every_link_of_every_page_leads_somewhere() {
    let pages = all();
    assert!(pages.len() > 80, "{} pages", pages.len());
    let dead: Vec<String> = pages.iter().flat_map(|page| dead(&page.path, &page.text)).collect();
    assert!(dead.is_empty(), "{}", dead.join("\n"));
}

#[test]
fn a_dead_link_is_told() {
    for (text, wrong) in [
        ("[x](none.md)", 1),
        ("[x](crates/README.md#no-such-heading)", 1),
        ("[x](#none)", 1),
        ("![x](../outside.png)", 1),
        ("# Here\n\n[x](#here) [x](crates/README.md) [x](crates) [x](https://example.org)", 0),
        ("`[x](none.md)`", 0),
    ] {
        assert_eq!(dead("README.md", text).len(), wrong, "{text}");
    }
}

/// Every page of the guide is in its index, and so in the site's.
#[test]
fn no_page_of_the_guide_is_left_out_of_its_index() {
    let index = crate::pages::read("crates/legation/guide/README.md");
    let linked: Vec<String> = crate::pages::links(&index.text);
    for page in
        all().iter().filter_map(|page| page.path.strip_prefix("crates/legation/guide/").map(str::to_owned))
    {
        assert!(page == "README.md" || linked.contains(&page), "{page} is not in the guide's README.md");
    }
}
