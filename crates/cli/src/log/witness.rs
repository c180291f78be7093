//! `legation log witness`: having a checkpoint signed, and signing those of others.

mod serve;

use super::{source, unread};
use crate::{
    args::{WitnessAskArgs, WitnessCommand, WitnessKeyArgs},
    files, network,
    output::{Failure, Output},
};
use legation_keys::{SecretKey, Signer};
use legation_keystore::Access;
use legation_log::{
    NoteKey, Reader,
    note::{Kind, Note},
    proof::consistency,
    reader,
    verify::WITNESSED,
    witness::{AddCheckpoint, cosignatures},
};
use legation_resolver::{Call, Reply};
use serde_json::json;

pub(crate) fn run(command: &WitnessCommand) -> Result<Output, Failure> {
    match command {
        WitnessCommand::Key(args) => {
            let (_, key) = own_key(args)?;
            Ok(Output::done(json!({"key": key.to_string()}), key.to_string()))
        }
        WitnessCommand::Serve(args) => serve::run(args),
        WitnessCommand::Ask(args) => ask(args),
    }
}

fn own_key(args: &WitnessKeyArgs) -> Result<(SecretKey, NoteKey), Failure> {
    let secret = files::load_key(&args.key)?;
    let key = NoteKey::new(&args.name, Kind::Cosignature, secret.public_key());
    key.map(|key| (secret, key)).map_err(|error| Failure::usage(error.to_string()))
}

/// Asks for a cosignature of the log's checkpoint, and once more where the witness says from which size on it needs proof.
fn ask(args: &WitnessAskArgs) -> Result<Output, Failure> {
    let key = NoteKey::parse(&args.key).ok().filter(|key| key.kind() == Kind::Cosignature);
    let key = key.ok_or_else(|| Failure::usage(format!("`{}` is no key of a witness", args.key)))?;
    let folder = source::folder(&args.of)?;
    let note = reader::checkpoint(&folder).map_err(|error| unread(&error))?;
    let size = source::size_of(&note)?;
    let mut old = 0;
    for _ in 0..3 {
        let mut log = Reader::new(&folder, size);
        let proof = consistency(old, size, &mut log).map_err(|error| unread(&error))?;
        let asked = AddCheckpoint { old, proof, note: note.clone() };
        let reply = post(args, asked.write())?;
        let body = String::from_utf8(reply.body).unwrap_or_default();
        match reply.status {
            200 => return keep(&folder, &note, (&body, size), &key),
            409 => {
                let found: Option<u64> = body.trim().parse().ok();
                let forked = || {
                    let text = format!(
                        "the witness `{}` has signed another history of this log: {}",
                        key.name(),
                        body.trim()
                    );
                    Failure::invalid("log_forked", text)
                };
                let found = found.filter(|found| *found != old).ok_or_else(forked)?;
                if found > size {
                    let text = format!(
                        "the witness `{}` has signed {found} entries of this log, which has {size}: it was cut, or set back",
                        key.name()
                    );
                    return Err(Failure::invalid("log_cut", text));
                }
                old = found;
            }
            422 => {
                let text = format!(
                    "the witness `{}` does not find that the log goes on from what it signed: {}",
                    key.name(),
                    body.trim()
                );
                return Err(Failure::invalid("log_forked", text));
            }
            status => {
                let text = format!("the witness `{}` answered {status}: {}", key.name(), body.trim());
                return Err(Failure::network("witness_refused", text));
            }
        }
    }
    Err(Failure::network("witness_refused", "the witness changes its mind each time; try again"))
}

fn post(args: &WitnessAskArgs, body: String) -> Result<Reply, Failure> {
    let url = format!("{}/add-checkpoint", args.url.trim_end_matches('/'));
    let fetcher = network::fetcher(&args.network)?;
    let call = Call {
        method: axum::http::Method::POST,
        url: &url,
        headers: axum::http::HeaderMap::new(),
        body: body.into_bytes(),
    };
    network::wait("asking the witness", fetcher.call(call))?.map_err(|error| network::failed(&error))
}

/// Keeps the cosignature, beside those of other witnesses of the same checkpoint.
fn keep(
    folder: &std::path::Path,
    note: &str,
    (answer, size): (&str, u64),
    key: &NoteKey,
) -> Result<Output, Failure> {
    let wrong = |message: String| Failure::invalid("signature_invalid", message);
    let text = Note::parse(note).map_err(|error| wrong(error.to_string()))?.text();
    let (lines, at) =
        cosignatures(text, answer, key).map_err(|error| wrong(format!("the witness's answer: {error}")))?;
    files::change(&folder.join(WITNESSED), Access::Public, |before| {
        let before = before.and_then(|before| core::str::from_utf8(before).ok()).unwrap_or_default();
        let same = before.strip_prefix(text).is_some();
        let base = if same { before.trim_end() } else { note.trim_end() };
        let own: Vec<&str> = lines.lines().filter(|line| !base.contains(line)).collect();
        Ok((format!("{base}\n{}", own.join("\n")).trim_end().to_owned(), ()))
    })?;
    let at = legation_keys::time::format(i64::try_from(at).unwrap_or(i64::MAX));
    let told = format!("witnessed: {size} entries, by {} at {at}", key.name());
    Ok(Output::done(json!({"witness": key.name(), "size": size, "at": at}), told))
}
