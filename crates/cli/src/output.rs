//! What a command says, to people and to machines.

use legation_verifier::error::misleads;
use serde_json::{Value, json};
use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
};

/// What a command has to say when it did its work.
#[derive(Debug)]
pub(crate) struct Output {
    /// For machines: one object.
    pub(crate) json: Value,
    /// For people.
    pub(crate) text: String,
    /// Warnings, on stderr and in the object.
    pub(crate) notes: Vec<String>,
    /// 0, or 1 where the answer is no.
    pub(crate) exit: u8,
}

impl Output {
    /// Done.
    pub(crate) fn done(json: Value, text: impl Into<String>) -> Self {
        Self { json, text: text.into(), notes: Vec::new(), exit: 0 }
    }

    /// Prints it.
    pub(crate) fn show(mut self, as_json: bool) -> ExitCode {
        if as_json {
            if let (false, Some(members)) = (self.notes.is_empty(), self.json.as_object_mut()) {
                members.insert("warnings".to_owned(), self.notes.into());
            }
            print(&format!("{}\n", self.json));
        } else {
            for note in &self.notes {
                complain(&format!("note: {}\n", one_line(note)));
            }
            // Names and values of a chain are a stranger's words.
            let text = self.text.replace(|one| one != '\n' && misleads(one), "\u{fffd}");
            let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
            print(&format!("{text}{end}"));
        }
        ExitCode::from(self.exit)
    }
}

/// Why a command did not do its work.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: u8,
    pub(crate) code: String,
    pub(crate) message: String,
}

impl core::fmt::Display for Failure {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        out.write_str(&self.message)
    }
}

impl Failure {
    /// Wrong arguments.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { exit: 2, code: "usage".to_owned(), message: message.into() }
    }

    /// A file that can't be opened, read as what it should be, or written.
    pub(crate) fn file(message: impl Into<String>) -> Self {
        Self { exit: 2, code: "file".to_owned(), message: message.into() }
    }

    /// Something is not as the rules want it, with its stable code.
    pub(crate) fn invalid(code: &str, message: impl Into<String>) -> Self {
        Self { exit: 1, code: code.to_owned(), message: message.into() }
    }

    /// The network or the disk failed.
    pub(crate) fn network(code: &str, message: impl Into<String>) -> Self {
        Self { exit: 3, code: code.to_owned(), message: message.into() }
    }
}

/// Prints a failure: one line on stderr, or one object on stdout.
pub(crate) fn fail(failure: &Failure, as_json: bool) -> ExitCode {
    if as_json {
        print(&format!("{}\n", json!({"error": failure.code, "message": failure.message})));
    } else {
        complain(&format!("error: {}\n", one_line(&failure.message)));
    }
    ExitCode::from(failure.exit)
}

/// A stranger's words on one line: they may hold what moves a terminal's cursor, or a line that looks
/// like one of ours.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|one| if misleads(one) { ' ' } else { one }).collect()
}

/// Writes to stdout. A reader that has gone away is no reason to fail.
pub(crate) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Writes to stderr.
pub(crate) fn complain(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Shows on a terminal that long work goes on, while it does.
pub(crate) fn working<T>(message: &str, work: impl FnOnce() -> T) -> T {
    if !std::io::stderr().is_terminal() {
        return work();
    }
    let spinner = indicatif::ProgressBar::new_spinner().with_message(message.to_owned());
    spinner.enable_steady_tick(core::time::Duration::from_millis(100));
    let done = work();
    spinner.finish_and_clear();
    done
}
