//! A page for each code of a denial, and an index: `crates/core/verifier/codes/`. The binary
//! `make-code-pages` writes them, a test holds them against what it would write.

use crate::{LoadError, Vector, explain, load_all, run::Told};
use legation_verifier::{Code, Denial, Phase};
use std::path::{Path, PathBuf};

/// Codes that no vector reaches, each with the reason.
pub const WITHOUT_VECTOR: [(Code, &str); 3] = [
    (
        Code::RequestBindingMismatch,
        "a signed request is no presentation: `crates/core/http-signature` and `crates/network/agent` test it",
    ),
    (
        Code::PolicyDenied,
        "policies are the gateway's own: `crates/platform/policy` and `crates/platform/gateway` test it",
    ),
    (
        Code::PolicyError,
        "policies are the gateway's own: `crates/platform/policy` and `crates/platform/gateway` test it",
    ),
];

/// Examples that say more than the first one that is found.
pub const PREFERRED: [&str; 28] = [
    "action-widened-in-the-leaf",
    "algorithm-none-in-a-link",
    "approval-needed",
    "argument-missing",
    "budget-exceeded",
    "context-of-the-first-data-model",
    "duplicate-subject-in-a-link",
    "header-crit",
    "header-jwk",
    "holder-is-somebody-else",
    "issuer-is-not-the-subject-before",
    "key-rotated-out-of-the-document",
    "link-expired",
    "link-not-yet-valid",
    "link-oversized",
    "money-as-a-text",
    "presentation-captured-and-replayed",
    "presentation-captured-at-another-audience",
    "presentation-expired",
    "request-for-another-action",
    "resource-widened-to-another-host",
    "root-of-another-organization",
    "signature-of-the-leaf-by-somebody-else",
    "spend-of-one-too-much",
    "spend-per-action-widened",
    "status-list-fetched-too-long-ago",
    "typ-of-a-draft",
    "unknown-member-in-delegation",
];

/// Where the pages are.
#[must_use]
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/core/verifier/codes")
}

/// Every page: the name of its file and its text.
///
/// # Errors
/// [`LoadError`] of the first vector that can't be read.
pub fn all() -> Result<Vec<(String, String)>, LoadError> {
    let told: Vec<(Vector, Vec<Told>)> =
        load_all()?.into_iter().map(|vector| (vector.clone(), explain(&vector))).collect();
    let pages = Code::ALL.iter().map(|code| (format!("{code}.md"), page(*code, example(*code, &told))));
    Ok(core::iter::once(("README.md".to_owned(), index())).chain(pages).collect())
}

/// A vector, and what came of its first step that was denied so.
type Example<'v> = (&'v Vector, &'v Denial, &'v Told);

/// The example of a code: a preferred one; else one whose remedy is known, with few steps, by name.
fn example(code: Code, told: &[(Vector, Vec<Told>)]) -> Option<Example<'_>> {
    let all = told.iter().filter_map(|(vector, all)| {
        let told = all.iter().find(|one| one.denial.as_ref().is_some_and(|denial| denial.code == code))?;
        let preferred = PREFERRED.contains(&vector.name.as_str());
        Some(((!preferred, told.remedy.is_none(), all.len()), (vector, told.denial.as_ref()?, told)))
    });
    all.min_by_key(|(rank, _)| *rank).map(|(_, example)| example)
}

const WRITTEN: &str = "<!-- Written by `cargo run -p legation-tests --bin make-code-pages` from `crates/core/verifier/src/code.rs`. -->\n\n";

fn index() -> String {
    let mut text = format!(
        "{WRITTEN}# Why something was denied\n\n\
         Each denial has one code, which never changes, the index of the link (0 is the root's), what was expected and \
         what was found.\nThe checks are made phase by phase; within a phase from the root's link to the last one and \
         then the presentation; within a link\nin the order below. The first failure is the answer.\n\n\
         `legation verify --explain` says where it failed and what would have passed, `legation code show NAME` what \
         stands here,\nthe library's `remedy` the same as data.\n"
    );
    for phase in Phase::ALL {
        let name = phase.name();
        let (first, rest) = name.split_at_checked(1).unwrap_or_default();
        text.push_str(&format!("\n## {}{rest}\n\n{}\n\n", first.to_uppercase(), phase.question()));
        text.push_str("| code | cause | mended by | HTTP |\n|---|---|---|---|\n");
        for code in Code::ALL.iter().filter(|code| code.phase() == phase) {
            let who: Vec<&str> = code.mended_by().iter().map(|party| party.name()).collect();
            let (who, status) = (who.join(", "), code.http_status());
            text.push_str(&format!("| [`{code}`]({code}.md) | {} | {who} | {status} |\n", code.cause()));
        }
    }
    text
}

fn page(code: Code, example: Option<Example<'_>>) -> String {
    let mut text = format!("{WRITTEN}# `{code}`\n\n");
    for (title, fact) in code.facts() {
        text.push_str(&format!("- **{title}**: {fact}\n"));
    }
    text.push_str("\n## Example\n\n");
    match example {
        Some((vector, denial, told)) => {
            let name = &vector.name;
            text.push_str(&format!("[`{name}`](../../../../tests/vectors/{name}.json): {}\n\n", vector.why));
            let mut rows = vec![("denied", told.outcome.to_string().replace("deny ", ""))];
            rows.push(("expected", denial.expected.clone()));
            rows.push(("found", denial.found.clone()));
            let remedy = told.remedy.as_ref().map(ToString::to_string);
            rows.push((
                "to pass",
                remedy.unwrap_or_else(|| "nothing that is known would surely pass; see the cure".to_owned()),
            ));
            text.push_str("```text\n");
            for (title, value) in rows {
                text.push_str(&format!("{title:<10}{value}\n"));
            }
            text.push_str("```\n");
        }
        None => {
            let reason =
                WITHOUT_VECTOR.iter().find(|(without, _)| *without == code).map_or("", |(_, reason)| reason);
            text.push_str(&format!("No vector of the corpus reaches it: {reason}.\n"));
        }
    }
    text.push_str("\n[All codes](README.md)\n");
    text
}
