//! Issuing: one way of securing for each issuer path.

use crate::{
    problem::{MALFORMED, PROOF_GENERATION, Problem},
    resources,
    service::Service,
    verify::check_iss,
};
use legation_credential::{
    delegation::{CONTEXT_CREDENTIALS, MEDIA_TYPE, check_no_old_claims},
    model::check_credential,
    presentation::{DATA_URL, ENVELOPED},
    status::{StatusListCredential, StatusPurpose},
};
use legation_did::{Did, key};
use legation_keys::{
    Algorithm, SecretKey,
    data_integrity::ProofOptions,
    jcs,
    json::{self, Json, JsonLimits, Object},
    jws,
};
use legation_linked_data::{Suite, canonicalize, suite};
use serde_json::json;

/// Bounds on what is read: a credential with much in it.
pub(crate) const LIMITS: JsonLimits = JsonLimits { bytes: 1 << 20, depth: 32 };

/// How an issuer secures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Securing {
    /// By a Data Integrity proof.
    Proof(Suite),
    /// As `vc+jwt`, in an envelope.
    Jwt,
    /// By `eddsa-rdfc-2022`, with an entry of this service's status list.
    WithStatus,
}

impl Securing {
    /// The way that an issuer's name in a path stands for.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "vc-jwt" => Some(Self::Jwt),
            "bitstring-status-list" => Some(Self::WithStatus),
            other => Suite::from_name(other).map(Self::Proof),
        }
    }

    fn algorithm(self) -> Algorithm {
        match self {
            Self::Proof(suite) => suite.algorithm(),
            Self::Jwt | Self::WithStatus => Algorithm::EdDsa,
        }
    }
}

/// Issues a credential: what is to be signed has to be a credential whose issuer is this service.
pub(crate) fn issue(
    service: &Service,
    securing: Securing,
    credential: &Json<'_>,
    now: i64,
) -> Result<String, Problem> {
    let object = credential.as_object().ok_or_else(|| {
        Problem::new(
            MALFORMED,
            "malformed",
            "`credential`: expected an object, such as a credential without proof",
        )
    })?;
    check_credential(object)?;
    let (signer, did) = service.signer(securing.algorithm())?;
    check_issuer(object, &did)?;
    if object.get("proof").is_some_and(|proof| !matches!(proof, Json::Array(_) | Json::Object(_))) {
        return Err(Problem::new(MALFORMED, "malformed", "`proof`: expected an object or an array of them"));
    }
    resources::check(object)?;
    // Whatever secures it, its terms have to mean something.
    canonicalize(credential)?;
    match securing {
        Securing::Proof(suite) => prove(object, suite, signer, &did, now),
        Securing::Jwt => {
            check_no_old_claims(object)?;
            check_iss(object, &did)?;
            envelop(credential, signer, &did)
        }
        Securing::WithStatus => {
            let id = object.get("id").and_then(Json::as_str);
            let entry = entry(service, service.new_entry(id)?);
            let entry = json::parse(entry.as_bytes(), LIMITS)?;
            let with_entry = object.clone().with("credentialStatus", entry);
            prove(&with_entry, Suite::EddsaRdfc2022, signer, &did, now)
        }
    }
}

fn check_issuer(credential: &Object<'_>, own: &Did) -> Result<(), Problem> {
    let issuer = credential.get("issuer").unwrap_or(&Json::Null);
    let found = issuer.get("id").unwrap_or(issuer).as_str().unwrap_or_default();
    if found == own.as_str() {
        return Ok(());
    }
    let detail = format!(
        "`issuer`: this service signs as {own}, not as `{}`",
        found.chars().take(120).collect::<String>()
    );
    Err(Problem::new(MALFORMED, "issuer_mismatch", detail))
}

fn prove(
    credential: &Object<'_>,
    suite: Suite,
    signer: &SecretKey,
    did: &Did,
    now: i64,
) -> Result<String, Problem> {
    let key_id = key::method_id(did);
    let credential = &with_proof_context(credential);
    let options = ProofOptions {
        verification_method: &key_id,
        purpose: "assertionMethod",
        created: Some(now),
        ..ProofOptions::default()
    };
    Ok(suite::add(credential, suite, options, signer)?)
}

/// A credential of the first data model with the context that defines its proof, which the second has in its own
/// (Data Integrity 1.0 §2.4.1).
fn with_proof_context<'a>(credential: &Object<'a>) -> Object<'a> {
    const PROOFS: &str = "https://w3id.org/security/data-integrity/v2";
    let contexts = credential.get("@context").and_then(Json::as_array).unwrap_or_default();
    let has = |url: &str| contexts.iter().any(|context| context.as_str() == Some(url));
    if has(CONTEXT_CREDENTIALS) || has(PROOFS) {
        return credential.clone();
    }
    let all = contexts.iter().cloned().chain([Json::String(PROOFS.into())]).collect();
    credential.clone().with("@context", Json::Array(all))
}

fn envelop(credential: &Json<'_>, signer: &SecretKey, did: &Did) -> Result<String, Problem> {
    let payload = jcs::canonicalize(credential);
    let secured = jws::sign(MEDIA_TYPE, &key::method_id(did), payload.as_bytes(), signer);
    let secured = secured.map_err(|error| Problem::new(PROOF_GENERATION, "sign", error.to_string()))?;
    let envelope = json!({
        "@context": CONTEXT_CREDENTIALS, "id": format!("{DATA_URL}{secured}"), "type": ENVELOPED,
    });
    Ok(envelope.to_string())
}

fn entry(service: &Service, index: usize) -> String {
    let url = service.list_url();
    json!({
        "id": format!("{url}#{index}"), "type": "BitstringStatusListEntry", "statusPurpose": "revocation",
        "statusListIndex": index.to_string(), "statusListCredential": url,
    })
    .to_string()
}

/// The credential of this service's status list, as it is now.
pub(crate) fn status_list(service: &Service, now: i64) -> Result<String, Problem> {
    let (signer, issuer) = service.signer(Algorithm::EdDsa)?;
    let credential = StatusListCredential {
        id: service.list_url(),
        issuer: issuer.clone(),
        valid_from: now,
        valid_until: None,
        purposes: vec![StatusPurpose::Revocation],
        list: service.list(),
    };
    let text = credential.to_json().to_string();
    let credential = json::parse(text.as_bytes(), LIMITS)?;
    let object = credential.as_object().ok_or_else(|| Problem::new(MALFORMED, "malformed", "no object"))?;
    prove(object, Suite::EddsaRdfc2022, signer, &issuer, now)
}
