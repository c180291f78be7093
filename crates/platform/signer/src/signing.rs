//! What signs. Each verb builds what it signs from what it was told, or reads it strictly: nobody has bytes signed
//! that could be something else.

use crate::{
    ask::{self, Delegate, DelegateAll, Key, MAX_BITS, MAX_PARENTS},
    frame::MAX_FRAME,
    master::Master,
    refused::{Refused, shorten},
    verbs::{few, key_place},
};
use legation_agent_card::UnverifiedCard;
use legation_credential::{
    Authority, CredentialError, Delegation, IssueError, Securing, Terms,
    delegation::{CONTEXT_CREDENTIALS, LIMITS},
    issue, pass_on, pass_on_all,
    status::{
        MIN_ENTRIES, SignedStatusList, StatusEntry, StatusList, StatusListCredential, StatusPurpose,
        is_list_url,
    },
};
use legation_did::{Did, key, method_id, web};
use legation_keys::{
    SecretKey, Signer,
    data_integrity::AddProofError,
    json::{self, Json, JsonLimits},
    jws,
    secret::{SecretKeyError, SignError},
    time,
};
use legation_log::{
    about,
    checkpoint::Checkpoint,
    note::{Kind, NoteKey},
};
use legation_verifier::{batch, receipt};
use serde_json::json;

/// What the terms of a credential of a domain are names in.
const DOMAIN_VOCABULARY: &str = "https://w3id.org/legation/domain#";
/// What the name of a log's key begins with.
const LOG_KEY: &str = "log:";

/// What signs the bytes of a kind.
type Sign = fn(&[u8], &str, &dyn Signer) -> Result<String, SignError>;

/// How deep a receipt may be, as deep as `legation_verifier::receipt::verify` reads it.
const RECEIPT_DEPTH: usize = 32;

/// Signs a delegation: the first of a chain, or one that passes a chain on.
pub(crate) fn delegate(request: &Delegate, master: &Master) -> Result<String, Refused> {
    let (issuer, parents) = passed_on(&request.issuer, &request.parents)?;
    let terms = terms(&request.terms)?;
    let signer = opened(&request.key, master)?;
    let method = method(&issuer, &request.key.key_id, &signer)?;
    match parents.as_slice() {
        [] => Ok(issue(terms, &issuer, &method, &signer)?),
        parents => Ok(pass_on(parents, terms, &method, &signer)?),
    }
}

/// Signs several that pass on the same chain. Gives what became of each.
pub(crate) fn delegate_all(
    request: &DelegateAll,
    master: &Master,
) -> Result<Vec<Result<String, Refused>>, Refused> {
    few(request.terms.len())?;
    let (issuer, parents) = passed_on(&request.issuer, &request.parents)?;
    let signer = opened(&request.key, master)?;
    let method = method(&issuer, &request.key.key_id, &signer)?;
    let mut good = Vec::with_capacity(request.terms.len());
    let read: Vec<Result<(), Refused>> =
        request.terms.iter().map(|one| terms(one).map(|terms| good.push(terms))).collect();
    let signed = match parents.as_slice() {
        [] => good.into_iter().map(|terms| issue(terms, &issuer, &method, &signer)).collect(),
        parents => pass_on_all(parents, good, &method, &signer)?,
    };
    let mut signed = signed.into_iter();
    let one =
        |read: Result<(), Refused>| read.and_then(|()| Ok(signed.next().ok_or(Refused::Internal)??));
    Ok(read.into_iter().map(one).collect())
}

/// Who signs, and the chain that it passes on, whose last link must be its own.
fn passed_on<'a>(issuer: &str, parents: &'a [String]) -> Result<(Did, Vec<&'a str>), Refused> {
    let issuer = did("issuer", issuer)?;
    let parents: Vec<&str> = parents.iter().map(String::as_str).collect();
    if parents.len() > MAX_PARENTS {
        return Err(Refused::TooManyParents { found: parents.len() });
    }
    if let Some(last) = parents.last() {
        let index = parents.len().saturating_sub(1);
        let last = Delegation::read_unverified(last).map_err(|error| IssueError::Parent { index, error })?;
        let subject = last.terms.subject;
        if subject != issuer {
            return Err(Refused::NotTheSubject { issuer, subject });
        }
    }
    Ok((issuer, parents))
}

fn terms(terms: &ask::Terms) -> Result<Terms, Refused> {
    let mut status = Vec::new();
    for entry in &terms.status {
        let entry = json::parse(entry.as_bytes(), LIMITS).map_err(CredentialError::from)?;
        status.push(StatusEntry::from_json(&entry)?);
    }
    Ok(Terms {
        id: terms.id.clone(),
        subject: did("subject", &terms.subject)?,
        valid_from: terms.valid_from,
        valid_until: terms.valid_until,
        max_depth: terms.max_depth,
        account: terms.account.clone(),
        authority: Authority::parse(&terms.authority)?,
        status,
    })
}

