//! Issuing: one way of securing for each issuer path.

use crate::{
    alone::Occasion,
    jwt::{check_iss, check_registered, check_sub},
    key::SigningKey,
    problem::{BLANK, MALFORMED, PROOF_GENERATION, Problem},
    resources,
    service::{Service, Signs, no_key},
    verify::{CREDENTIAL, Kind, PRESENTATION, terms},
};
use legation_credential::{
    delegation::{CONTEXT_CREDENTIALS, check_no_old_claims},
    model::{CONTEXT_CREDENTIALS_V1, check_credential, check_presentation},
    status::{StatusListCredential, StatusPurpose},
};
use legation_did::DidError;
use legation_keys::{
    Algorithm,
    data_integrity::ProofOptions,
    jcs,
    json::{self, Json, JsonLimits, Object},
    jws,
};
use legation_linked_data::{Suite, check, suite};
use serde_json::json;

/// Bounds on what is read: a credential with much in it.
pub(crate) const LIMITS: JsonLimits = JsonLimits { bytes: 1 << 20, depth: 32 };

/// Types that a verifier of Legation gives a meaning to: who has one of them signed gives authority, approves, revokes or
/// presents in the name of the key. Delegations and lists have commands of their own.
const RESERVED: [&str; 10] = [
    "ApprovalCredential",
    "BitstringStatusList",
    "BitstringStatusListCredential",
    "DelegationCredential",
    "DomainLinkageCredential",
    "RevocationList2020Credential",
    "StatusList2021",
    "StatusList2021Credential",
    "VerifiablePresentation",
    "EnvelopedVerifiablePresentation",
];

/// Refuses what is not issued for whoever asks: by the types of the credential and of its subjects, by name or by IRI.
pub(crate) fn check_reserved(credential: &Json<'_>) -> Result<(), Problem> {
    let subjects = credential.get("credentialSubject");
    let subjects = subjects.map(|one| one.as_array().unwrap_or_else(|| core::slice::from_ref(one)));
    let subjects = subjects.unwrap_or_default();
    for object in subjects.iter().chain([credential]) {
        for value in ["type", "@type"].into_iter().filter_map(|name| object.get(name)) {
            let all = value.as_array().unwrap_or_else(|| core::slice::from_ref(value));
            for name in all.iter().filter_map(Json::as_str) {
                let last = name.rsplit(['/', '#', ':']).next().unwrap_or_default();
                if let Some(reserved) = RESERVED.into_iter().find(|reserved| *reserved == last) {
                    let detail = format!("a `{reserved}` is not issued here: verifiers act on it");
                    return Err(Problem { status: 403, ..Problem::new(BLANK, "type_reserved", detail) });
                }
            }
        }
        if object.get("delegation").is_some() {
            let detail = "a credential with a `delegation` is not issued here: verifiers act on it";
            return Err(Problem { status: 403, ..Problem::new(BLANK, "type_reserved", detail) });
        }
    }
    Ok(())
}

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

    /// The algorithm of the key that it needs; `None` where any will do.
    fn algorithm(self) -> Option<Algorithm> {
        match self {
            Self::Proof(suite) => Some(suite.algorithm()),
            Self::Jwt => None,
            Self::WithStatus => Some(Algorithm::EdDsa),
        }
    }
}

/// What was secured.
pub(crate) enum Secured {
    /// JSON with a proof.
    Document(String),
    /// A compact JWS, and how it stands in JSON.
    Token(String, Kind),
}

impl Secured {
    /// As JSON: a token in its envelope (Verifiable Credentials Data Model 2.0 §4.13).
    pub(crate) fn into_json(self) -> String {
        match self {
            Self::Document(text) => text,
            Self::Token(text, kind) => envelope(&text, kind),
        }
    }

    /// The secured text itself.
    pub(crate) fn into_text(self) -> String {
        match self {
            Self::Document(text) | Self::Token(text, _) => text,
        }
    }
}

/// A compact JWS in its envelope.
pub(crate) fn envelope(token: &str, kind: Kind) -> String {
    let id = format!("data:application/{},{token}", kind.media_type);
    json!({"@context": CONTEXT_CREDENTIALS, "id": id, "type": kind.envelope}).to_string()
}

/// Issues a credential: what is to be signed has to be a credential whose issuer is this service.
pub(crate) fn issue(
    service: &Service,
    securing: Securing,
    credential: &Json<'_>,
    now: i64,
) -> Result<Secured, Problem> {
    let object = credential.as_object().ok_or_else(|| {
        Problem::new(
            MALFORMED,
            "malformed",
            "`credential`: expected an object, such as a credential without proof",
        )
    })?;
    check_credential(object)?;
    let signs = service.signer(securing.algorithm(), signer_of(object, CREDENTIAL))?;
    check_signs(object, &signs.name, CREDENTIAL)?;
    check_proof(object)?;
    resources::check(object, service.contexts())?;
    check_terms(object, securing, &signs)?;
    match securing {
        Securing::Proof(suite) => prove(object, suite, &signs, (CREDENTIAL, Occasion::default()), now),
        Securing::Jwt => sign(object, &signs, CREDENTIAL),
        Securing::WithStatus => {
            let id = object.get("id").and_then(Json::as_str);
            let entry = entry(service, service.new_entry(id)?);
            let entry = json::parse(entry.as_bytes(), LIMITS)?;
            let with_entry = object.clone().with("credentialStatus", entry);
            prove(&with_entry, Suite::EddsaRdfc2022, &signs, (CREDENTIAL, Occasion::default()), now)
        }
    }
}

