//! Who issues, and by which key: what a verifier would find wrong with either is told before anything is signed.

use crate::{args::DelegateArgs, folder::document_in, output::Failure, signed_by::key_id_in};
use legation_credential::Delegation;
use legation_did::{Did, document::Purpose, key, method_id};
use legation_keys::PublicKey;

/// Who issues.
pub(super) struct Issuer {
    pub(super) did: Did,
    /// The name of its key, as verifiers look it up.
    pub(super) key_id: String,
    /// The delegation that is passed on.
    pub(super) parent: Option<Delegation>,
    pub(super) notes: Vec<String>,
}

/// The named one, the subject of the chain, or the key itself.
pub(super) fn of(args: &DelegateArgs, chain: &[&str], public: &PublicKey) -> Result<Issuer, Failure> {
    let own = key::did(public);
    let parent = chain.last().map(|parent| Delegation::read_unverified(parent)).transpose();
    let parent = parent
        .map_err(|error| Failure::invalid(error.code(), format!("the parent is no delegation: {error}")))?;
    let did = match &parent {
        None => args.issuer.clone().unwrap_or_else(|| own.clone()),
        Some(parent) => {
            let subject = &parent.terms.subject;
            if let Some(named) = args.issuer.as_ref().filter(|named| *named != subject) {
                let message = format!("the parent was given to `{subject}`, so `{named}` can't pass it on");
                return Err(Failure::invalid("issuer_mismatch", message));
            }
            subject.clone()
        }
    };
    if did.method() == "key" && did != own {
        let message = format!("the key is that of `{own}`, but `{did}` must sign");
        return Err(Failure::invalid("issuer_mismatch", message));
    }
    let mut notes = Vec::new();
    let key_id = match &args.did_documents {
        Some(folder) if did.method() != "key" => {
            key_id_in(&document_in(folder, &did)?, public, Purpose::AssertionMethod)?
        }
        _ => method_id(&did, public),
    };
    if did.method() != "key" && args.did_documents.is_none() {
        notes.push(format!(
            "verifiers look for `{key_id}` in the document of {did}, which was not looked at; --did-documents DIR does"
        ));
    }
    Ok(Issuer { did, key_id, parent, notes })
}

impl Issuer {
    /// Nobody stands in a chain twice, nor delegates to oneself: every verifier refuses it.
    pub(super) fn check_subject(&self, to: &Did, chain: &[&str]) -> Result<(), Failure> {
        let earlier = chain.iter().filter_map(|link| Delegation::read_unverified(link).ok());
        let stands = earlier.into_iter().any(|link| link.issuer == *to || link.terms.subject == *to);
        let message = match () {
            () if self.did == *to => {
                format!("`{to}` is the issuer itself: nobody needs a delegation of one's own")
            }
            () if stands => {
                format!("`{to}` stands in the chain already: what it gave or had comes not back to it")
            }
            () => return Ok(()),
        };
        Err(Failure::invalid("cycle", message))
    }
}
