//! `legation log verify`.

use super::{
    anchor::{self, Anchored},
    source, unread, unread_export,
};
use crate::{
    args::{AnchorArgs, VerifyLogArgs},
    files,
    output::{Failure, Output, counter, pretty},
};
use data_encoding::BASE64;
use legation_keys::time;
use legation_log::{
    NoteKey, about,
    audit::{Alarm, MAX_BACK},
    bundle::{Bundle, FIRST_LINE},
    checkpoint::Checkpoint,
    note::Kind,
    policy::Policy,
    reader,
    verify::{self, Asked, Each, Verified, VerifyError},
};
use legation_registry::log::DOCUMENT;
use serde_json::{Value, json};
use std::{io::Read, path::Path};

pub(crate) fn run(args: &VerifyLogArgs) -> Result<Output, Failure> {
    let path = match &args.path {
        Some(path) => path.clone(),
        None => source::folder(&args.of)?,
    };
    if path.is_dir() {
        return folder(args, &path);
    }
    if is_bundle(&path)? { bundle(args, &path) } else { export(args, &path) }
}

fn is_bundle(path: &Path) -> Result<bool, Failure> {
    let failed =
        |error: std::io::Error| Failure::file(format!("`{}` can't be read: {error}", path.display()));
    let mut first = vec![0; FIRST_LINE.len()];
    let read = std::fs::File::open(path).and_then(|mut file| file.read(&mut first)).map_err(failed)?;
    Ok(first.get(..read) == Some(FIRST_LINE.as_bytes()))
}

/// What the log is held against, and what of that does not even hold by itself.
fn asked(
    args: &VerifyLogArgs,
    about: &str,
    document: &str,
) -> Result<(Anchored, Asked, Vec<Alarm>), Failure> {
    let anchored = anchor::key(&args.anchor, about, document)?;
    let (mut against, mut alarms) = (Vec::new(), Vec::new());
    for path in &args.against {
        let text = String::from_utf8(files::read(path)?)
            .map_err(|_| Failure::file(format!("`{}` is no text", path.display())))?;
        match Checkpoint::open(&text, &anchored.key) {
            Ok(checkpoint) => against.push((checkpoint, format!("the checkpoint in `{}`", path.display()))),
            Err(error) => alarms.push(Alarm::of(error.code(), &format!("`{}`: {error}", path.display()))),
        }
    }
    let key = anchored.key.clone();
    Ok((anchored, Asked { key, policy: policy(args)?, against, most_back: args.max_back }, alarms))
}

fn policy(args: &VerifyLogArgs) -> Result<Policy, Failure> {
    if let Some(path) = &args.policy {
        let text = files::read_text(path)?;
        return Policy::parse(&text).map_err(|error| Failure::file(format!("`{}`: {error}", path.display())));
    }
    let read = |text: &String| match NoteKey::parse(text) {
        Ok(key) if key.kind() == Kind::Cosignature => Ok(key),
        Ok(_) => Err(Failure::usage(format!("`{text}` is the key of a log, not of a witness"))),
        Err(error) => Err(Failure::usage(error.to_string())),
    };
    let keys = args.witness.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let quorum = args.quorum.unwrap_or(keys.len());
    if quorum > keys.len() {
        return Err(Failure::usage(format!("--quorum {quorum} is more than the {} witnesses", keys.len())));
    }
    Ok(Policy::of(keys, quorum))
}

fn failed(error: &VerifyError) -> Failure {
    match error {
        VerifyError::Read(error) => unread(error),
        VerifyError::Export(error) => unread_export(error),
        VerifyError::Checkpoint(_) | VerifyError::Bundle(_) => {
            Failure::invalid(error.code(), error.to_string())
        }
    }
}

fn folder(args: &VerifyLogArgs, path: &Path) -> Result<Output, Failure> {
    let text = |name: &str| reader::text(path, name).map_err(|error| unread(&error));
    // Without one there is nothing to say who signs it.
    reader::checkpoint(path).map_err(|error| unread(&error))?;
    let (about, document) = (text(about::FILE)?.unwrap_or_default(), text(DOCUMENT)?.unwrap_or_default());
    let (anchored, asked, alarms) = asked(args, &about, &document)?;
    let counter = counter();
    let verified = verify::folder(path, &asked, &mut |_, _, _| counter.inc(1));
    counter.finish_and_clear();
    let verified = verified.map_err(|error| failed(&error))?;
    Ok(told(&anchored, &asked, verified, alarms, path))
}

fn export(args: &VerifyLogArgs, path: &Path) -> Result<Output, Failure> {
    let mut export = source::open(path)?;
    let (about, document) = (export.header().about.clone(), export.header().document.clone());
    let (anchored, asked, alarms) = asked(args, &about, &document)?;
    let counter = counter();
    let verified = verify::export(&mut export, &asked, &mut |_, _, _| counter.inc(1));
    counter.finish_and_clear();
    let verified = verified.map_err(|error| failed(&error))?;
    Ok(told(&anchored, &asked, verified, alarms, path))
}

/// What verifying an export came to, for whoever reads it on.
pub(crate) struct Audited {
    /// As `log verify --json` has it.
    pub(crate) json: Value,
    pub(crate) is_valid: bool,
    pub(crate) notes: Vec<String>,
}

