//! `legation inspect`: what a file says, in sentences. Nothing of it is verified, and that is said each time.

mod card;
mod chain;
mod key;
mod kind;
mod record;

use crate::{
    args::InspectArgs,
    files,
    output::{Failure, Output},
};
use kind::Kind;
use legation_keys::json::JsonLimits;
use serde_json::{Value, json};

/// Bounds on what is looked at: the largest receipt is no larger.
const LIMITS: JsonLimits = JsonLimits { bytes: 64 << 20, depth: 64 };

/// What a file says.
struct Told {
    /// For people, a sentence or a limit each.
    lines: Vec<String>,
    /// For machines.
    json: Value,
    /// What whoever has the file should know of it.
    notes: Vec<String>,
}

impl Told {
    fn new(lines: Vec<String>, json: Value) -> Self {
        Self { lines, json, notes: Vec::new() }
    }
}

pub(crate) fn run(args: &InspectArgs) -> Result<Output, Failure> {
    let bytes = files::read(&args.file)?;
    let name = files::name(&args.file);
    let unknown = |what: &str| Failure::file(format!("{name} is {what}: nothing that can be shown"));
    let text = core::str::from_utf8(&bytes).map_err(|_| unknown("no text"))?.trim();
    if text.is_empty() {
        return Err(unknown("empty"));
    }
    let kind = kind::of(text).ok_or_else(|| unknown("of no kind that is known here"))?;
    let unreadable = |(code, reason): (&str, String)| {
        Failure::invalid(
            code,
            format!("{name} looks like {}, but can't be read as one: {reason}", kind.name()),
        )
    };
    let told = tell(kind, text, files::now()).map_err(unreadable)?;
    let mut lines = vec![format!("{name} is {}, {} bytes.", kind.name(), text.len())];
    lines.extend(kind.caution().map(str::to_owned));
    lines.extend(told.lines);
    let json = json!({"kind": kind.code(), "verified": false, "bytes": text.len(), "says": told.json});
    let mut output = Output::done(json, lines.join("\n"));
    output.notes = told.notes;
    Ok(output)
}

/// What a command wants.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Delegation,
    Presentation,
}

/// What a text is, where it is of a kind that is known and not of the one that is wanted.
pub(crate) fn of_another_kind(text: &str, wanted: Wanted) -> Option<&'static str> {
    let wanted = match wanted {
        Wanted::Delegation => Kind::Delegation,
        Wanted::Presentation => Kind::Presentation,
    };
    kind::of(text.trim()).filter(|kind| *kind != wanted).map(Kind::name)
}

/// A stable code, and what is wrong.
type Wrong = (&'static str, String);

fn tell(kind: Kind, text: &str, now: i64) -> Result<Told, Wrong> {
    match kind {
        Kind::Delegation => chain::delegation(text, now),
        Kind::Chain => chain::chain(text, now),
        Kind::Presentation => chain::presentation(text, now),
        Kind::Approval => record::approval(text, now),
        Kind::StatusList => record::status_list(text, now),
        Kind::Receipt => record::receipt(text),
        Kind::Card => card::card(text),
        Kind::EncryptedKey => Ok(key::encrypted()),
        Kind::SecretKey | Kind::PublicKey => key::key(text),
        Kind::Document => key::document(text, now),
        Kind::Trust => record::trust(text),
        Kind::OtherCredential => record::other(text),
    }
}

/// How a moment stands to now, behind the words that name it.
fn relative(from: i64, until: i64, now: i64) -> String {
    match () {
        () if until <= from => ": it ends before it begins".to_owned(),
        () if now < from => format!(": it begins in {}", span(from - now)),
        () if now >= until => format!(": it ended {} ago", span(now - until)),
        () => format!(": for another {}", span(until - now)),
    }
}

/// So many seconds, in the largest unit of which there are at least two.
fn span(seconds: i64) -> String {
    let units = [(86_400, "days"), (3600, "hours"), (60, "minutes")];
    let fits = units.iter().find(|(unit, _)| seconds >= 2 * unit);
    fits.map_or_else(|| format!("{seconds} s"), |(unit, name)| format!("{} {name}", seconds / unit))
}
