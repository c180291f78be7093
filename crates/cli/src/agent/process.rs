//! The file of an agent's process: its key stays in the signer of this machine, which signs its requests and nothing else.
//!
//! Nothing in it is secret: the key in it is sealed for one user, and opens in the signer alone.

use crate::{
    organization::place::joined,
    output::{Failure, complain},
};
use legation_keys::{Json, PublicKey, Signer, base64url, json, public::Signature, secret::SignError};
use legation_keystore::{Access, Overwrite, Rules, WriteError, change, write_new};
use legation_signer::{ProcessKey, SealedKey};
use serde_json::{Value, json};
use std::{fs, io::Read, path::Path};
use tokio::runtime::{Handle, RuntimeFlavor};
use zeroize::Zeroizing;

/// What the first member of the file says.
const TYPE: &str = "LegationAgentProcess";
/// Most bytes of it.
const MAX_BYTES: usize = 128 * 1024;

/// An agent whose key is behind the signer's socket.
pub(super) struct Process {
    pub(super) key: Kept,
    /// Delegations, root first, joined by `~`.
    pub(super) chain: String,
}

/// A key behind the signer's socket, for whoever signs among futures: asking blocks.
#[derive(Debug)]
pub(super) struct Kept(ProcessKey);

impl Signer for Kept {
    fn public_key(&self) -> &PublicKey {
        self.0.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        let flavor = Handle::try_current().map(|handle| handle.runtime_flavor());
        if flavor.is_ok_and(|flavor| flavor == RuntimeFlavor::MultiThread) {
            return tokio::task::block_in_place(|| self.0.sign(message));
        }
        // Nobody else waits for this thread.
        self.0.sign(message)
    }
}

/// Writes what the registry answered into a file, beside the socket at which the signer answers agents.
pub(crate) fn write(
    path: &Path,
    answer: &Value,
    socket: &Path,
    overwrite: Overwrite,
) -> Result<(), WriteError> {
    let mut file = json!({"type": TYPE, "socket": socket});
    if let Some(file) = file.as_object_mut() {
        for member in ["did", "user", "organization", "keyId", "jwk", "sealed"] {
            file.insert(member.to_owned(), answer.get(member).cloned().unwrap_or_default());
        }
        file.insert("chain".to_owned(), joined(answer, "chain", "~").into());
    }
    write_new(path, format!("{file:#}\n").as_bytes(), Access::Public, overwrite)
}

/// Reads such a file; `None` where it is none: a key file, or nothing that can be read.
pub(super) fn read(path: &Path) -> Result<Option<Process>, Failure> {
    // It may be a key file: of what is in it nothing stays in memory.
    let mut text = Zeroizing::new(String::with_capacity(MAX_BYTES + 1));
    let Ok(file) = fs::File::open(path) else { return Ok(None) };
    if file.take(MAX_BYTES as u64 + 1).read_to_string(&mut text).is_err() || !text.contains(TYPE) {
        return Ok(None);
    }
    let limits = json::JsonLimits { bytes: MAX_BYTES, depth: 4 };
    let Ok(file) = json::parse(text.as_bytes(), limits) else { return Ok(None) };
    let member = |name: &str| file.as_object().and_then(|object| object.get(name));
    let said = |name: &str| match member(name) {
        Some(Json::String(text)) => Some(text.as_ref()),
        _ => None,
    };
    if said("type") != Some(TYPE) {
        return Ok(None);
    }
    let wrong = |what: &str| {
        let at = path.display();
        Failure::file(format!(
            "`{at}` has no usable `{what}`; write it anew by `legation agent file AGENT --user UID`"
        ))
    };
    let text = |name: &'static str| said(name).ok_or_else(|| wrong(name));
    let jwk = member("jwk").and_then(Json::as_object).ok_or_else(|| wrong("jwk"))?;
    let public = PublicKey::from_jwk(jwk).map_err(|_| wrong("jwk"))?;
    let sealed = base64url::decode(text("sealed")?).map_err(|_| wrong("sealed"))?;
    let of = SealedKey { organization: text("organization")?, key_id: text("keyId")?, sealed: &sealed };
    let key = Kept(ProcessKey::new(Path::new(text("socket")?), of, public));
    Ok(Some(Process { key, chain: text("chain")?.to_owned() }))
}

/// Puts renewed delegations into the file. Where that can't be, since the file is somebody else's, the next start begins with those
/// that are there, and has them renewed.
pub(super) fn keep(path: &Path, chain: &str) {
    let kept = change(path, Rules::new(Access::Public, MAX_BYTES), |bytes| {
        let file: Result<serde_json::Map<String, Value>, _> =
            serde_json::from_slice(bytes.unwrap_or_default());
        let mut file = file.map_err(|error| error.to_string())?;
        file.insert("chain".to_owned(), chain.into());
        let file = Value::Object(file);
        Ok::<_, String>((format!("{file:#}\n").into_bytes(), ()))
    });
    if let Err(error) = kept {
        complain(&format!(
            "note: the delegations were renewed, and can't be put into the agent file: {error}\n"
        ));
    }
}