/// Verifies an export, and hands each entry on.
pub(crate) fn audited(path: &Path, anchor: &AnchorArgs, each: &mut Each<'_>) -> Result<Audited, Failure> {
    let mut export = source::open(path)?;
    let (about, document) = (export.header().about.clone(), export.header().document.clone());
    let anchored = anchor::key(anchor, &about, &document)?;
    let policy = Policy::of(Vec::new(), 0);
    let asked = Asked { key: anchored.key.clone(), policy, against: Vec::new(), most_back: MAX_BACK };
    let verified = verify::export(&mut export, &asked, each).map_err(|error| failed(&error))?;
    let output = told(&anchored, &asked, verified, Vec::new(), path);
    Ok(Audited { json: output.json, is_valid: output.exit == 0, notes: output.notes })
}

fn bundle(args: &VerifyLogArgs, path: &Path) -> Result<Output, Failure> {
    let text = String::from_utf8(files::read(path)?)
        .map_err(|_| Failure::file(format!("`{}` is no text", path.display())))?;
    let bundle = Bundle::read(&text).map_err(|error| Failure::invalid(error.code(), error.to_string()))?;
    let (anchored, asked, alarms) = asked(args, &bundle.about, &bundle.document)?;
    let (verified, proved) = verify::bundle(&bundle, &asked).map_err(|error| failed(&error))?;
    let entry: Value = serde_json::from_str(&proved.entry).unwrap_or_default();
    let mut output = told(&anchored, &asked, verified, alarms, path);
    let what = format!("{} {} of {}", proved.head.kind.name(), proved.head.seq, time::format(proved.head.at));
    output.text.push_str(&format!("{what}, entry {} of the log\n{}\n", bundle.index, pretty(&entry)));
    if let Some(members) = output.json.as_object_mut() {
        members.insert("index".to_owned(), bundle.index.into());
        members.insert("kind".to_owned(), proved.head.kind.name().into());
        members.insert("seq".to_owned(), proved.head.seq.into());
        members.insert("entry".to_owned(), entry);
    }
    Ok(output)
}

/// What came of it, in words and as JSON.
fn told(anchored: &Anchored, asked: &Asked, verified: Verified, alarms: Vec<Alarm>, path: &Path) -> Output {
    let Verified { head, mut report, witnessed, attached } = verified;
    alarms.into_iter().for_each(|alarm| report.alarm(alarm));
    let is_valid = report.alarms.is_empty();
    let is_witnessed = asked.policy.asks_for_witnesses() && witnessed.is_enough;
    let at = |(name, at): &(String, u64)| {
        format!("{name} at {}", time::format(i64::try_from(*at).unwrap_or(i64::MAX)))
    };
    let words = match (asked.policy.asks_for_witnesses(), is_witnessed) {
        (false, _) => "unwitnessed: no witnesses were asked for (--policy, --witness)".to_owned(),
        (true, false) => "unwitnessed".to_owned(),
        (true, true) => {
            format!("witnessed by {}", witnessed.by.iter().map(at).collect::<Vec<_>>().join(", "))
        }
    };
    let kinds: Vec<String> =
        report.kinds.iter().map(|(kind, count)| format!("{count} of kind {}", kind.name())).collect();
    let between = report
        .times
        .map_or(String::new(), |(from, to)| format!(", {} to {}", time::format(from), time::format(to)));
    let mut text = format!(
        "{}: {} of {} entries of the log `{}` ({}){between}\nsigned by {}\n{words}\n",
        if is_valid { "valid" } else { "NOT VALID" },
        report.entries,
        head.size,
        head.origin,
        kinds.join(", "),
        anchored.by,
    );
    report.alarms.iter().for_each(|alarm| text.push_str(&format!("{}: {alarm}\n", alarm.code())));
    if report.more > 0 {
        text.push_str(&format!("and {} more\n", report.more));
    }
    let alarm = |alarm: &Alarm| json!({"code": alarm.code(), "message": alarm.to_string()});
    let kinds: serde_json::Map<String, Value> =
        report.kinds.iter().map(|(kind, count)| (kind.name().to_owned(), (*count).into())).collect();
    let json = json!({
        "valid": is_valid, "path": path.display().to_string(), "log": head.origin, "size": head.size,
        "root": BASE64.encode(&head.root), "organization": anchored.organization, "key": anchored.key.to_string(),
        "ownWord": anchored.is_own_word, "entries": report.entries, "kinds": kinds, "attached": attached,
        "from": report.times.map(|(from, _)| time::format(from)),
        "to": report.times.map(|(_, to)| time::format(to)),
        "witnesses": witnessed.by.iter().map(|(name, _)| name).collect::<Vec<_>>(), "witnessed": is_witnessed,
        "alarms": report.alarms.iter().map(alarm).collect::<Vec<_>>(), "moreAlarms": report.more,
    });
    let note = format!(
        "the DID document came with the log: hold it against the one at the organization's own domain \
         (--did-documents), or give the log's key where you know it (--key); it is `{}`",
        anchored.key
    );
    let notes = if anchored.is_own_word { vec![note] } else { Vec::new() };
    Output { exit: u8::from(!is_valid), notes, ..Output::done(json, text) }
}
