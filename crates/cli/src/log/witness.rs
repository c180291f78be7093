//! `legation log witness`: having a checkpoint signed, and signing those of others.

mod serve;

use super::{source, unread};
use crate::{
    args::{WitnessAskArgs, WitnessCommand, WitnessKeyArgs},
    files, network,
    output::{Failure, Output, one_line},
};
use legation_keys::{SecretKey, Signer};
use legation_keystore::Access;
use legation_log::{
    NoteKey, Reader,
    note::{Kind, Note, NoteError},
    proof::consistency,
    reader,
    verify::WITNESSED,
    witness::{AddCheckpoint, cosignatures},
};
use legation_resolver::{Call, Fetcher, Reply};
use serde_json::json;
use std::path::Path;

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

/// Asks for a cosignature of the log's checkpoint, and keeps it.
fn ask(args: &WitnessAskArgs) -> Result<Output, Failure> {
    let key = NoteKey::parse(&args.key).ok().filter(|key| key.kind() == Kind::Cosignature);
    let key = key.ok_or_else(|| Failure::usage(format!("`{}` is no key of a witness", args.key)))?;
    let folder = source::folder(&args.of)?;
    let note = reader::checkpoint(&folder).map_err(|error| unread(&error))?;
    let size = source::size_of(&note)?;
    let fetcher = network::fetcher(&args.network)?;
    let signed = cosigned(&fetcher, (&args.url, &key), (&folder, &note));
    let (lines, at) = network::wait("asking the witness", signed)??;
    keep(&folder, &note, &lines)?;
    let at = legation_keys::time::format(i64::try_from(at).unwrap_or(i64::MAX));
    let told = format!("witnessed: {size} entries, by {} at {at}", key.name());
    Ok(Output::done(json!({"witness": key.name(), "size": size, "at": at}), told))
}

/// The cosignature of a log's checkpoint by a witness, as lines of a note, and when it was signed (Unix seconds). It is asked
/// once more where the witness says from which size on it needs a proof.
pub(crate) async fn cosigned(
    fetcher: &Fetcher,
    (url, key): (&str, &NoteKey),
    (folder, note): (&Path, &str),
) -> Result<(String, u64), Failure> {
    let size = source::size_of(note)?;
    let mut old = 0;
    for _ in 0..3 {
        let proof = consistency(old, size, &mut Reader::new(folder, size)).map_err(|error| unread(&error))?;
        let asked = AddCheckpoint { old, proof, note: note.to_owned() };
        let reply = post(fetcher, url, asked.write()).await?;
        let body = String::from_utf8(reply.body).unwrap_or_default();
        if reply.status == 200 {
            let wrong = |message: String| Failure::invalid("signature_invalid", message);
            let text = Note::parse(note).map_err(|error| wrong(error.to_string()))?.text();
            return cosignatures(text, &body, key)
                .map_err(|error| wrong(format!("the witness's answer: {error}")));
        }
        // A stranger's words.
        let said: String = one_line(body.trim()).chars().take(200).collect();
        old = moved(key, reply.status, &said, (old, size))?;
    }
    Err(Failure::network("witness_refused", "the witness changes its mind each time; try again"))
}

/// From which size on a witness that did not sign needs a proof, or why it does not sign.
fn moved(key: &NoteKey, status: u16, body: &str, (old, size): (u64, u64)) -> Result<u64, Failure> {
    let name = key.name();
    match status {
        409 => {
            let forked = || {
                let text = format!("the witness `{name}` has signed another history of this log: {body}");
                Failure::invalid("log_forked", text)
            };
            let found: Option<u64> = body.parse().ok();
            let found = found.filter(|found| *found != old).ok_or_else(forked)?;
            if found > size {
                let text = format!(
                    "the witness `{name}` has signed {found} entries of this log, which has {size}: it was cut, or set back"
                );
                return Err(Failure::invalid("log_cut", text));
            }
            Ok(found)
        }
        422 => {
            let text = format!(
                "the witness `{name}` does not find that the log goes on from what it signed: {body}"
            );
            Err(Failure::invalid("log_forked", text))
        }
        status => {
            let text = format!("the witness `{name}` answered {status}: {body}");
            Err(Failure::network("witness_refused", text))
        }
    }
}

async fn post(fetcher: &Fetcher, url: &str, body: String) -> Result<Reply, Failure> {
    let url = format!("{}/add-checkpoint", url.trim_end_matches('/'));
    let call = Call {
        method: axum::http::Method::POST,
        url: &url,
        headers: axum::http::HeaderMap::new(),
        body: body.into_bytes(),
    };
    fetcher.call(call).await.map_err(|error| network::failed(&error))
}

/// Keeps cosignatures, beside those of other witnesses of the same checkpoint. Of a witness that signs again its earlier lines
/// go: a note has room for so many.
pub(crate) fn keep(folder: &Path, note: &str, lines: &str) -> Result<(), Failure> {
    let wrong = |error: NoteError| Failure::invalid(error.code(), error.to_string());
    let text = Note::parse(note).map_err(wrong)?.text();
    files::change(&folder.join(WITNESSED), Access::Public, |before| {
        let before = before.and_then(|before| core::str::from_utf8(before).ok()).unwrap_or_default();
        let same = before.strip_prefix(text).is_some();
        let base = if same { before.trim_end() } else { note.trim_end() };
        // By the name, and by the length, which tells a cosignature from the log's own signature.
        let by = |line: &str| {
            let (name, _) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
            Some((name.to_owned(), line.trim_end().len()))
        };
        let again: Vec<_> = lines.lines().filter_map(by).collect();
        let others = base.lines().filter(|line| by(line).is_none_or(|by| !again.contains(&by)));
        let all: Vec<&str> = others.chain(lines.lines()).collect();
        Ok((all.join("\n"), ()))
    })
}
