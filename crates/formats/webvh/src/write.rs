//! The log of a new DID, and the next entry of one.

use crate::{
    error::{LogError, WriteError},
    log::{At, load, time_of, verify},
};
use legation_did::{Did, document::Document, web};
use legation_keys::{Algorithm, PublicKey, Signer, time};
use legation_webvh_entry::{EntryError, New, Parameters, begin, go_on, unnamed};

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

    fn document(&self, did: &Did) -> String {
        let mut document: Document = web::document(did, &self.keys);
        for (kind, endpoint) in &self.services {
            document.add_service(format!("{did}#{kind}"), kind.clone(), endpoint.clone());
        }
        document.to_json().to_string()
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
    must_be_ed25519(update_key)?;
    let document = content.document(&unnamed(&place)?);
    let parameters = Parameters {
        update_keys: Some(update_keys(content.next_update_key.as_ref(), update_key)),
        ..Parameters::default()
    };
    let begun = begin(&document, New { time: now, parameters: &parameters, key: update_key })?;
    let (did, log) = (begun.did, begun.line + "\n");
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
    document: Option<String>,
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
    let state = load(did, log.as_bytes(), None)?;
    let Some(last) = state.log_entries().last() else {
        return Err(LogError::Invalid { reason: "it has no entry".to_owned() }.into());
    };
    if state.deactivated() {
        return Err(WriteError::Refused { reason: "the DID has been ended".to_owned() });
    }
    if last.get_active_witnesses().is_some_and(|witnesses| !witnesses.is_empty()) {
        return Err(WriteError::Witnesses);
    }
    if time_of(last) >= now {
        return Err(WriteError::Time { found: time::format(now), last: time::format(time_of(last)) });
    }
    let active = &last.validated_parameters;
    if active.pre_rotation_active {
        return Err(WriteError::PreRotation);
    }
    let found = update_key.public_key().to_multikey();
    if !active.active_update_keys.iter().any(|key| key.as_str() == found) {
        let expected = active.active_update_keys.iter().map(|key| key.as_str().to_owned()).collect();
        return Err(WriteError::UpdateKey { found, expected });
    }
    must_be_ed25519(update_key)?;
    let document = change.document.unwrap_or_else(|| last.get_state().to_string());
    let next = change.next.map(|next| update_keys(Some(next), update_key));
    let parameters = Parameters {
        update_keys: if change.end { Some(Vec::new()) } else { next },
        deactivated: change.end,
        ..Parameters::default()
    };
    let new = New { time: now, parameters: &parameters, key: update_key };
    let line = go_on(did, last.get_version_id(), &document, new)?;
    let log = format!("{}\n{line}\n", log.trim_end());
    verify(did, log.as_bytes(), None, &At::Latest)?;
    Ok(log)
}

fn update_keys(next: Option<&PublicKey>, update_key: &dyn Signer) -> Vec<String> {
    vec![next.unwrap_or_else(|| update_key.public_key()).to_multikey()]
}

/// As `eddsa-jcs-2022` wants it, by which entries are signed.
fn must_be_ed25519(update_key: &dyn Signer) -> Result<(), WriteError> {
    match update_key.public_key().algorithm() {
        Algorithm::EdDsa => Ok(()),
        _ => Err(WriteError::UpdateKeyAlgorithm),
    }
}

impl From<EntryError> for WriteError {
    fn from(error: EntryError) -> Self {
        Self::Refused { reason: error.to_string() }
    }
}
