//! What came of the demo: lines for people, steps for machines.

use super::agent::Answer;
use crate::output::Output;
use serde_json::{Value, json};
use std::time::Duration;

/// Columns of a step's title, so that answers stand below one another.
const TITLE: usize = 54;

/// What was said and done so far.
#[derive(Default)]
pub(super) struct Report {
    text: String,
    steps: Vec<Value>,
    wrong: usize,
}

/// What a call should be answered with.
#[derive(Clone, Copy)]
pub(super) enum Expected {
    Permit,
    /// This code, at this link.
    Deny(&'static str, Option<u64>),
}

impl Report {
    /// Says something.
    pub(super) fn say(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// Says what comes next.
    pub(super) fn title(&mut self, line: &str) {
        self.say("");
        self.say(line);
    }

    /// Records one call: what was tried, what should come of it, what came of it.
    pub(super) fn step(&mut self, title: &str, expected: Expected, answer: &Answer) {
        let (code, link) = match expected {
            Expected::Permit => (None, None),
            Expected::Deny(code, link) => (Some(code), link),
        };
        let ok = answer.code.as_deref() == code && answer.link == link;
        let said = said(answer.code.as_deref(), answer.link);
        self.say(format!("  {title:<TITLE$} {said}").trim_end());
        if !ok {
            self.wrong += 1;
            self.say(&format!("  ^ WRONG: it should be {}", said_in_short(code, link)));
            self.say(&format!("    {}", answer.reason));
        }
        self.steps.push(json!({
            "title": title,
            "decision": if answer.code.is_some() { "deny" } else { "permit" },
            "code": answer.code,
            "link": answer.link,
            "reason": answer.reason,
            "expected": code.unwrap_or("permit"),
            "ok": ok,
        }));
    }

    /// How many calls were answered.
    pub(super) fn answers(&self) -> usize {
        self.steps.len()
    }

    /// The end of it. It fails where any call was answered otherwise than it should be.
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

/// An answer in columns.
fn said(code: Option<&str>, link: Option<u64>) -> String {
    match (code, link) {
        (None, _) => "permitted".to_owned(),
        (Some(code), Some(link)) => format!("denied {code:<26} link {link}"),
        (Some(code), None) => format!("denied {code}"),
    }
}

fn said_in_short(code: Option<&str>, link: Option<u64>) -> String {
    said(code, link).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_other_than_the_expected_one_fails_the_demo() {
        let answer = |code: Option<&str>, link| Answer {
            code: code.map(str::to_owned),
            link,
            reason: String::new(),
            receipt: Value::Null,
        };
        let exit = |expected, answer| {
            let mut report = Report::default();
            report.step("a call", expected, &answer);
            report.finish(Duration::ZERO).exit
        };
        assert_eq!(exit(Expected::Permit, answer(None, None)), 0);
        assert_eq!(exit(Expected::Deny("expired", Some(1)), answer(Some("expired"), Some(1))), 0);
        assert_eq!(exit(Expected::Permit, answer(Some("expired"), None)), 1);
        assert_eq!(exit(Expected::Deny("expired", Some(1)), answer(None, None)), 1, "the attack passed");
        assert_eq!(exit(Expected::Deny("expired", Some(1)), answer(Some("expired"), Some(0))), 1);
        assert_eq!(exit(Expected::Deny("expired", None), answer(Some("cycle"), None)), 1);
    }
}