/// Signs a status list as a compact JWS.
pub(crate) fn status_list(request: &ask::StatusList, master: &Master) -> Result<String, Refused> {
    let issuer = did("issuer", &request.issuer)?;
    if !is_list_url(&request.id) {
        return Err(Refused::ListUrl { found: shorten(&request.id) });
    }
    // The others end no credential, and nobody has to look them up.
    let purpose = StatusPurpose::from_name(&request.purpose).filter(|purpose| purpose.is_ending());
    let purpose = purpose.ok_or_else(|| Refused::Purpose { found: shorten(&request.purpose) })?;
    let (from, until) = (request.valid_from, request.valid_until);
    if until <= from {
        return Err(Refused::Window { from, until });
    }
    let list = StatusListCredential {
        id: Some(request.id.clone()),
        issuer,
        valid_from: from,
        valid_until: Some(until),
        purposes: vec![purpose],
        list: unpacked(&request.bits.0)?,
    };
    let signer = opened(&request.key, master)?;
    let method = method(&list.issuer, &request.key.key_id, &signer)?;
    let secured = list.secure(Securing::Jwt, &method, &signer).map_err(|error| match error {
        AddProofError::Sign(error) => error,
        // Only of proofs, which are not made here.
        other => SignError { reason: other.to_string() },
    })?;
    // What its verifiers would not read, such as a time after the year 9999, is better refused here.
    SignedStatusList::parse(&secured, list.list.entries())?;
    Ok(secured)
}

/// The bits of a list. Index 0 is the left-most bit of the first byte (Bitstring Status List §3.1.3).
fn unpacked(bits: &[u8]) -> Result<StatusList, Refused> {
    if !(MIN_ENTRIES / 8..=MAX_BITS).contains(&bits.len()) {
        return Err(Refused::Bits { found: bits.len() });
    }
    let mut list = StatusList::new(bits.len() * 8);
    for (place, byte) in bits.iter().enumerate().filter(|(_, byte)| **byte != 0) {
        for bit in (0..8).filter(|bit| byte & (0x80 >> bit) != 0) {
            list.set(place * 8 + bit, true);
        }
    }
    Ok(list)
}

/// Signs a receipt, a batch of them, or what an organization says of a log, byte for byte as it stands.
pub(crate) fn receipt(request: &ask::Receipt, master: &Master) -> Result<String, Refused> {
    let text = request.receipt.as_bytes();
    let limits = JsonLimits { bytes: MAX_FRAME, depth: RECEIPT_DEPTH };
    let json = json::parse(text, limits).map_err(CredentialError::from)?;
    let sign = match json.get("type") {
        Some(Json::String(found)) if found == receipt::TYPE => Ok(receipt::sign as Sign),
        Some(Json::String(found)) if found == batch::TYPE => Ok(batch::sign as Sign),
        Some(Json::String(found)) if found == about::TYPE => Ok(about::sign as Sign),
        Some(Json::String(found)) => Err(format!("`{}`", shorten(found))),
        Some(other) => Err(other.kind().to_owned()),
        None => Err("nothing".to_owned()),
    };
    let sign = sign.map_err(|found| Refused::ReceiptType { found })?;
    // Where the verifier is called by a DID, nobody else's signature holds (`receipt::verify`).
    let verifier = json.get("verifier").and_then(Json::as_str).and_then(|verifier| verifier.parse().ok());
    let named = || request.key.key_id.split_once('#').and_then(|(did, _)| did.parse().ok());
    let signs: Did = verifier.or_else(named).ok_or(Refused::NoSigner)?;
    let signer = opened(&request.key, master)?;
    let method = method(&signs, &request.key.key_id, &signer)?;
    Ok(sign(text, &method, &signer)?)
}

/// Signs an agent card: what A2A 1.0 knows of it, and nothing else (§8.4.2).
pub(crate) fn card(request: &ask::Card, master: &Master) -> Result<String, Refused> {
    let did = did("did", &request.did)?;
    let card = UnverifiedCard::parse(request.card.as_bytes())?;
    if card.claimed_did()?.as_ref() != Some(&did) {
        return Err(Refused::CardDid { did });
    }
    let signer = opened(&request.key, master)?;
    let method = method(&did, &request.key.key_id, &signer)?;
    Ok(legation_agent_card::sign(&card, &method, &signer)?)
}

