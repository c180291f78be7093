//! The log of a new DID, and the next entry of one.

use crate::{
    error::{LogError, WriteError},
    log::{At, load, reason, time_of, verify},
};
use affinidi_data_integrity::DataIntegrityError;
use async_trait::async_trait;
use didwebvh_rs::{
    DIDWebVHState, Multibase,
    prelude::{KeyType, Parameters, Signer as WebvhSigner},
};
use futures::FutureExt;
use legation_did::{Did, document::Document, key, web};
use legation_keys::{Algorithm, PublicKey, Signer, time};
use serde_json::Value;
use std::sync::Arc;

/// The name that stands for the SCID until it is known; base58 has no such letters in a row by chance.
const UNKNOWN: &str = "QmSCIDSCIDSCIDSCIDSCIDSCIDSCIDSCIDSCIDSCIDSCID";

/// What a document says besides its id.
#[derive(Clone, Debug, Default)]
pub struct Content {
    /// The keys, each for `assertionMethod` and `authentication`.
    pub keys: Vec<PublicKey>,
    /// The services: fragment and type, endpoint.
    pub services: Vec<(String, String)>,
    /// From now on entries are signed by this key, where it is another one than signs this entry.
    pub next_update_key: Option<PublicKey>,
}

impl Content {
    /// A document of these keys, with no service.
    #[must_use]
    pub fn new(keys: &[PublicKey]) -> Self {
        Self { keys: keys.to_vec(), ..Self::default() }
    }

    fn document(&self, did: &Did) -> Value {
        let mut document: Document = web::document(did, &self.keys);
        for (kind, endpoint) in &self.services {
            document.add_service(format!("{did}#{kind}"), kind.clone(), endpoint.clone());
        }
        document.to_json()
    }
}

/// A DID that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    /// The DID, with the SCID that its first entry gives.
    pub did: Did,
    /// The bytes of `did.jsonl`: one line.
    pub log: String,
}

/// Makes a did:webvh of a place (`DOMAIN[:PORT][/PATH]`): the first entry of its log, of the time `now` (seconds
/// since 1970), signed by the update key. That key is no key of the document: it can stay offline, and
/// whoever steals a key of the document can't change the history.
///
/// # Errors
/// [`WriteError`].
pub fn create(
    place: &str,
    content: &Content,
    update_key: &(dyn Signer + Sync),
    now: i64,
) -> Result<Created, WriteError> {
    let place = web::did(place)?;
    let unknown: Did = format!("did:webvh:{UNKNOWN}:{}", place.method_specific_id()).parse()?;
    let document = content.document(&unknown).to_string().replace(UNKNOWN, "{SCID}");
    let document = serde_json::from_str(&document).map_err(|error| refused(&error))?;
    let signer = UpdateKey::new(update_key)?;
    let parameters = Parameters {
        update_keys: Some(update_keys(content.next_update_key.as_ref(), update_key)),
        ..Parameters::default()
    };
    let mut state = DIDWebVHState::default();
    append(&mut state, now, &document, &parameters, &signer)?;
    let log = line(&state)?;
    let id = state
        .log_entries()
        .last()
        .and_then(|entry| entry.get_state().get("id")?.as_str())
        .unwrap_or_default();
    let did: Did = id.parse()?;
    verify(&did, log.as_bytes(), None, &At::Latest)?;
    Ok(Created { did, log })
}

/// The log with one entry more, of the time `now` (seconds since 1970): from then on the document is as `content`
/// says; what that does not name is gone.
///
/// # Errors
/// [`WriteError`].
pub fn update(
    did: &Did,
    log: &str,
    content: &Content,
    update_key: &(dyn Signer + Sync),
    now: i64,
) -> Result<String, WriteError> {
    let document = content.document(did);
    extend(
        did,
        log,
        Change { document: Some(document), next: content.next_update_key.as_ref(), end: false },
        update_key,
        now,
    )
}

/// The log with its last entry: the DID is ended, and no key allows a further one.
///
/// # Errors
/// [`WriteError`].
pub fn deactivate(
    did: &Did,
    log: &str,
    update_key: &(dyn Signer + Sync),
    now: i64,
) -> Result<String, WriteError> {
    extend(did, log, Change { document: None, next: None, end: true }, update_key, now)
}

