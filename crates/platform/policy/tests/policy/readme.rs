//! The examples of the page of reference are policies, and do what is said beside them.

use legation_policy::{Document, schema};

const README: &str = include_str!("../../README.md");

fn blocks(kind: &str) -> Vec<&'static str> {
    let begin = format!("```{kind}\n");
    README.split(begin.as_str()).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[test]
fn every_example_of_the_page_is_a_policy() {
    let examples = blocks("cedar");
    assert!(examples.len() >= 6, "{}", examples.len());
    for (number, example) in examples.iter().enumerate() {
        if let Err(error) = Document::parse(&format!("example-{number}"), 1, example) {
            panic!("{error}\n{example}");
        }
    }
}

#[test]
fn the_schema_of_the_page_is_the_schema() {
    for line in schema::text().lines().filter(|line| line.starts_with("entity ") || line.contains("?: ")) {
        assert!(README.contains(line.trim().trim_end_matches(',')), "the page lacks `{line}`");
    }
    for action in schema::KNOWN.into_iter().chain(schema::FAMILIES) {
        assert!(README.contains(&format!("`{action}`")), "the page lacks the action `{action}`");
    }
}
