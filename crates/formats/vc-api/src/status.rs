//! `credentialStatus` (Bitstring Status List 1.0 §3.2) in a list that the credential's own issuer has to have signed, or one
//! whom the caller names: the standard lets a list be another's whom the verifier trusts (§3.2), and nobody else is trusted
//! here. A status that can't be looked up is no good status.

use crate::{
    issue::{signer_of, status_list},
    problem::{Problem, STATUS, STATUS_RETRIEVAL},
    verify::{CREDENTIAL, Expected, STATUS_LIST, Verification, object},
};
use legation_credential::status::{PublishedList, StatusEntry, StatusPurpose};
use legation_did::one_spelling;
use legation_keys::json::{self, Object};
use std::sync::Arc;

/// Most entries of a list that is unpacked: two megabytes.
pub(crate) const MAX_ENTRIES: usize = 1 << 24;

/// A list whose signature was verified.
pub(crate) struct IssuedList {
    /// Who signed it.
    issuer: String,
    list: PublishedList,
}

/// Told of a status that ends nothing, and is not looked up.
pub(crate) const INFORMATIVE: &str = "a status of the purpose `message` or `refresh` was not looked up: it says something of the credential, and revokes \
     nothing";

/// Checks every status that a credential refers to in `credentialStatus`, and that can end it.
pub(crate) async fn check(verification: &Verification<'_>, credential: &Object<'_>) -> Result<(), Problem> {
    let issuer = signer_of(credential, CREDENTIAL);
    for entry in StatusEntry::all_of(credential).map_err(|error| invalid(error.to_string()))? {
        if entry.purpose.is_ending() {
            check_entry(verification, &entry, issuer).await?;
        } else {
            verification.warn(INFORMATIVE.to_owned());
        }
    }
    Ok(())
}

fn invalid(detail: String) -> Problem {
    Problem::new(STATUS, "status_invalid", detail)
}

/// A list of somebody who is not believed.
pub(crate) fn foreign(url: &str, signer: &str, issuer: &str) -> Problem {
    let signer: String = signer.chars().take(120).collect();
    invalid(format!(
        "the list at {url} is signed by {signer}, not by {issuer}; only lists of the credential's issuer and of whoever is named are believed"
    ))
}

async fn check_entry(
    verification: &Verification<'_>,
    entry: &StatusEntry,
    issuer: &str,
) -> Result<(), Problem> {
    let list = verification.fetched.bitstrings.once(&entry.list, fetch(verification, &entry.list)).await?;
    if !verification.service.believes_list(&list.issuer, issuer) {
        return Err(foreign(&entry.list, &list.issuer, issuer));
    }
    is_clear(entry, &list.list)
}

async fn fetch(verification: &Verification<'_>, url: &str) -> Result<IssuedList, Problem> {
    let service = verification.service;
    let text = if url == service.list_url() {
        let (signs, now) = (Arc::clone(service), verification.now);
        service.aside().run(move || status_list(&signs, now)).await?
    } else {
        verification.fetched.count(STATUS_RETRIEVAL, "status_unavailable", url)?;
        let fetched = service.fetcher().status_list(url).await;
        fetched.map_err(|error| Problem::new(STATUS_RETRIEVAL, "status_unavailable", error.to_string()))?
    };
    // A list that is no JSON is a compact JWS, which an envelope holds as well.
    let text = match text.trim_start().starts_with('{') {
        true => text,
        false => format!(
            r#"{{"@context":"https://www.w3.org/ns/credentials/v2","type":"EnvelopedVerifiableCredential","id":"data:application/vc+jwt,{}"}}"#,
            text.trim()
        ),
    };
    let list = json::parse(text.as_bytes(), STATUS_LIST.limits)?;
    // The list's own status is not asked for: lists would name each other for ever.
    let text = verification.credential_alone(&list, STATUS_LIST, Expected::default()).await?;
    let json = json::parse(text.as_bytes(), STATUS_LIST.limits)?;
    let claims = object(&json)?;
    let issuer = one_spelling(signer_of(claims, STATUS_LIST)).into_owned();
    let list = PublishedList::read(claims, MAX_ENTRIES);
    let list = list.map_err(|error| invalid(format!("the list at {url} can't be read: {error}")))?;
    match list.id.as_ref().filter(|id| *id != url) {
        Some(_) => Err(invalid(format!("the credential at {url} is another list's"))),
        None => Ok(IssuedList { issuer, list }),
    }
}

fn is_clear(entry: &StatusEntry, list: &PublishedList) -> Result<(), Problem> {
    if !list.purposes.contains(&entry.purpose) {
        return Err(invalid(format!("the list is not for {}", entry.purpose.name())));
    }
    match list.list.get(entry.index) {
        None => Err(invalid(format!("the list has no entry {}", entry.index))),
        Some(true) => {
            let (code, what) = match entry.purpose {
                StatusPurpose::Suspension => ("link_suspended", "suspended"),
                _ => ("link_revoked", "revoked"),
            };
            let detail = format!("the credential is {what} at {}, entry {}", entry.list, entry.index);
            Err(Problem::new(STATUS, code, detail))
        }
        Some(false) => Ok(()),
    }
}
