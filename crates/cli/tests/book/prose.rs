//! How pages for newcomers are written: short sentences, a short README, code that fits a screen.

use crate::pages::{Page, all, events, read};
use pulldown_cmark::{Event, Tag, TagEnd};

/// Most words of a sentence.
const WORDS: usize = 30;
/// Most columns of a line of code.
const COLUMNS: usize = 120;

/// The pages that a newcomer reads.
fn for_newcomers() -> Vec<Page> {
    let is_one = |path: &str| {
        path == "README.md" || path.starts_with(".github/") || path.starts_with("crates/legation/guide/")
    };
    let pages: Vec<Page> = all().into_iter().filter(|page| is_one(&page.path)).collect();
    assert!(pages.len() >= 18, "{} pages", pages.len());
    pages
}

/// The sentences of a page: of its paragraphs, items and cells. A piece of code is one word, whatever stands in it.
fn sentences(text: &str) -> Vec<String> {
    let (mut all, mut now, mut in_code) = (Vec::new(), String::new(), false);
    for event in events(text) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => in_code = true,
            Event::End(TagEnd::CodeBlock) => in_code = false,
            Event::Text(text) if !in_code => now.push_str(&text),
            Event::Code(_) => now.push('x'),
            Event::SoftBreak | Event::HardBreak => now.push(' '),
            // Where one of these ends or begins, so does what is said.
            Event::End(TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::Item | TagEnd::TableCell)
            | Event::Start(Tag::Item | Tag::List(_)) => {
                all.extend(split(&now));
                now.clear();
            }
            _ => {}
        }
    }
    all
}

/// A text's sentences: each ends with a full stop, a question mark or an exclamation mark, and white space behind it.
fn split(text: &str) -> Vec<String> {
    let (mut all, mut now) = (Vec::new(), Vec::new());
    for word in text.split_whitespace() {
        now.push(word);
        if word.trim_end_matches([')', '"', '”']).ends_with(['.', '?', '!']) {
            all.push(now.join(" "));
            now.clear();
        }
    }
    all.push(now.join(" "));
    all.retain(|sentence| !sentence.is_empty());
    all
}

#[test]
fn no_sentence_has_more_than_thirty_words() {
    let mut long = Vec::new();
    for page in for_newcomers() {
        for sentence in sentences(&page.text) {
            let words =
                sentence.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).count();
            if words > WORDS {
                long.push(format!("{}: {words} words: {sentence}", page.path));
            }
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn sentences_are_told_apart() {
    let text = "# A b\n\nOne two. Three `four five`\nsix?\n\n- item\n- another: with. Two\n\n```\nno words\n```\n\n| a b | c |\n|---|---|\n| d e. | f |\n";
    let wanted =
        ["A b", "One two.", "Three x six?", "item", "another: with.", "Two", "a b", "c", "d e.", "f"];
    assert_eq!(sentences(text), wanted);
}

#[test]
fn no_line_of_code_is_wider_than_a_screen() {
    let mut wide = Vec::new();
    for page in for_newcomers() {
        let mut in_code = false;
        for (number, line) in page.text.lines().enumerate() {
            if line.starts_with("```") {
                in_code = !in_code;
            } else if in_code && line.chars().count() > COLUMNS {
                wide.push(format!("{}:{}", page.path, number + 1));
            }
        }
        assert!(!in_code, "{}: a block of code does not end", page.path);
    }
    assert!(wide.is_empty(), "{}", wide.join("\n"));
}

#[test]
fn the_readme_has_less_than_a_thousand_words() {
    let words = read("README.md").text.split_whitespace().count();
    assert!(words < 1000, "{words}");
}

/// Its table says what was measured, digit by digit.
#[test]
fn the_numbers_of_the_readme_are_those_that_were_measured() {
    let measured = read("crates/bench/gateway/table.md").text;
    let row = |text: &str, start: &str, after: &str| -> Vec<String> {
        let (_, text) = text.split_once(after).expect("the table");
        let line = text.lines().find(|line| line.starts_with(&format!("| {start} |"))).expect(start);
        line.split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let readme = read("README.md").text.replace("**", "");
    for (shown, name) in [
        ("Legation, SQLite", "Legation, SQLite"),
        ("Legation, PostgreSQL; two gateways in the last column", "Legation, PostgreSQL"),
        ("LiteLLM, one worker", "LiteLLM, 1 worker"),
        ("LiteLLM, two workers with Redis", "LiteLLM, 2 workers, Redis"),
        ("Envoy with `jwt_authn`: no budgets, no receipts", "Envoy, jwt_authn ES256"),
        ("Envoy, plain proxy", "Envoy, plain proxy"),
        ("nginx, plain proxy", "nginx, plain proxy"),
    ] {
        let told = row(&readme, shown, "## One table");
        let calls = &row(&measured, name, "Calls/s, upstream at once")[4];
        let more = &row(&measured, name, "Latency, µs, upstream of 20 ms")[4];
        assert_eq!(told[2].replace(',', ""), *calls, "{name}");
        assert_eq!(told[3].replace(',', ""), *more, "{name}");
    }
}
