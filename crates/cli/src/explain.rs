//! A verification told to people: the chain as a tree, each check with its cost and outcome,
//! and for a denial what would have passed.

use legation_credential::{Authority, Delegation, limit::LimitKey};
use legation_keys::time;
use legation_verifier::{Denial, Phase, Presentation, Remedy, Step};
use serde_json::json;
use std::time::Instant;

/// A check and what it cost, in nanoseconds.
pub(crate) struct Timed {
    step: Step,
    nanos: u128,
}

/// Times one check after the other.
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn lap(&mut self, step: Step) -> Timed {
        let now = Instant::now();
        let nanos = now.duration_since(self.0).as_nanos();
        self.0 = now;
        Timed { step, nanos }
    }
}

/// The checks as JSON, costs in microseconds.
pub(crate) fn json(steps: &[Timed]) -> serde_json::Value {
    steps
        .iter()
        .map(|timed| {
            json!({
                "link": timed.step.link, "check": timed.step.check, "passed": timed.step.passed,
                "microseconds": micros(timed.nanos),
            })
        })
        .collect::<Vec<_>>()
        .into()
}

/// A denial with what would have passed, where that is known.
#[derive(Clone, Copy)]
pub(crate) struct Denied<'d> {
    pub(crate) denial: &'d Denial,
    pub(crate) remedy: Option<&'d Remedy>,
}

/// The chain as a tree; of `presented`, where that could be read.
pub(crate) fn tree(
    presentation: Option<&Presentation>,
    presented: &[u8],
    steps: &[Timed],
    denied: Option<Denied<'_>>,
) -> String {
    let Some(presentation) = presentation else { return unread(presented, denied) };
    let mut text = String::new();
    for (index, claim) in presentation.claims().enumerate() {
        let (indent, root) = (indent(index), if index == 0 { "principal " } else { "" });
        text.push_str(&format!(
            "{indent}link {index}: {root}{} → {}, until {}\n",
            claim.issuer,
            claim.terms.subject,
            time::format(claim.terms.valid_until)
        ));
        push_checks(&mut text, &indent, steps, Some(index), denied);
    }
    let indent = indent(presentation.claims().count());
    text.push_str(&format!("{indent}presentation\n"));
    push_checks(&mut text, &indent, steps, None, denied);
    // What came after the checks of the chain: the request, and its commit.
    if let (Some(denied), true) = (denied, steps.iter().all(|timed| timed.step.passed)) {
        text.push_str("request\n");
        let check = match denied.denial.code.phase() {
            Phase::Request => "decision",
            other => other.name(),
        };
        push_denied(&mut text, "  ", check, denied);
    }
    let total: u128 = steps.iter().map(|timed| timed.nanos).sum();
    text.push_str(&format!("{} checks in {} µs\n", steps.len(), micros(total)));
    text
}

fn indent(depth: usize) -> String {
    match depth {
        0 => String::new(),
        _ => format!("{}└─ ", "   ".repeat(depth - 1)),
    }
}

fn push_checks(
    text: &mut String,
    indent: &str,
    steps: &[Timed],
    link: Option<usize>,
    denied: Option<Denied<'_>>,
) {
    let margin = " ".repeat(indent.chars().count() + 2);
    let mut any = false;
    for timed in steps.iter().filter(|timed| timed.step.link == link) {
        any = true;
        let check = format!("{:<14}{:>8} µs", timed.step.check, micros(timed.nanos));
        match denied {
            Some(denied) if !timed.step.passed => push_denied(text, &margin, &check, denied),
            _ => text.push_str(&format!("{margin}✓ {check}\n")),
        }
    }
    if !any {
        text.push_str(&format!("{margin}· not reached\n"));
    }
}

/// What failed, and what would have passed.
fn push_denied(text: &mut String, margin: &str, check: &str, denied: Denied<'_>) {
    let Denied { denial, remedy } = denied;
    text.push_str(&format!(
        "{margin}✗ {check}\n{margin}  expected {}\n{margin}  found    {}\n",
        denial.expected, denial.found
    ));
    if let Some(remedy) = remedy {
        text.push_str(&format!("{margin}  to pass  {remedy}\n"));
    }
}

/// Where the bytes are no presentation, there is no tree: what failed, and where.
fn unread(presented: &[u8], denied: Option<Denied<'_>>) -> String {
    let bytes = presented.len();
    let mut text = format!("presentation, {bytes} bytes: no chain to show, since it can't be read\n");
    if presented.trim_ascii().is_empty() {
        text.push_str("  the file is empty\n");
    }
    let text_of = core::str::from_utf8(presented);
    if text_of.is_ok_and(|text| Delegation::read_unverified(text).is_ok()) {
        text.push_str(
            "  this is a delegation; its holder makes a presentation of it by `legation present`\n",
        );
    }
    if let Some(denied) = denied {
        let place = denied.denial.link.map_or("the presentation".to_owned(), |link| format!("link {link}"));
        push_denied(&mut text, "  ", &format!("bytes of {place}"), denied);
    }
    text
}

fn micros(nanos: u128) -> f64 {
    // Tenths of a microsecond; the loss of precision is far beyond what was measured.
    let tenths = u32::try_from(nanos / 100).unwrap_or(u32::MAX);
    f64::from(tenths) / 10.0
}

/// A denial in three lines and the cure.
pub(crate) fn denial(denial: &Denial) -> String {
    let place = denial.link.map_or(String::new(), |link| format!(" at link {link}"));
    format!(
        "deny: {}{place}\n  rule     {}\n  expected {}\n  found    {}\n  cure     {}\n",
        denial.code,
        denial.code.cause(),
        denial.expected,
        denial.found,
        denial.code.cure()
    )
}

/// What an authority permits, a line each.
pub(crate) fn authority(authority: &Authority) -> String {
    let json = authority.to_json();
    let mut text = String::new();
    let words = |value: &serde_json::Value| {
        let all = value.as_array().into_iter().flatten().filter_map(serde_json::Value::as_str);
        all.collect::<Vec<_>>().join(", ")
    };
    let grants = json.get("grants").and_then(serde_json::Value::as_array);
    match grants {
        Some(grants) if grants.is_empty() => text.push_str("  may nothing\n"),
        Some(grants) => {
            for grant in grants {
                let part = |name: &str| grant.get(name).map(words).unwrap_or_default();
                text.push_str(&format!("  may  {} on {}\n", part("actions"), part("resources")));
            }
        }
        None => text.push_str("  may everything\n"),
    }
    for (key, bound) in authority.limits() {
        text.push_str(&format!("  only if {}\n", LimitKey::describe(key, bound)));
    }
    text
}
