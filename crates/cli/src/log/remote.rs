//! `legation log push` and `log pull`: the log in an S3-compatible store.

use super::{source, unread};
use crate::{
    args::{NetworkArgs, PullArgs, PushArgs},
    network,
    output::{Failure, Output},
};
use legation_log::{Checkpoint, NoteKey, about, reader};
use legation_log_store::{Bucket, BucketError, Push, PushError, Settings, pull};
use legation_resolver::{Fetcher, Options};
use serde_json::json;
use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

/// Most bytes of an object: a bundle of the largest entries, or one that stands apart.
const MAX_OBJECT: usize = 32 << 20;
/// For how long one request may take.
const REQUEST: Duration = Duration::from_secs(30);

/// Where the store is, and by which key it is asked, as the tools of AWS have it.
fn settings() -> Settings {
    let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let secret = set("AWS_SECRET_ACCESS_KEY");
    Settings {
        endpoint: set("AWS_ENDPOINT_URL_S3").or_else(|| set("AWS_ENDPOINT_URL")),
        region: set("AWS_REGION").or_else(|| set("AWS_DEFAULT_REGION")),
        key: set("AWS_ACCESS_KEY_ID").zip(secret).map(|(id, secret)| (id, secret, set("AWS_SESSION_TOKEN"))),
    }
}

/// A place in a store, by its URL.
pub(crate) fn bucket(url: &str, network: &NetworkArgs) -> Result<Bucket, Failure> {
    let options = Options {
        allow_private: network.allow_private,
        http_on_loopback: network.http_on_loopback,
        extra_root_certificates: network::certificates(&network.ca)?,
        max_bytes: MAX_OBJECT,
        timeout: REQUEST,
        ..Options::default()
    };
    let fetcher = Fetcher::new(options).map_err(|error| Failure::file(error.to_string()))?;
    Bucket::new(url, &settings(), fetcher).map_err(|error| failed(&error.into()))
}

/// What puts the log of a folder into a store, below the store's URL and the log's name.
pub(crate) fn push_of(url: &str, folder: &Path, network: &NetworkArgs) -> Result<Push, Failure> {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let bucket = bucket(&format!("{}/{name}", url.trim_end_matches('/')), network)?;
    Ok(Push::new(bucket, own_key(folder)?))
}

/// The log's own key, by what stands beside it: what is pushed is the organization's own.
fn own_key(folder: &Path) -> Result<NoteKey, Failure> {
    let text = reader::text(folder, about::FILE).map_err(|error| unread(&error))?.unwrap_or_default();
    let said = about::read(&text).map_err(|error| Failure::invalid(error.code(), error.to_string()))?;
    Ok(said.key)
}

pub(crate) fn failed(error: &PushError) -> Failure {
    match error {
        PushError::Read(error) => unread(error),
        PushError::Bucket(BucketError::Url { .. }) => Failure::usage(error.to_string()),
        PushError::Bucket(_) | PushError::Moved => Failure::network(error.code(), error.to_string()),
        PushError::Checkpoint(_) | PushError::Forked { .. } | PushError::Unfaithful { .. } => {
            Failure::invalid(error.code(), error.to_string())
        }
    }
}

pub(super) fn push(args: &PushArgs) -> Result<Output, Failure> {
    let folder = source::folder(&args.of)?;
    reader::checkpoint(&folder).map_err(|error| unread(&error))?;
    let mut push = push_of(&args.url, &folder, &args.network)?;
    let pushed =
        network::wait("writing to the store", push.push(&folder))?.map_err(|error| failed(&error))?;
    let told = format!("{} entries are in the store; {} objects were written", pushed.size, pushed.objects);
    Ok(Output::done(json!({"size": pushed.size, "objects": pushed.objects}), told))
}

pub(super) fn pull_into(args: &PullArgs) -> Result<Output, Failure> {
    let out: &PathBuf = &args.out;
    let is_used = std::fs::read_dir(out).is_ok_and(|mut all| all.next().is_some());
    if is_used {
        return Err(Failure::file(format!("`{}` has files in it; name another folder", out.display())));
    }
    let bucket = bucket(&args.url, &args.network)?;
    let pulled = network::wait("reading from the store", pull(&bucket, out))?;
    let pulled = pulled.map_err(|error| failed(&error))?;
    let note = reader::checkpoint(out).map_err(|error| unread(&error))?;
    let origin = Checkpoint::read(
        note.split_once("\n\n").map(|(text, _)| format!("{text}\n")).unwrap_or_default().as_str(),
    )
    .map_or_else(|_| String::new(), |read| read.origin);
    let shown = out.display().to_string();
    let told = format!(
        "{} entries of `{origin}` are in {shown}; `legation log verify {shown}` says what they are worth",
        pulled.size
    );
    Ok(Output::done(
        json!({"folder": shown, "log": origin, "size": pulled.size, "objects": pulled.objects}),
        told,
    ))
}
