//! Bytes: what was wrong with them is read again.

use super::{Case, Change, Remedy, To, What, count, exactly, member, most, one_of, signer};
use crate::{Code, Denial, Party, Trust, presentation::LINK_SEPARATOR};
use legation_credential::{
    CredentialError, Delegation,
    delegation::{self, CONTEXT_CREDENTIALS, check_context, check_no_old_claims, check_types},
    limit::Bound,
    presentation::{DATA_URL, ENVELOPED, MEDIA_TYPE, PURPOSE, TYPE},
    secured::{self, DocumentProof, from_token, is_document, read_document},
};
use legation_keys::{
    Algorithm,
    base64url::{self, Base64Error},
    data_integrity::{self, EDDSA_JCS_2022, ProofError},
    jcs,
    json::{self, Json, JsonError, JsonLimits},
    jws::{self, JwsError},
};

/// The type of an entry of `credentialStatus`.
const STATUS: &str = "BitstringStatusListEntry";

pub(super) fn remedy(denial: &Denial, case: &Case<'_>) -> Option<Remedy> {
    let (link, trust) = (denial.link, case.trust);
    let limits = trust.limits;
    if denial.code == Code::ChainTooLong {
        return Remedy::one(Party::Holder, None, What::Links, most(count(limits.chain_links)));
    }
    // A request that can't be read came after all of this.
    if case.presentation.is_some() {
        return None;
    }
    if link.is_none() && case.presented.len() > limits.presentation_bytes {
        return Remedy::one(Party::Holder, None, What::Bytes, most(count(limits.presentation_bytes)));
    }
    let text = core::str::from_utf8(case.presented).ok()?.trim_ascii();
    let errors = match link {
        None => {
            let claims = |claims: &Json<'_>| {
                let object = claims.as_object().ok_or(JwsError::HeaderShape)?;
                check_no_old_claims(object)?;
                check_context(object, &[CONTEXT_CREDENTIALS])?;
                check_types(object, &[TYPE])
            };
            let proof = |claims: &Json<'_>| {
                let object = claims.as_object().ok_or(JwsError::HeaderShape)?;
                let proofs = data_integrity::proofs(object)?;
                let proof = proofs.first().ok_or(ProofError::Missing)?;
                DocumentProof::read(object, &proofs, proof, PURPOSE).map(|_| ())
            };
            match is_document(text) {
                true => document_defects(text, limits.presentation_bytes, trust, &[&claims, &proof]),
                false => defects(text, MEDIA_TYPE, limits.presentation_bytes, trust, &claims),
            }
        }
        Some(index) => match link_at(text, index, trust)? {
            Ok(secured) if secured.len() > limits.link_bytes => {
                return Remedy::one(Party::Issuer, link, What::Bytes, most(count(limits.link_bytes)));
            }
            Ok(secured) => {
                let claims = |claims: &Json<'_>| Delegation::from_claims(claims).map(|_| ());
                let document = |claims: &Json<'_>| read_document(claims).map(|_| ());
                match is_document(&secured) {
                    true => document_defects(&secured, limits.link_bytes, trust, &[&claims, &document]),
                    false => defects(&secured, delegation::MEDIA_TYPE, limits.link_bytes, trust, &claims),
                }
            }
            Err(change) => return Remedy::new(Party::Holder, vec![change]),
        },
    };
    let error = errors.iter().find(|error| error.code() == denial.code.as_str())?;
    let (what, to) = change(error, trust)?;
    Remedy::one(signer(link), link, what, to)
}

/// The link at an index as it was sent, or what its envelope lacks.
fn link_at(text: &str, index: usize, trust: &Trust) -> Option<Result<String, Change>> {
    let payload = match is_document(text) {
        true => Some(text.as_bytes().to_vec()),
        false => jws::split(text).ok().and_then(|parts| base64url::decode(parts.payload).ok()),
    };
    let limits = JsonLimits { bytes: trust.limits.presentation_bytes, depth: trust.limits.json_depth };
    let claims = payload.as_deref().and_then(|payload| json::parse(payload, limits).ok());
    let list = claims.as_ref().and_then(|claims| claims.get("verifiableCredential")?.as_array());
    let Some(list) = list else {
        // A chain in compact form; a proof may stand below it.
        let chain = text.lines().next()?;
        return Some(Ok(from_token(chain.split(LINK_SEPARATOR).nth(index)?, limits).ok()?.into_owned()));
    };
    let envelope = list.get(index)?.as_object()?;
    if envelope.get("proof").is_some() {
        return Some(Ok(jcs::canonicalize(list.get(index)?)));
    }
    let wrong = |what, to| Some(Err(Change { link: Some(index), what: What::Envelope(what), to }));
    let single = envelope.get("@context").and_then(Json::as_str) == Some(CONTEXT_CREDENTIALS);
    if !single && check_context(envelope, &[CONTEXT_CREDENTIALS]).is_err() {
        return wrong("@context", exactly(CONTEXT_CREDENTIALS));
    }
    if check_types(envelope, &[ENVELOPED]).is_err() {
        return wrong("type", exactly(ENVELOPED));
    }
    match envelope.get("id")?.as_str()?.strip_prefix(DATA_URL) {
        Some(secured) => Some(Ok(secured.to_owned())),
        None => wrong("id", To::Bound(Bound::Prefix(DATA_URL.to_owned()))),
    }
}

