//! Keys, and the documents that publish them. What is secret of a key is never said.

use super::{LIMITS, Told, Wrong, chain};
use legation_did::{Document, Purpose, key};
use legation_keys::{Json, PublicKey, json};
use serde_json::json;

pub(super) fn encrypted() -> Told {
    let line = "It is encrypted by a passphrase (age): what key it holds can't be seen without it. \
                `legation did create key --key FILE` opens it and tells its DID.";
    Told::new(vec![line.to_owned()], json!({"encrypted": true}))
}

pub(super) fn key(text: &str) -> Result<Told, Wrong> {
    let malformed = |error: &dyn core::fmt::Display| ("malformed", error.to_string());
    let jwk = json::parse(text.as_bytes(), LIMITS).map_err(|error| (error.code(), error.to_string()))?;
    let object = jwk.as_object().ok_or(("malformed", "it is no object".to_owned()))?;
    let is_secret = object.get("d").is_some();
    let public = object.without("d").without("chain");
    let public = PublicKey::from_jwk(&public).map_err(|error| malformed(&error))?;
    let did = key::did(&public);
    let mut lines = vec![format!("It is for {}; as a DID it is {did}.", public.algorithm())];
    let mut notes = Vec::new();
    if is_secret {
        lines.push("It is not encrypted.".to_owned());
        notes.push("whoever reads this file can sign as this key".to_owned());
    }
    let mut said = json!({
        "did": did.as_str(), "algorithm": public.algorithm().to_string(), "thumbprint": public.thumbprint(),
        "encrypted": false, "secret": is_secret, "publicKeyJwk": public.to_jwk(),
    });
    if let Some(chain) = object.get("chain").and_then(Json::as_str) {
        lines.push("Beside it stand the delegations that its agent acts by:".to_owned());
        let told = chain::chain(chain, crate::files::now())?;
        lines.extend(told.lines);
        if let Some(members) = said.as_object_mut() {
            members.insert("chain".to_owned(), told.json);
        }
    }
    Ok(Told { lines, json: said, notes })
}

pub(super) fn document(text: &str, now: i64) -> Result<Told, Wrong> {
    let document = Document::parse(text.as_bytes()).map_err(|error| ("malformed", error.to_string()))?;
    let mut lines = vec![format!("It is the document of {}.", document.id())];
    let mut keys = Vec::new();
    for (purpose, what) in
        [(Purpose::AssertionMethod, "issues"), (Purpose::Authentication, "presents and calls")]
    {
        for (id, algorithm) in document.usable(purpose, now) {
            lines.push(format!("It {what} by the key {id} ({algorithm})."));
            keys.push(json!({"id": id, "purpose": purpose.member(), "algorithm": algorithm.to_string()}));
        }
    }
    if keys.is_empty() {
        lines.push("It has no key that could be used now.".to_owned());
    }
    lines.extend(document.service_endpoints().map(|url| format!("It names the service {url}.")));
    let services: Vec<&str> = document.service_endpoints().collect();
    Ok(Told::new(lines, json!({"did": document.id().as_str(), "keys": keys, "services": services})))
}
