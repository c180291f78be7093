//! Entries of did:webvh logs.

use super::{Client, SealedKey};
use crate::{
    ask::{self, Request},
    client_error::ClientError,
};
use legation_did::Did;

/// An entry of the log of a did:webvh that is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryTerms<'a> {
    /// The did:web of the place where the log is published.
    pub place: &'a Did,
    /// The DID, and the `versionId` of the entry before; `None` for the first entry, by which the DID gets its name.
    pub before: Option<(&'a Did, &'a str)>,
    /// From when the document holds, Unix seconds.
    pub time: i64,
    /// The Multikey of the key that signs the entry after this one.
    pub next: &'a str,
    /// The document, a JSON text, of the DID before it has a name (`legation_webvh_entry::unnamed`).
    pub document: &'a str,
}

impl Client {
    /// Writes an entry of the log of a did:webvh, and signs it by the one key that may: its key id is `webvh:`, the
    /// method-specific id of the place, `#`, and anything. Gives the line without its end.
    ///
    /// # Errors
    /// [`ClientError`]; `issuer_mismatch` for a key or a document of another place.
    pub fn webvh_entry(&mut self, key: SealedKey<'_>, terms: &EntryTerms<'_>) -> Result<String, ClientError> {
        let EntryTerms { place, before, time, next, document } = *terms;
        let before = before.map(|(did, version_id)| ask::Before {
            did: did.as_str().to_owned(),
            version_id: version_id.to_owned(),
        });
        self.secured(&Request::WebvhEntry(ask::WebvhEntry {
            key: key.into(),
            place: place.as_str().to_owned(),
            before,
            time,
            next: next.to_owned(),
            document: document.to_owned(),
        }))
    }
}