/// Signs a Domain Linkage Credential as a JWT, whose header and claims are these and no others (DIF Well Known DID
/// Configuration 1.0, "JSON Web Token Proof Format"). Its subject is its issuer.
pub(crate) fn domain_linkage(request: &ask::DomainLinkage, master: &Master) -> Result<String, Refused> {
    let did = did("did", &request.did)?;
    let (from, until) = (request.valid_from, request.valid_until);
    if until <= from {
        return Err(Refused::Window { from, until });
    }
    // A did:web vouches for its own domain; what another one says is that domain's to publish. On one machine it is plain http.
    let own = web::origin(&did).unwrap_or_default();
    let port = own.strip_prefix("https://localhost").filter(|port| port.is_empty() || port.starts_with(':'));
    let plain = port.map(|port| format!("http://localhost{port}"));
    if request.origin.is_empty() || request.origin != own && Some(&request.origin) != plain.as_ref() {
        return Err(Refused::Origin { did, found: shorten(&request.origin) });
    }
    let claims = json!({
        "exp": until, "iss": did.as_str(), "nbf": from, "sub": did.as_str(),
        "vc": {
            "@context": ["https://www.w3.org/2018/credentials/v1", "https://identity.foundation/.well-known/did-configuration/v1"],
            "type": ["VerifiableCredential", "DomainLinkageCredential"],
            "issuer": did.as_str(),
            "issuanceDate": time::format(from),
            "expirationDate": time::format(until),
            "credentialSubject": {"id": did.as_str(), "origin": request.origin},
        },
    });
    let signer = opened(&request.key, master)?;
    let method = method(&did, &request.key.key_id, &signer)?;
    Ok(jws::sign_untyped(&method, claims.to_string().as_bytes(), &signer)?)
}

/// Signs that a domain was seen to be an organization's, as a credential of its own (VC Data Model 2.0, VC-JOSE-COSE): who
/// issues it is its subject.
pub(crate) fn domain_control(request: &ask::DomainControl, master: &Master) -> Result<String, Refused> {
    let did = did("did", &request.did)?;
    let (from, until) = (request.seen, request.valid_until);
    if until <= from {
        return Err(Refused::Window { from, until });
    }
    let is_domain = web::did(&request.domain).is_ok_and(|other| !other.method_specific_id().contains(':'));
    if !is_domain || !["file", "dns"].contains(&request.method.as_str()) {
        return Err(Refused::Origin { did, found: shorten(&request.domain) });
    }
    let credential = json!({
        "@context": [CONTEXT_CREDENTIALS, {"@vocab": DOMAIN_VOCABULARY}],
        "type": ["VerifiableCredential", "DomainControlCredential"],
        "issuer": did.as_str(),
        "validFrom": time::format(from),
        "validUntil": time::format(until),
        "credentialSubject": {"id": did.as_str(), "domain": request.domain, "seenBy": request.method},
    });
    let signer = opened(&request.key, master)?;
    let method = method(&did, &request.key.key_id, &signer)?;
    Ok(jws::sign("vc+jwt", &method, credential.to_string().as_bytes(), &signer)?)
}

/// Signs a checkpoint. A key of a log signs for that log and nothing else, and no other key does: what it is called in here
/// says which.
pub(crate) fn checkpoint(request: &ask::Checkpoint, master: &Master) -> Result<String, Refused> {
    let wrong = || Refused::Log { origin: shorten(&request.origin), key_id: shorten(&request.key.key_id) };
    if request.key.key_id.strip_prefix(LOG_KEY) != Some(&request.origin) {
        return Err(wrong());
    }
    let root =
        request.root.0.as_slice().try_into().map_err(|_| Refused::Root { found: request.root.0.len() })?;
    let text = Checkpoint { origin: request.origin.clone(), size: request.size, root }.text();
    let signer = opened(&request.key, master)?;
    // A name with a line's end in it would be another text.
    let key = NoteKey::new(&request.origin, Kind::Text, signer.public_key()).map_err(|_| wrong())?;
    Ok(format!("{text}\n{}", key.sign(&text, 0, &signer)?))
}

/// The key, for one request. It is zeroed when it is dropped.
pub(crate) fn opened(key: &Key, master: &Master) -> Result<SecretKey, Refused> {
    let jwk = master.open(key_place(&key.organization, &key.key_id)?, &key.sealed.0)?;
    let jwk = core::str::from_utf8(&jwk).map_err(|_| SecretKeyError::NotAKey)?;
    Ok(SecretKey::from_jwk(jwk)?)
}

/// The DID URL that names the key in its owner's document: the key id, where that is one, else as Legation names keys
/// in documents ([`method_id`]). A key that was made as one DID's signs for no other.
pub(crate) fn method(issuer: &Did, key_id: &str, signer: &SecretKey) -> Result<String, Refused> {
    let public = signer.public_key();
    let is_own = issuer.method() != "key" || *issuer == key::did(public);
    let is_url = key_id.starts_with("did:");
    if !is_own || is_url && issuer.fragment_of(key_id).is_none() {
        return Err(Refused::Issuer { issuer: issuer.clone(), key_id: shorten(key_id) });
    }
    // A did:key is its one key, which has one name.
    Ok(if is_url && issuer.method() != "key" { key_id.to_owned() } else { method_id(issuer, public) })
}

pub(crate) fn did(member: &'static str, text: &str) -> Result<Did, Refused> {
    text.parse().map_err(|error| Refused::Did { member, error })
}
