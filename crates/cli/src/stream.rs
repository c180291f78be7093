//! `-` in place of a file: standard input, read once, and standard output, written once.

use crate::output::{Failure, print};
use std::{
    io,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

/// Whether an answer is printed as JSON, which has standard output for itself.
static AS_JSON: AtomicBool = AtomicBool::new(false);
/// Whether somebody reads standard input already.
static READ: AtomicBool = AtomicBool::new(false);
/// Whether what was made went to standard output.
static WRITTEN: AtomicBool = AtomicBool::new(false);

/// Says how the answer is printed.
pub(crate) fn answer_is_json(as_json: bool) {
    AS_JSON.store(as_json, Ordering::Relaxed);
}

/// Whether a name means standard input or output.
pub(crate) fn is_stream(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Standard input, for the one who asks first.
pub(crate) fn input() -> Result<io::StdinLock<'static>, Failure> {
    match READ.swap(true, Ordering::Relaxed) {
        true => {
            Err(Failure::usage("two arguments are `-`, and standard input can be read once; name a file"))
        }
        false => Ok(io::stdin().lock()),
    }
}

/// Refuses to write to standard output what would stand there beside an answer.
pub(crate) fn check_output() -> Result<(), Failure> {
    if AS_JSON.load(Ordering::Relaxed) {
        return Err(Failure::usage("`--out -` and `--json` both want standard output; name a file"));
    }
    Ok(())
}

/// Writes what was made to standard output. What the command says of it goes to standard error from now on.
pub(crate) fn write(text: &str) -> Result<(), Failure> {
    if WRITTEN.swap(true, Ordering::Relaxed) {
        return Err(Failure::usage("two results are to go to `-`; name a file"));
    }
    match print(&format!("{text}\n")) {
        // A reader that has gone away wanted no more of it.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::network("storage", format!("standard output can't be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// Whether standard output has what was made, so that an answer has no place there.
pub(crate) fn is_taken() -> bool {
    WRITTEN.load(Ordering::Relaxed)
}
