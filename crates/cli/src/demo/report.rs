//! What came of the demo: lines for people, steps for machines.

use super::calls::Answer;
use crate::output::Output;
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};

/// Columns of a step's title, so that answers stand below one another.
const TITLE: usize = 55;

/// What was said and done so far.
#[derive(Default)]
pub(super) struct Report {
    text: String,
    steps: Vec<Value>,
    wrong: usize,
    /// The attack that is under way, and how many there were.
    attack: Option<&'static str>,
    attacks: usize,
}

/// What a step should end with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expected {
    /// A handshake in which each believes the other.
    Met,
    Permit,
    /// Who refuses, by this code, at this link.
    Deny(&'static str, &'static str, Option<u64>),
}

impl Report {
    /// Says something.
    pub(super) fn say(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// Says what comes next.
    pub(super) fn title(&mut self, line: &str) {
        self.attack = None;
        self.say("");
        self.say(line);
    }

    /// Says which of the named attacks comes next. Machines read `name`.
    pub(super) fn attack(&mut self, name: &'static str, line: &str) {
        self.attacks += 1;
        self.title(&format!("Attack {}. {line}", self.attacks));
        self.attack = Some(name);
    }

    /// Records one step: what was tried, what should come of it, what came of it.
    pub(super) fn step(&mut self, title: &str, expected: Expected, answer: &Answer) {
        let (decision, by, code, link) = match expected {
            Expected::Met => ("valid", answer.by, None, None),
            Expected::Permit => ("permit", answer.by, None, None),
            Expected::Deny(by, code, link) => ("deny", by, Some(code), link),
        };
        // Nothing is good that no service has signed.
        let signed = answer.receipt.as_ref().and_then(|receipt| receipt.get("decision")?.as_str());
        let found = if answer.code.is_some() { "deny" } else { signed.unwrap_or("unsigned") };
        let ok =
            found == decision && answer.by == by && answer.code.as_deref() == code && answer.link == link;
        let mark = if answer.code.is_some() { '✗' } else { '✓' };
        let said = said(answer.by, found, answer.code.as_deref(), answer.link);
        self.say(&format!("  {mark} {title:<TITLE$} {said}"));
        if !ok {
            self.wrong += 1;
            self.say(&format!("  ^ WRONG: it should be `{}`", self::said(by, decision, code, link)));
            self.say(&format!("    {}", answer.reason));
        }
        self.steps.push(json!({
            "title": title,
            "attack": self.attack,
            "by": answer.by,
            "decision": found,
            "code": answer.code,
            "link": answer.link,
            "reason": answer.reason,
            "receipt": answer.receipt.is_some(),
            "expected": code.unwrap_or(decision),
            "ok": ok,
        }));
    }

    /// Records what somebody found who verified something: nothing wrong, or an alarm by its code.
    pub(super) fn audit(
        &mut self,
        title: &str,
        by: &'static str,
        expected: Option<&'static str>,
        found: Option<&str>,
    ) {
        let words = |code: Option<&str>| code.map_or(format!("{by}: holds"), |code| format!("{by}: {code}"));
        let (mark, ok) = (if found.is_some() { '✗' } else { '✓' }, found == expected);
        self.say(&format!("  {mark} {title:<TITLE$} {}", words(found)));
        if !ok {
            self.wrong += 1;
            self.say(&format!("  ^ WRONG: it should be `{}`", words(expected)));
        }
        let decision = if found.is_some() { "alarm" } else { "holds" };
        self.steps.push(json!({
            "title": title, "attack": self.attack, "by": by, "decision": decision, "code": found, "link": null,
            "reason": "", "receipt": false, "expected": expected.unwrap_or("holds"), "ok": ok,
        }));
    }

    /// Counts what happened.
    pub(super) fn sum_up(&mut self) {
        let denied = self.steps.iter().filter(|step| step.get("decision") == Some(&"deny".into()));
        let codes: BTreeSet<&str> = denied.filter_map(|step| step.get("code")?.as_str()).collect();
        let count = |name: &str, wanted: Value| {
            self.steps.iter().filter(|step| step.get(name) == Some(&wanted)).count()
        };
        let (met, permitted) = (count("decision", "valid".into()), count("decision", "permit".into()));
        let (denied, signed) = (count("decision", "deny".into()), count("receipt", true.into()));
        let line = format!(
            "{met} handshakes and {permitted} requests went through; {denied} were refused, by {} different rules.",
            codes.len()
        );
        self.title(&line);
        self.say(&format!(
            "Services and gateway signed receipts of {signed} of them; all {signed} were verified."
        ));
    }

    /// The end of it. It fails where any step ended otherwise than it should.
    pub(super) fn finish(mut self, took: Duration) -> Output {
        let (ok, seconds) = (self.wrong == 0, took.as_secs_f64());
        self.say("");
        if !ok {
            self.say(&format!("{} of {} answers are wrong", self.wrong, self.steps.len()));
        }
        self.say(&format!("done in {seconds:.1} s; nothing is left running"));
        // Milliseconds: what lies below is noise.
        let seconds = (seconds * 1000.0).round() / 1000.0;
        let json = json!({"steps": self.steps, "ok": ok, "seconds": seconds});
        Output { json, text: self.text, notes: Vec::new(), exit: u8::from(!ok) }
    }
}

/// An answer as the last column.
fn said(by: &str, decision: &str, code: Option<&str>, link: Option<u64>) -> String {
    match (decision, code, link) {
        (_, Some(code), Some(link)) => format!("{by}: {code}, link {link}"),
        (_, Some(code), None) => format!("{by}: {code}"),
        ("valid", ..) => "met".to_owned(),
        ("permit", ..) => "permitted".to_owned(),
        _ => "let through, and nothing signed".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_other_than_the_expected_one_fails_the_demo() {
        let answer = |by, code: Option<&str>, link, signed: &str| Answer {
            by,
            code: code.map(str::to_owned),
            link,
            reason: String::new(),
            receipt: Some(json!({"decision": signed})),
        };
        let denied = |code, link| answer("Shop", Some(code), link, "deny");
        let exit = |expected, answer| {
            let mut report = Report::default();
            report.step("a call", expected, &answer);
            report.finish(Duration::ZERO).exit
        };
        let (permit, met) =
            (|| answer("Shop", None, None, "permit"), || answer("Clerk", None, None, "valid"));
        let expired = Expected::Deny("Shop", "expired", Some(1));
        for (expected, answer, wanted) in [
            (Expected::Permit, permit(), 0),
            (Expected::Met, met(), 0),
            (expired, denied("expired", Some(1)), 0),
            (Expected::Permit, denied("expired", Some(1)), 1),
            (Expected::Permit, met(), 1),
            (Expected::Met, permit(), 1),
            (expired, permit(), 1),
            (expired, denied("expired", Some(0)), 1),
            (expired, answer("Clerk", Some("expired"), Some(1), "deny"), 1),
            (Expected::Deny("Shop", "expired", None), denied("cycle", None), 1),
            (Expected::Permit, Answer { receipt: None, ..permit() }, 1),
        ] {
            assert_eq!(exit(expected, answer), wanted, "{expected:?}");
        }
        for (expected, found, wanted) in [
            (None, None, 0),
            (Some("log_changed"), Some("log_changed"), 0),
            (Some("log_changed"), None, 1),
            (None, Some("log_changed"), 1),
        ] {
            let mut report = Report::default();
            report.audit("a log", "Auditor", expected, found);
            assert_eq!(report.finish(Duration::ZERO).exit, wanted, "{expected:?}");
        }
    }
}
