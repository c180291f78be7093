//! Where a passphrase comes from: the file that is named, the one that `LEGATION_PASSPHRASE_FILE` names, or whoever sits at
//! the terminal.

use crate::{
    files::look_who_reads,
    output::{Failure, complain},
    stream,
};
use legation_keystore::{Passphrase, read_passphrase_file};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::{
    io::{self, BufRead, IsTerminal, Read},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// Names the file where no option does.
const VARIABLE: &str = "LEGATION_PASSPHRASE_FILE";
/// Most bytes that are read of what somebody types.
const MOST: u64 = 4096;

/// The passphrase in a file, where one is named.
pub(crate) fn named(file: Option<&Path>) -> Result<Option<Passphrase>, Failure> {
    let Some(file) = file else { return Ok(None) };
    if stream::is_stream(file) {
        return line(&mut stream::input()?).map(Some);
    }
    look_who_reads(file, "passphrase file");
    read_passphrase_file(file).map(Some).map_err(|error| Failure::file(error.to_string()))
}

/// The passphrase that opens a key: of the variable's file, or asked for; `None` where nobody is there to be asked.
pub(crate) fn to_open(key: &Path) -> Result<Option<Passphrase>, Failure> {
    match of_variable()? {
        Some(passphrase) => Ok(Some(passphrase)),
        None => asked(&format!("passphrase of {}", key.display())),
    }
}

/// The passphrase that a new key is encrypted by, asked for twice.
pub(crate) fn to_encrypt() -> Result<Option<Passphrase>, Failure> {
    if let Some(passphrase) = of_variable()? {
        return Ok(Some(passphrase));
    }
    let Some(typed) = typed("new passphrase")? else { return Ok(None) };
    match typed_again()? {
        again if *again == *typed => passphrase(&typed).map(Some),
        _ => Err(Failure::usage("the two passphrases differ; nothing was written")),
    }
}

fn typed_again() -> Result<Zeroizing<String>, Failure> {
    typed("the same again").map(Option::unwrap_or_default)
}

fn of_variable() -> Result<Option<Passphrase>, Failure> {
    let file = std::env::var_os(VARIABLE).filter(|file| !file.is_empty()).map(PathBuf::from);
    let failed =
        |failure: Failure| Failure { message: format!("{VARIABLE}: {}", failure.message), ..failure };
    named(file.as_deref()).map_err(failed)
}

fn asked(what: &str) -> Result<Option<Passphrase>, Failure> {
    typed(what)?.map(|typed| passphrase(&typed)).transpose()
}

fn passphrase(text: &str) -> Result<Passphrase, Failure> {
    Passphrase::new(text).map_err(|error| Failure::usage(error.to_string()))
}

/// What somebody types at the terminal, which does not show it. `None` where there is none: a program that waits for
/// nobody must not hang.
fn typed(what: &str) -> Result<Option<Zeroizing<String>>, Failure> {
    let input = io::stdin();
    if !input.is_terminal() {
        return Ok(None);
    }
    complain(&format!("{what}: "));
    let hidden = Hidden::begin();
    let text = read_line(&mut input.lock());
    drop(hidden);
    complain("\n");
    text.map(Some)
}

fn line(input: &mut impl BufRead) -> Result<Passphrase, Failure> {
    passphrase(&read_line(input)?)
}

/// One line, without its end.
fn read_line(input: &mut impl BufRead) -> Result<Zeroizing<String>, Failure> {
    let failed = |error: io::Error| Failure::file(format!("the passphrase can't be read: {error}"));
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(MOST).unwrap_or_default()));
    input.take(MOST).read_line(&mut text).map_err(failed)?;
    let line = text.strip_suffix('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    Ok(Zeroizing::new(line.unwrap_or(&text).to_owned()))
}

/// A terminal that does not show what is typed, until this is dropped.
struct Hidden(Option<Termios>);

impl Hidden {
    fn begin() -> Self {
        let before = tcgetattr(io::stdin()).ok();
        if let Some(before) = &before {
            let mut without = before.clone();
            without.local_modes.remove(LocalModes::ECHO);
            let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &without);
        }
        Self(before)
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}
