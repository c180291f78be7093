//! `credentialStatus` (Bitstring Status List 1.0 §3.2). A status that can't be looked up is no good status.

use crate::{
    issue::status_list,
    problem::{Problem, STATUS, STATUS_RETRIEVAL},
    verify::{Expected, STATUS_LIST, Verification, object},
};
use legation_credential::{
    delegation::check_types,
    status::{StatusEntry, StatusList, StatusPurpose},
};
use legation_keys::json::{self, Json, Object};

/// Most entries of one credential, each of which may be fetched.
const MOST: usize = 4;
/// Most entries of a list that is unpacked: two megabytes.
pub(crate) const MAX_ENTRIES: usize = 1 << 24;

/// Checks every status that a credential refers to in `credentialStatus`.
pub(crate) async fn check(verification: &Verification<'_>, credential: &Object<'_>) -> Result<(), Problem> {
    let Some(value) = credential.get("credentialStatus") else { return Ok(()) };
    let all = value.as_array().unwrap_or_else(|| core::slice::from_ref(value));
    if all.len() > MOST {
        return Err(invalid(format!("more than {MOST} entries of `credentialStatus`")));
    }
    for entry in all {
        check_entry(verification, entry).await?;
    }
    Ok(())
}

/// A list that was fetched and verified.
pub(crate) struct BitstringList {
    purposes: Vec<StatusPurpose>,
    bits: StatusList,
}

fn invalid(detail: String) -> Problem {
    Problem::new(STATUS, "status_invalid", detail)
}

async fn check_entry(verification: &Verification<'_>, entry: &Json<'_>) -> Result<(), Problem> {
    let entry = StatusEntry::from_json(entry).map_err(|error| invalid(error.to_string()))?;
    let list = verification.fetched.bitstrings.once(&entry.list, fetch(verification, &entry.list)).await?;
    is_clear(&entry, &list)
}

async fn fetch(verification: &Verification<'_>, url: &str) -> Result<BitstringList, Problem> {
    let service = verification.service;
    let text = if url == service.list_url() {
        status_list(service, verification.now)?
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
    let list = json::parse(text.as_bytes(), STATUS_LIST.limits)?;
    read(object(&list)?, url)
}

/// What a list says that stands at a URL.
fn read(list: &Object<'_>, url: &str) -> Result<BitstringList, Problem> {
    check_types(list, &["BitstringStatusListCredential"]).map_err(|error| invalid(error.to_string()))?;
    if list.get("id").and_then(Json::as_str).is_some_and(|id| id != url) {
        return Err(invalid(format!("the credential at {url} is another list's")));
    }
    let subject = list.get("credentialSubject").and_then(Json::as_object);
    let subject = subject.ok_or_else(|| invalid("`credentialSubject`: expected one object".to_owned()))?;
    check_types(subject, &["BitstringStatusList"]).map_err(|error| invalid(error.to_string()))?;
    let purpose = subject.get("statusPurpose").unwrap_or(&Json::Null);
    let purposes = purpose.as_array().unwrap_or_else(|| core::slice::from_ref(purpose));
    let known = |purpose: &Json<'_>| purpose.as_str().and_then(StatusPurpose::from_name);
    let encoded = subject.get("encodedList").and_then(Json::as_str).unwrap_or_default();
    let bits = StatusList::decode(encoded, MAX_ENTRIES).map_err(|error| invalid(error.to_string()))?;
    Ok(BitstringList { purposes: purposes.iter().filter_map(known).collect(), bits })
}

fn is_clear(entry: &StatusEntry, list: &BitstringList) -> Result<(), Problem> {
    if !list.purposes.contains(&entry.purpose) {
        return Err(invalid(format!("the list is not for {}", entry.purpose.name())));
    }
    match list.bits.get(entry.index) {
        None => Err(invalid(format!("the list has no entry {}", entry.index))),
        Some(true) => {
            let (code, what) = match entry.purpose {
                StatusPurpose::Revocation => ("link_revoked", "revoked"),
                StatusPurpose::Suspension => ("link_suspended", "suspended"),
            };
            let detail = format!("the credential is {what} at {}, entry {}", entry.list, entry.index);
            Err(Problem::new(STATUS, code, detail))
        }
        Some(false) => Ok(()),
    }
}
