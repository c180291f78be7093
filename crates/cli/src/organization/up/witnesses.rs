//! Witnesses, asked while an organization is up: each checkpoint of its logs, once they have grown, all of them at once.

use crate::{
    files, log,
    output::{Failure, complain},
};
use futures::future::join_all;
use legation_log::{note::Note, policy::Policy, reader, verify::WITNESSED};
use legation_resolver::{Fetcher, Options};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

/// How often it is looked whether there is a checkpoint to be signed.
const LOOK: Duration = Duration::from_secs(2);
/// For how long one witness may take.
const ANSWER: Duration = Duration::from_secs(10);

/// Reads whom to ask.
pub(super) fn read(path: &Path) -> Result<Policy, Failure> {
    let wrong = |reason: String| Failure::file(format!("`{}`: {reason}", path.display()));
    let policy = Policy::parse(&files::read_text(path)?).map_err(|error| wrong(error.to_string()))?;
    if policy.at().next().is_none() {
        return Err(wrong("no witness has a URL; write `witness NAME KEY URL`".to_owned()));
    }
    Ok(policy)
}

/// Asks on a thread of its own, which ends with the process: the log goes on whatever witnesses do. What fails is told once,
/// and tried again.
pub(super) fn start(policy: Policy, logs: PathBuf, allow_private: bool) -> Result<(), Failure> {
    let failed = |reason: String| Failure::network("runtime", format!("witnesses can't be asked: {reason}"));
    let options = Options { timeout: ANSWER, http_on_loopback: true, allow_private, ..Options::default() };
    let fetcher = Fetcher::new(options).map_err(|error| failed(error.to_string()))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| failed(error.to_string()))?;
    let work = move || {
        let (mut told, mut last) = (Vec::new(), HashMap::new());
        loop {
            let failures = runtime.block_on(round(&policy, &fetcher, &logs, &mut last));
            for failure in failures.iter().filter(|failure| !told.contains(*failure)) {
                complain(&format!("note: {failure}\n"));
            }
            told = failures;
            thread::sleep(LOOK);
        }
    };
    let started = thread::Builder::new().name("witnesses".to_owned()).spawn(work);
    started.map(drop).map_err(|error| failed(error.to_string()))
}

/// Has the checkpoints signed, where that was not done yet. Gives what is wrong. That of last year has an end, too, which came
/// after this year's began.
async fn round(
    policy: &Policy,
    fetcher: &Fetcher,
    logs: &Path,
    last: &mut HashMap<PathBuf, String>,
) -> Vec<String> {
    let mut failures = Vec::new();
    for folder in log::all(logs) {
        let note = match reader::checkpoint(&folder) {
            Ok(note) => note,
            // It has none yet.
            Err(reader::ReadError::Missing { .. }) => continue,
            Err(error) => {
                failures.push(error.to_string());
                continue;
            }
        };
        if last.get(&folder) == Some(&note) {
            continue;
        }
        match signed(policy, fetcher, (&folder, &note)).await {
            Ok(wrong) if wrong.is_empty() => drop(last.insert(folder, note)),
            Ok(wrong) => failures.extend(wrong),
            Err(wrong) => failures.push(wrong),
        }
    }
    failures
}

/// Has a checkpoint signed. Gives what is wrong.
async fn signed(
    policy: &Policy,
    fetcher: &Fetcher,
    (folder, note): (&Path, &str),
) -> Result<Vec<String>, String> {
    let asked = policy.at().map(|(key, url)| log::cosigned(fetcher, (url, key), (folder, note)));
    let (mut lines, mut failures) = (String::new(), Vec::new());
    for answer in join_all(asked).await {
        match answer {
            Ok((own, _)) => lines.push_str(&own),
            Err(failure) => failures.push(format!("{} ({})", failure.message, failure.code)),
        }
    }
    let cosigned = format!("{}\n{lines}", note.trim_end());
    let is_enough = policy.witnessed(&cosigned).is_ok_and(|witnessed| witnessed.is_enough);
    if !is_enough {
        failures
            .push("the log's latest checkpoint is not signed by as many witnesses as are wanted".to_owned());
    }
    // One that enough have signed is not given up for one that fewer have.
    let text = |note: &str| Note::parse(note).map(|note| note.text().to_owned());
    // What can't be read is written anew.
    let before = reader::text(folder, WITNESSED).ok().flatten().unwrap_or_default();
    let was_enough = policy.witnessed(&before).is_ok_and(|witnessed| witnessed.is_enough);
    let is_same = text(&before).is_ok_and(|before| text(note).is_ok_and(|note| note == before));
    if !lines.is_empty() && (is_enough || is_same || !was_enough) {
        log::keep_cosignatures(folder, note, &lines).map_err(|failure| failure.message)?;
    }
    Ok(failures)
}
