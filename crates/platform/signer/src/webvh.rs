//! Entries of did:webvh logs, written and signed.

use crate::{
    ask,
    master::Master,
    refused::{Refused, shorten},
    signing::{did, opened},
};
use legation_did::Did;
use legation_keys::{Algorithm, PublicKey, Signer};
use legation_webvh_entry::{New, Parameters, begin, go_on, unnamed};

/// What the name of a key begins with that signs an entry.
const KEY: &str = "webvh:";

/// Writes an entry and signs it. Such a key signs for that place and nothing else, and no other key does: what it is called in
/// here says which. It is the entry's one update key, so that it has to be the one whose hash the entry before names, and the
/// entry names the hash of the next one (did:webvh 1.0, "Pre-Rotation Key Hash Generation and Verification").
pub(crate) fn entry(request: &ask::WebvhEntry, master: &Master) -> Result<String, Refused> {
    let place = did("place", &request.place)?;
    let wrong = |place: Did| Refused::History { place, key_id: shorten(&request.key.key_id) };
    let named = request.key.key_id.strip_prefix(KEY).and_then(|rest| rest.split_once('#'));
    if named.map(|(of, _)| of) != Some(place.method_specific_id()) || place.method() != "web" {
        return Err(wrong(place));
    }
    let next = PublicKey::from_multikey(&request.next).ok();
    if next.is_none_or(|next| next.algorithm() != Algorithm::EdDsa) {
        return Err(Refused::NextKey { found: shorten(&request.next) });
    }
    let key = opened(&request.key, master)?;
    let parameters = Parameters {
        update_keys: Some(vec![key.public_key().to_multikey()]),
        next_keys: Some(vec![request.next.clone()]),
        deactivated: false,
    };
    let new = New { time: request.time, parameters: &parameters, key: &key };
    let own = unnamed(&place)?;
    let written = match &request.before {
        None => begin(&request.document, new)?,
        Some(before) => {
            let did = did("before", &before.did)?;
            let line = go_on(&did, &before.version_id, &request.document, new)?;
            legation_webvh_entry::Begun { did, line }
        }
    };
    // The one place of a did:webvh is what stands behind its SCID.
    let place_of = |did: &Did| did.method_specific_id().split_once(':').map(|(_, place)| place.to_owned());
    if written.did.method() != own.method() || place_of(&written.did) != place_of(&own) {
        return Err(wrong(place));
    }
    Ok(written.line)
}