/// What is asked of claims.
type Check<'c> = &'c dyn Fn(&Json<'_>) -> Result<(), CredentialError>;

/// Everything that is wrong with one document with proofs.
fn document_defects(
    secured: &str,
    bytes: usize,
    trust: &Trust,
    checks: &[Check<'_>],
) -> Vec<CredentialError> {
    match json::parse(secured.as_bytes(), JsonLimits { bytes, depth: trust.limits.json_depth }) {
        Err(error) => vec![error.into()],
        Ok(claims) => checks.iter().filter_map(|check| check(&claims).err()).collect(),
    }
}

/// Everything that is wrong with one JWS.
fn defects(
    secured: &str,
    typ: &'static str,
    bytes: usize,
    trust: &Trust,
    check: Check<'_>,
) -> Vec<CredentialError> {
    let parts = match jws::split(secured) {
        Ok(parts) => parts,
        Err(error) => return vec![error.into()],
    };
    let mut found = Vec::new();
    match base64url::decode(parts.payload) {
        Err(error) => found.push(JwsError::from(error).into()),
        Ok(payload) => match json::parse(&payload, JsonLimits { bytes, depth: trust.limits.json_depth }) {
            Err(error) => found.push(error.into()),
            Ok(claims) => found.extend(check(&claims).err()),
        },
    }
    let limits = JsonLimits { bytes: 4096, depth: trust.limits.json_depth };
    let header = jws::read_header(parts.header, typ, &trust.algorithms, limits).err();
    found.extend(header.map(CredentialError::from));
    found.extend(jws::read_signature(parts.signature).err().map(CredentialError::from));
    found
}

fn change(error: &CredentialError, trust: &Trust) -> Option<(What, To)> {
    Some(match error {
        CredentialError::Json(error) => of_json(error, &|name| member(name))?,
        CredentialError::Jws(JwsError::Json(error)) => of_json(error, &|name| What::Header(name.to_owned()))?,
        CredentialError::Jws(JwsError::Base64(Base64Error::Padded)) => (What::Padding, To::Absent),
        // One that this verifier leaves out may be the only one of its signer's keys.
        CredentialError::Jws(JwsError::Algorithm { found, .. }) if Algorithm::from_jose(found).is_some() => {
            return None;
        }
        CredentialError::Jws(JwsError::Algorithm { .. }) => {
            let allowed = trust.algorithms.iter().map(|algorithm| algorithm.jose());
            (What::Header("alg".to_owned()), one_of(allowed))
        }
        CredentialError::Jws(JwsError::Type { expected, .. }) => {
            (What::Header("typ".to_owned()), exactly(expected))
        }
        CredentialError::Jws(JwsError::Critical { member } | JwsError::KeyInHeader { member }) => {
            (What::Header((*member).to_owned()), To::Absent)
        }
        CredentialError::Proof(ProofError::Cryptosuite { .. }) => {
            (member("proof.cryptosuite"), exactly(EDDSA_JCS_2022))
        }
        CredentialError::Proof(ProofError::Type { .. }) => {
            (member("proof.type"), exactly(data_integrity::TYPE))
        }
        CredentialError::Type { expected: expected @ (PURPOSE | secured::PURPOSE), .. } => {
            (member("proof.proofPurpose"), exactly(expected))
        }
        CredentialError::Context { expected, .. } => {
            (member("@context"), To::Texts(expected.split(", ").map(str::to_owned).collect()))
        }
        CredentialError::Type { expected: STATUS, .. } => (member("credentialStatus.type"), exactly(STATUS)),
        // All that are asked for, since the next of them may be missing, too.
        CredentialError::Type { expected: TYPE, .. } => (member("type"), texts(&[TYPE])),
        CredentialError::Type { .. } => (member("type"), texts(&["VerifiableCredential", delegation::TYPE])),
        CredentialError::UnknownMember { member: name, .. } => (member(name), To::Absent),
        // What was meant can't be known.
        _ => return None,
    })
}

fn texts(all: &[&str]) -> To {
    To::Texts(all.iter().map(|text| (*text).to_owned()).collect())
}

fn of_json(error: &JsonError, name_of: &dyn Fn(&str) -> What) -> Option<(What, To)> {
    Some(match error {
        JsonError::TooLarge { limit, .. } => (What::Bytes, most(count(*limit))),
        JsonError::TooDeep { limit } => (What::Depth, most(count(*limit))),
        JsonError::Duplicate { name } => (name_of(name), To::Once),
        JsonError::Malformed { .. } => return None,
    })
}