/// Signs a presentation, whose holder is this service. What stands in it is its issuers' word and not verified.
pub(crate) fn present(
    service: &Service,
    securing: Securing,
    presentation: &Object<'_>,
    occasion: Occasion<'_>,
    now: i64,
) -> Result<Secured, Problem> {
    check_presentation(presentation)?;
    let signs = service.signer(securing.algorithm(), signer_of(presentation, PRESENTATION))?;
    check_signs(presentation, &signs.name, PRESENTATION)?;
    check_proof(presentation)?;
    check_terms(presentation, securing, &signs)?;
    match securing {
        Securing::Proof(suite) => prove(presentation, suite, &signs, (PRESENTATION, occasion), now),
        Securing::Jwt => {
            let mut said = presentation.clone();
            for (name, value) in [("nonce", occasion.nonce), ("aud", occasion.audience)] {
                if let Some(value) = value {
                    said = said.with(name, Json::String(value.into()));
                }
            }
            sign(&said, &signs, PRESENTATION)
        }
        Securing::WithStatus => {
            Err(Problem::new(MALFORMED, "malformed", "a presentation has no status; its credentials have"))
        }
    }
}

/// Whom a document names as its signer; empty where it names nobody.
pub(crate) fn signer_of<'o>(document: &'o Object<'_>, kind: Kind) -> &'o str {
    let named = document.get(kind.signer).unwrap_or(&Json::Null);
    named.get("id").unwrap_or(named).as_str().unwrap_or_default()
}

fn check_signs(document: &Object<'_>, own: &str, kind: Kind) -> Result<(), Problem> {
    let found = signer_of(document, kind);
    if found == own {
        return Ok(());
    }
    let found: String = found.chars().take(120).collect();
    let detail = format!("`{}`: what is signed is signed as {own}, not as `{found}`", kind.signer);
    Err(Problem::new(MALFORMED, kind.mismatch(), detail))
}

/// Whatever secures a document, its terms have to mean something.
fn check_terms(document: &Object<'_>, securing: Securing, signs: &Signs<'_>) -> Result<(), Problem> {
    let said = match securing {
        Securing::Jwt => terms(document),
        Securing::Proof(_) | Securing::WithStatus => Json::Object(document.clone()),
    };
    check(&said, signs.contexts)?;
    Ok(())
}

fn check_proof(document: &Object<'_>) -> Result<(), Problem> {
    match document.get("proof") {
        None | Some(Json::Array(_) | Json::Object(_)) => Ok(()),
        Some(_) => {
            Err(Problem::new(MALFORMED, "malformed", "`proof`: expected an object or an array of them"))
        }
    }
}

fn prove(
    document: &Object<'_>,
    suite: Suite,
    signs: &Signs<'_>,
    (kind, occasion): (Kind, Occasion<'_>),
    now: i64,
) -> Result<Secured, Problem> {
    let SigningKey::Chain(key) = signs.key else { return Err(no_key(Some(suite.algorithm()))) };
    let document = &with_proof_context(document);
    let options = ProofOptions {
        verification_method: &signs.key_id,
        purpose: kind.purpose.member(),
        created: Some(now),
        challenge: occasion.nonce,
        domain: occasion.audience,
        ..ProofOptions::default()
    };
    Ok(Secured::Document(suite::add(document, suite, options, key, signs.contexts)?))
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

/// A JWS of these media types secures the second data model (VC-JOSE-COSE §3.1): what is of the first has a JWT of its own.
fn check_model(document: &Object<'_>) -> Result<(), Problem> {
    if !is_first_model(document) {
        return Ok(());
    }
    let detail = format!(
        "`@context`: a `vc+jwt` or `vp+jwt` is of the data model 2.0, which begins with {CONTEXT_CREDENTIALS}; found {CONTEXT_CREDENTIALS_V1}"
    );
    Err(Problem::new(MALFORMED, "context_mismatch", detail))
}

/// Whether a document is of the first data model, by the first of its contexts.
pub(crate) fn is_first_model(document: &Object<'_>) -> bool {
    let contexts = document.get("@context").and_then(Json::as_array).unwrap_or_default();
    contexts.first().and_then(Json::as_str) == Some(CONTEXT_CREDENTIALS_V1)
}

fn sign(document: &Object<'_>, signs: &Signs<'_>, kind: Kind) -> Result<Secured, Problem> {
    check_model(document)?;
    check_no_old_claims(document)?;
    check_iss(document, &signs.name)?;
    check_sub(document)?;
    check_registered(document)?;
    let payload = jcs::canonicalize(&Json::Object(document.clone()));
    let algorithm = signs.key.algorithm().jose();
    let sign = |input: &[u8]| signs.key.sign(input);
    let secured = jws::sign_by(algorithm, kind.media_type, &signs.key_id, payload.as_bytes(), sign);
    let secured = secured.map_err(|error| Problem::new(PROOF_GENERATION, "sign", error.to_string()))?;
    Ok(Secured::Token(secured, kind))
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
    let signs = service.signer(Some(Algorithm::EdDsa), "")?;
    let no_did = |error: DidError| Problem::new(PROOF_GENERATION, "malformed", error.to_string());
    let credential = StatusListCredential {
        id: Some(service.list_url()),
        issuer: signs.name.parse().map_err(no_did)?,
        valid_from: now,
        valid_until: None,
        purposes: vec![StatusPurpose::Revocation],
        list: service.list(),
    };
    let text = credential.to_json().to_string();
    let credential = json::parse(text.as_bytes(), LIMITS)?;
    let object = credential.as_object().ok_or_else(|| Problem::new(MALFORMED, "malformed", "no object"))?;
    Ok(prove(object, Suite::EddsaRdfc2022, &signs, (CREDENTIAL, Occasion::default()), now)?.into_json())
}
