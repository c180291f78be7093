//! What a command says, to people and to machines.

use crate::stream;
use legation_verifier::error::misleads;
use serde_json::{Value, json};
use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
    sync::{Mutex, PoisonError},
};

/// What was noticed on the way, by what has no [`Output`] at hand.
static NOTICED: Mutex<Vec<String>> = Mutex::new(Vec::new());

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
        self.notes.splice(..0, noticed());
        let shown = if as_json {
            if let (false, Some(members)) = (self.notes.is_empty(), self.json.as_object_mut()) {
                members.insert("warnings".to_owned(), self.notes.into());
            }
            print_json(&self.json)
        } else {
            tell(&self.notes);
            // Names and values of a chain are a stranger's words.
            let text = self.text.replace(|one| one != '\n' && misleads(one), "\u{fffd}");
            let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
            match stream::is_taken() {
                true => {
                    complain(&format!("{text}{end}"));
                    Ok(())
                }
                false => print(&format!("{text}{end}")),
            }
        };
        ended(self.exit, &shown)
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
        Self { exit: 2, code: "file".to_owned(), message: without_internal_names(message.into()) }
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

/// A message without the name that a file has while it is written: nobody has made or can find it.
fn without_internal_names(message: String) -> String {
    const BEFORE: &str = " at path \"";
    let Some((before, rest)) = message.split_once(BEFORE) else { return message };
    let after = rest.split_once('"').map_or("", |(_, after)| after);
    format!("{before}{after}")
}

/// Prints a failure: one line on stderr, or one object on stdout.
pub(crate) fn fail(failure: &Failure, as_json: bool) -> ExitCode {
    let notes = noticed();
    if !as_json {
        tell(&notes);
        complain(&format!("error: {}\n", one_line(&failure.message)));
        return ExitCode::from(failure.exit);
    }
    let mut json = json!({"error": failure.code, "message": failure.message});
    if let (false, Some(members)) = (notes.is_empty(), json.as_object_mut()) {
        members.insert("warnings".to_owned(), notes.into());
    }
    ended(failure.exit, &print_json(&json))
}

/// How the process ends. Whoever acts on an answer must not take silence for one: what was done is done, and the
/// exit says that nobody was told. A reader that has gone away wanted no more of it.
pub(crate) fn ended(exit: u8, shown: &io::Result<()>) -> ExitCode {
    match shown {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            complain(&format!("error: the answer (exit {exit}) can't be written: {error}\n"));
            ExitCode::from(3)
        }
        _ => ExitCode::from(exit),
    }
}

/// Notes what should be told, whatever comes of the command.
pub(crate) fn notice(text: String) {
    let mut noticed = NOTICED.lock().unwrap_or_else(PoisonError::into_inner);
    if !noticed.contains(&text) {
        noticed.push(text);
    }
}

/// What was noticed since this was last asked.
fn noticed() -> Vec<String> {
    core::mem::take(&mut *NOTICED.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Tells what was noticed, before work that has no end.
pub(crate) fn tell_noticed() {
    tell(&noticed());
}

fn tell(notes: &[String]) {
    for note in notes {
        complain(&format!("note: {}\n", one_line(note)));
    }
}

/// JSON in which nothing moves a cursor or turns the reading: a stranger's words stand in it. What may be in a text
/// only is escaped there, so that it is the same JSON.
pub(crate) fn harmless(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for one in json.chars() {
        if one != '\n' && misleads(one) {
            let mut units = [0; 2];
            for unit in one.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(one);
        }
    }
    out
}

/// JSON on several lines, for people.
pub(crate) fn pretty(json: &Value) -> String {
    harmless(&serde_json::to_string_pretty(json).unwrap_or_default())
}

fn print_json(json: &Value) -> io::Result<()> {
    print(&format!("{}\n", harmless(&json.to_string())))
}

/// A stranger's words on one line: they may hold what moves a terminal's cursor, or a line that looks
/// like one of ours.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|one| if misleads(one) { ' ' } else { one }).collect()
}

/// Writes to stdout.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush())
}

/// Writes to stderr.
pub(crate) fn complain(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Shows on a terminal how far long work has come.
pub(crate) fn counter() -> indicatif::ProgressBar {
    if !io::stderr().is_terminal() {
        return indicatif::ProgressBar::hidden();
    }
    let counter = indicatif::ProgressBar::new_spinner();
    counter.enable_steady_tick(core::time::Duration::from_millis(100));
    counter
}

/// Shows on a terminal that long work goes on, while it does.
pub(crate) fn working<T>(message: &str, work: impl FnOnce() -> T) -> T {
    if !io::stderr().is_terminal() {
        return work();
    }
    let spinner = indicatif::ProgressBar::new_spinner().with_message(message.to_owned());
    spinner.enable_steady_tick(core::time::Duration::from_millis(100));
    let done = work();
    spinner.finish_and_clear();
    done
}
