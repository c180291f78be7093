//! Proof that an agent holds the key that it brings: a compact JWS by that key, for one organization and one name.

use crate::error::RegistryError;
use legation_did::{Did, key};
use legation_keys::{
    Algorithm, PublicKey, Signer, base64url,
    json::{self, Json, JsonLimits},
    jws,
    secret::SignError,
};
use serde_json::json;

/// The `typ` of a proof.
pub const TYPE: &str = "legation-key-proof+jwt";
/// How long a proof is good for, seconds: it is made and used by one command.
const LIFE: i64 = 300;
/// A proof is small.
const LIMITS: JsonLimits = JsonLimits { bytes: 4096, depth: 2 };

/// Proves to an organization that whoever adds the agent `name` holds a key, at `now` (Unix seconds).
///
/// # Errors
/// [`SignError`].
pub fn prove(signer: &dyn Signer, organization: &Did, name: &str, now: i64) -> Result<String, SignError> {
    let payload = json!({"aud": organization.as_str(), "sub": name, "exp": now.saturating_add(LIFE)});
    let id = key::method_id(&key::did(signer.public_key()));
    jws::sign(TYPE, &id, payload.to_string().as_bytes(), signer)
}

/// Holds that a proof is by the key of a did:key, for that DID.
///
/// # Errors
/// [`RegistryError::Value`].
pub fn held(proof: &str, organization: &Did, did: &Did, now: i64) -> Result<(), RegistryError> {
    if key::did(&proved(proof, organization, did.as_str(), now)?) == *did {
        return Ok(());
    }
    let reason = "it is not by the key of that DID".to_owned();
    Err(RegistryError::Value { what: "proof of a key", found: did.to_string(), reason })
}

/// The key that a proof is of: its `kid` is the key, as a did:key.
pub(crate) fn proved(
    proof: &str,
    organization: &Did,
    name: &str,
    now: i64,
) -> Result<PublicKey, RegistryError> {
    let wrong = |reason: &str| RegistryError::Value {
        what: "proof of a key",
        found: proof.chars().take(40).collect(),
        reason: reason.to_owned(),
    };
    if proof.len() > LIMITS.bytes {
        return Err(wrong("it is longer than a proof can be"));
    }
    let parts = jws::split(proof).map_err(|error| wrong(&error.to_string()))?;
    let header = jws::read_header(parts.header, TYPE, &Algorithm::ALL, LIMITS);
    let header = header.map_err(|error| wrong(&error.to_string()))?;
    let algorithm = header.algorithm;
    let id = header.required_key_id().map_err(|error| wrong(&error.to_string()))?;
    let did = id.split_once('#').and_then(|(did, _)| did.parse::<Did>().ok());
    let public = did.and_then(|did| key::public_key(&did).ok()).filter(|key| key.algorithm() == algorithm);
    let public = public.ok_or_else(|| wrong("its `kid` is no did:key of its algorithm"))?;
    let signature = jws::read_signature(parts.signature).map_err(|error| wrong(&error.to_string()))?;
    public
        .verify(parts.signing_input.as_bytes(), &signature)
        .map_err(|_| wrong("its signature is not by the key that it names"))?;
    let payload = base64url::decode(parts.payload).map_err(|error| wrong(&error.to_string()))?;
    let said = json::parse(&payload, LIMITS).map_err(|error| wrong(&error.to_string()))?;
    let is = |member: &str, text: &str| said.get(member).and_then(Json::as_str) == Some(text);
    if !is("aud", organization.as_str()) || !is("sub", name) {
        return Err(wrong("it is for another organization or another name"));
    }
    let ends = said.get("exp").and_then(Json::as_integer);
    if !ends.is_some_and(|ends| (now..=now.saturating_add(2 * LIFE)).contains(&ends)) {
        return Err(wrong("it has ended, or the clocks differ; make a new one"));
    }
    Ok(public)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use legation_keys::SecretKey;

    const NOW: i64 = 1_764_000_000;

    #[test]
    fn a_proof_is_by_the_key_that_it_names_and_for_one_name_of_one_organization() {
        let acme: Did = "did:web:acme.example".parse().unwrap();
        let other: Did = "did:web:other.example".parse().unwrap();
        for algorithm in Algorithm::ALL {
            let (own, foreign) =
                (SecretKey::generate(algorithm).unwrap(), SecretKey::generate(algorithm).unwrap());
            let proof = prove(&own, &acme, "mail", NOW).unwrap();
            assert_eq!(proved(&proof, &acme, "mail", NOW + LIFE).unwrap(), *own.public_key());
            let foreign = prove(&foreign, &acme, "mail", NOW).unwrap();
            // Somebody else's key under an own signature.
            let (head, _) = foreign.split_once('.').unwrap();
            let (_, tail) = proof.split_once('.').unwrap();
            let receipt = jws::sign("legation-receipt+jwt", "did:key:z#z", b"{}", &own).unwrap();
            for (bad, organization, name, now, reason) in [
                (format!("{head}.{tail}").as_str(), &acme, "mail", NOW, "not by the key"),
                (&proof, &other, "mail", NOW, "another organization"),
                (&proof, &acme, "crm", NOW, "another name"),
                (&proof, &acme, "mail", NOW + LIFE + 1, "has ended"),
                (&proof, &acme, "mail", NOW - 2 * LIFE, "has ended"),
                (&receipt, &acme, "mail", NOW, "`typ`"),
                ("x", &acme, "mail", NOW, "three parts"),
                (&"x".repeat(5000), &acme, "mail", NOW, "longer"),
            ] {
                let error = proved(bad, organization, name, now).unwrap_err();
                assert!(error.to_string().contains(reason), "{error}, expected {reason}");
            }
        }
    }
}
