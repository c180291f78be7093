//! A witness, as C2SP tlog-witness has it.

use super::own_key;
use crate::{
    args::WitnessServeArgs,
    files,
    output::{Failure, Output, complain},
    serve::stopped,
};
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use legation_keys::{SecretKey, base64url};
use legation_keystore::Access;
use legation_log::{
    NoteKey,
    checkpoint::Checkpoint,
    note::Kind,
    tree::Hash,
    witness::{AddCheckpoint, MAX_REQUEST, WitnessError},
};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

struct Witness {
    secret: SecretKey,
    key: NoteKey,
    logs: BTreeMap<String, NoteKey>,
    state: PathBuf,
    /// One after another: what is looked at, kept and signed belongs together.
    busy: Mutex<()>,
}

pub(super) fn run(args: &WitnessServeArgs) -> Result<Output, Failure> {
    let (secret, key) = own_key(&args.own)?;
    let mut logs = BTreeMap::new();
    for text in &args.log {
        let log = NoteKey::parse(text).ok().filter(|log| log.kind() == Kind::Text);
        let log = log.ok_or_else(|| Failure::usage(format!("`{text}` is no key of a log")))?;
        logs.insert(log.name().to_owned(), log);
    }
    std::fs::create_dir_all(&args.state)
        .map_err(|error| Failure::file(format!("`{}` can't be made: {error}", args.state.display())))?;
    let name = key.name().to_owned();
    complain(&format!(
        "the witness {key} signs for {} at http://{}\n",
        logs.keys().cloned().collect::<Vec<_>>().join(", "),
        args.listen
    ));
    let witness = Arc::new(Witness { secret, key, logs, state: args.state.clone(), busy: Mutex::new(()) });
    let router = Router::new()
        .route("/add-checkpoint", post(add))
        .layer(DefaultBodyLimit::max(MAX_REQUEST))
        .with_state(witness);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::network("runtime", format!("the runtime did not start: {error}")))?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(args.listen).await.map_err(|error| {
            Failure::network("listen", format!("can't listen at {}: {error}", args.listen))
        })?;
        legation_host::serve(listener, router, None, stopped())
            .await
            .map_err(|error| Failure::file(error.to_string()))
    })?;
    Ok(Output::done(json!({"served": name}), "stopped"))
}

async fn add(State(witness): State<Arc<Witness>>, body: Bytes) -> Response {
    let answer = tokio::task::spawn_blocking(move || witness.add(&body)).await;
    answer.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

impl Witness {
    fn add(&self, body: &[u8]) -> Response {
        match self.sign(body) {
            Ok(Ok(lines)) => lines.into_response(),
            Ok(Err(error)) => refused(&error),
            // What can't be kept is not signed.
            Err(failure) => (StatusCode::SERVICE_UNAVAILABLE, format!("{failure}\n")).into_response(),
        }
    }

    fn sign(&self, body: &[u8]) -> Result<Result<String, WitnessError>, Failure> {
        let body = core::str::from_utf8(body).unwrap_or_default();
        let asked = match AddCheckpoint::read(body) {
            Ok(asked) => asked,
            Err(error) => return Ok(Err(error)),
        };
        let key = match asked.origin().map(|origin| self.logs.get(origin).ok_or(origin)) {
            Ok(Ok(key)) => key,
            Ok(Err(origin)) => {
                return Ok(Err(WitnessError::Unknown { origin: origin.chars().take(200).collect() }));
            }
            Err(error) => return Ok(Err(error)),
        };
        // Whoever is not the log costs no disk.
        if let Err(error) = Checkpoint::open(&asked.note, key) {
            return Ok(Err(WitnessError::Checkpoint(error)));
        }
        let _alone = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.state.join(base64url::encode(&Sha256::digest(key.name())));
        // Other processes of this witness wait meanwhile, too.
        let mut refused = None;
        let judged = files::change(&path, Access::Private, |before| {
            let last = before.map(read).transpose()?.flatten();
            match asked.judge(last, key) {
                Ok(checkpoint) => Ok((checkpoint.text().trim_end().to_owned(), checkpoint)),
                Err(error) => {
                    let failure = Failure::invalid(error.code(), error.to_string());
                    refused = Some(error);
                    Err(failure)
                }
            }
        });
        let checkpoint = match (judged, refused) {
            (Ok(checkpoint), _) => checkpoint,
            (Err(_), Some(error)) => return Ok(Err(error)),
            (Err(failure), None) => return Err(failure),
        };
        // What was signed by the log may have lines more.
        let text =
            asked.note.rsplit_once("\n\n").map_or_else(|| checkpoint.text(), |(text, _)| format!("{text}\n"));
        let time = u64::try_from(files::now()).unwrap_or_default();
        let line = self.key.sign(&text, time, &self.secret);
        line.map(Ok).map_err(|error| Failure::network("sign_failed", error.to_string()))
    }
}

/// What was signed last of a log.
fn read(before: &[u8]) -> Result<Option<(u64, Hash)>, Failure> {
    let damaged = || Failure::network("storage", "what was signed last can't be read; nothing is signed");
    let text = core::str::from_utf8(before).map_err(|_| damaged())?;
    let last = Checkpoint::read(&format!("{}\n", text.trim_end())).map_err(|_| damaged())?;
    Ok(Some((last.size, last.root)))
}

fn refused(error: &WitnessError) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
    match error {
        WitnessError::Conflict { size } => {
            (status, [(header::CONTENT_TYPE, "text/x.tlog.size")], format!("{size}\n")).into_response()
        }
        _ => (status, format!("{error}\n")).into_response(),
    }
}