struct Change<'a> {
    document: Option<Value>,
    next: Option<&'a PublicKey>,
    end: bool,
}

fn extend(
    did: &Did,
    log: &str,
    change: Change<'_>,
    update_key: &(dyn Signer + Sync),
    now: i64,
) -> Result<String, WriteError> {
    let mut state = load(did, log.as_bytes(), None)?;
    let Some(last) = state.log_entries().last() else {
        return Err(LogError::Invalid { reason: "it has no entry".to_owned() }.into());
    };
    let mut parameters = last.validated_parameters.clone();
    if state.deactivated() {
        return Err(WriteError::Refused { reason: "the DID has been ended".to_owned() });
    }
    if last.get_active_witnesses().is_some_and(|witnesses| !witnesses.is_empty()) {
        return Err(WriteError::Witnesses);
    }
    if time_of(last) >= now {
        return Err(WriteError::Time { found: time::format(now), last: time::format(time_of(last)) });
    }
    if parameters.pre_rotation_active {
        return Err(WriteError::PreRotation);
    }
    let found = update_key.public_key().to_multikey();
    if !parameters.active_update_keys.iter().any(|key| key.as_str() == found) {
        let expected = parameters.active_update_keys.iter().map(|key| key.as_str().to_owned()).collect();
        return Err(WriteError::UpdateKey { found, expected });
    }
    let signer = UpdateKey::new(update_key)?;
    let document = change.document.unwrap_or_else(|| last.get_state().clone());
    if change.end {
        parameters.deactivated = Some(true);
        parameters.update_keys = Some(Arc::default());
    } else if change.next.is_some() {
        parameters.update_keys = Some(update_keys(change.next, update_key));
    }
    append(&mut state, now, &document, &parameters, &signer)?;
    let mut log = log.trim_end().to_owned();
    log.push('\n');
    log.push_str(&line(&state)?);
    verify(did, log.as_bytes(), None, &At::Latest)?;
    Ok(log)
}

fn append(
    state: &mut DIDWebVHState,
    now: i64,
    document: &Value,
    parameters: &Parameters,
    signer: &UpdateKey<'_>,
) -> Result<(), WriteError> {
    let time = time::format(now).parse().map_err(|error| refused(&error))?;
    let written = state.create_log_entry(Some(time), document, parameters, signer).now_or_never();
    match written {
        Some(Ok(_)) => Ok(()),
        Some(Err(error)) => Err(refused(&error)),
        None => Err(WriteError::Refused { reason: "the key did not sign at once".to_owned() }),
    }
}

/// The last entry as a line of the log.
fn line(state: &DIDWebVHState) -> Result<String, WriteError> {
    let entry = state.log_entries().last().map(|entry| &entry.log_entry);
    let text = serde_json::to_string(&entry).map_err(|error| refused(&error))?;
    Ok(text + "\n")
}

fn update_keys(next: Option<&PublicKey>, update_key: &dyn Signer) -> Arc<Vec<Multibase>> {
    let key = next.unwrap_or_else(|| update_key.public_key());
    Arc::new(vec![Multibase::new(key.to_multikey())])
}

fn refused(error: &dyn core::fmt::Display) -> WriteError {
    WriteError::Refused { reason: reason(error) }
}

/// A key of ours as the library wants one.
struct UpdateKey<'a> {
    key: &'a (dyn Signer + Sync),
    method: String,
}

impl<'a> UpdateKey<'a> {
    fn new(key: &'a (dyn Signer + Sync)) -> Result<Self, WriteError> {
        if key.public_key().algorithm() != Algorithm::EdDsa {
            return Err(WriteError::UpdateKeyAlgorithm);
        }
        Ok(Self { key, method: key::method_id(&key::did(key.public_key())) })
    }
}

#[async_trait]
impl WebvhSigner for UpdateKey<'_> {
    fn key_type(&self) -> KeyType {
        KeyType::Ed25519
    }

    fn verification_method(&self) -> &str {
        &self.method
    }

    async fn sign(&self, data: &[u8]) -> Result<Vec<u8>, DataIntegrityError> {
        let signature = self.key.sign(data).map_err(DataIntegrityError::signing)?;
        Ok(signature.to_vec())
    }
}
