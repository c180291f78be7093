//! Approvals: the consent of somebody named to one very request.
//!
//! A constraint `approval` says whose consent is needed, of how many, and above which amount. An approver signs
//! an [`Approval`] over the digest of all that is decided on, an [`ApprovalRequest`]. It lives for minutes and is
//! used once.

use crate::{
    delegation::{
        CONTEXT_CREDENTIALS, CONTEXT_LEGATION, LinkDigest, check_context, check_issued_at,
        check_no_old_claims, check_types, claim, did, issuer, member_object, moment,
    },
    error::{CredentialError, malformed, members, text},
    issue::{IssueError, secure},
    request::{Facts, MAX_FACTS, Request, RequestError, Value},
    secured::{DocumentProof, Securing},
};
use legation_did::Did;
use legation_keys::{
    Signer, base64url,
    data_integrity::{self, ProofError},
    jcs,
    json::{self, Json, JsonLimits, Object},
    time::{self, Round},
};
use serde_json::json;
use sha2::{Digest, Sha256};

/// The type of an approval, beside `VerifiableCredential`.
pub const TYPE: &str = "ApprovalCredential";
/// The `type` of what is approved.
pub const REQUEST_TYPE: &str = "LegationApprovalRequest";
/// Most bytes of one approval as it is sent; an ordinary one has some 700.
pub const MAX_BYTES: usize = 8 * 1024;
/// Most proofs of one approval that is a document.
const MAX_PROOFS: usize = 4;
/// Bounds on what is approved: the facts of the largest request take 6.5 megabytes of JSON.
const LIMITS: JsonLimits = JsonLimits { bytes: 8 << 20, depth: 4 };

/// All that is decided on when a request is: what an approver consents to. Its digest is what is signed, so
/// that an approval is for this request of this agent by this chain at this verifier, and for no other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovalRequest {
    /// Action, resource, facts and the digest of the body.
    pub request: Request,
    /// Who asks.
    pub agent: Did,
    /// Digest of the last link of its chain, which names all before it.
    pub delegation: LinkDigest,
    /// Who is asked: the verifier.
    pub audience: String,
}

impl ApprovalRequest {
    /// What is approved, as JSON. `legation approve` reads it, and a service tells it whose approval it lacks.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let facts: serde_json::Map<_, _> =
            self.request.facts().iter().map(|(name, value)| (name.clone(), value.to_json())).collect();
        let mut json = json!({
            "type": REQUEST_TYPE,
            "action": self.request.action(),
            "resource": self.request.resource(),
            "facts": facts,
            "agent": self.agent.as_str(),
            "delegation": base64url::encode(&self.delegation),
            "audience": self.audience,
        });
        if let (Some(body), Some(members)) = (self.request.body(), json.as_object_mut()) {
            members.insert("body".to_owned(), base64url::encode(body).into());
        }
        json
    }

    /// Reads what [`ApprovalRequest::to_json`] wrote.
    ///
    /// # Errors
    /// [`CredentialError`]: every member must be known, since any could be part of what is approved.
    pub fn parse(text: &str) -> Result<Self, CredentialError> {
        Self::from_json(&json::parse(text.as_bytes(), LIMITS)?)
    }

    fn from_json(json: &Json<'_>) -> Result<Self, CredentialError> {
        let object = json.as_object().ok_or_else(|| malformed("a request", "an object", json))?;
        check_types(object, &[REQUEST_TYPE])?;
        let known = ["type", "action", "resource", "facts", "body", "agent", "delegation", "audience"];
        members(object, "request to approve", &known)?;
        let wrong = |error: RequestError| CredentialError::Malformed {
            member: "a request".to_owned(),
            expected: "one that can be decided on",
            found: error.to_string(),
        };
        let mut request = Request::new(text(object, "action")?, text(object, "resource")?, facts(object)?)
            .map_err(wrong)?;
        if object.get("body").is_some() {
            request = request.with_body(digest_of(object, "body")?);
        }
        Ok(Self {
            request,
            agent: did(object, "agent")?,
            delegation: digest_of(object, "delegation")?,
            audience: text(object, "audience")?.to_owned(),
        })
    }

    /// SHA-256 of its canonical JSON (RFC 8785): what an approval names.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let text = self.to_json().to_string();
        // What was just written can be read.
        let canonical = json::parse(text.as_bytes(), LIMITS).map(|json| jcs::canonicalize(&json));
        Sha256::digest(canonical.as_ref().unwrap_or(&text)).into()
    }
}

fn facts(object: &Object<'_>) -> Result<Facts, CredentialError> {
    let facts = member_object(object, "facts")?;
    let wrong = |name: &str| CredentialError::Malformed {
        member: format!("the fact `{}`", crate::pattern::shorten(name)),
        expected: "a text, an integer or a boolean",
        found: "another value".to_owned(),
    };
    let read = |(name, value): (&str, &Json<'_>)| {
        Value::from_json(value).map(|value| (name.to_owned(), value)).ok_or_else(|| wrong(name))
    };
    facts.iter().take(MAX_FACTS + 1).map(read).collect()
}

fn digest_of(object: &Object<'_>, member: &'static str) -> Result<[u8; 32], CredentialError> {
    base64url::decode_array(text(object, member)?).map_err(|error| CredentialError::Malformed {
        member: member.to_owned(),
        expected: "a SHA-256 as base64url",
        found: error.to_string(),
    })
}

/// One approver's consent to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Who consents.
    pub issuer: Did,
    /// The agent whose request it is.
    pub agent: Did,
    /// [`ApprovalRequest::digest`] of what is consented to.
    pub request: [u8; 32],
    /// First moment of validity, Unix seconds.
    pub valid_from: i64,
    /// The moment from which on it is no longer valid, Unix seconds.
    pub valid_until: i64,
}

impl Approval {
    /// Reads the claims of an approval. As with a delegation, `nbf` and `exp` can only shorten it. It is used up
    /// where it is used, so that it has no status, and it is for whom its request names.
    ///
    /// # Errors
    /// [`CredentialError`].
    pub fn from_claims(claims: &Json<'_>) -> Result<Self, CredentialError> {
        let object = claims.as_object().ok_or_else(|| malformed("the payload", "an object", claims))?;
        check_no_old_claims(object)?;
        check_context(object, &[CONTEXT_CREDENTIALS, CONTEXT_LEGATION])?;
        check_types(object, &["VerifiableCredential", TYPE])?;
        check_issued_at(object)?;
        // Each would narrow it in a way that is not looked at here.
        let narrows = ["credentialStatus", "status", "aud", "cnf"];
        if let Some(member) = narrows.into_iter().find(|member| object.get(member).is_some()) {
            return Err(CredentialError::UnknownMember { member: member.to_owned(), place: "approval" });
        }
        let subject = member_object(object, "credentialSubject")?;
        let approval = member_object(subject, "approval")?;
        members(approval, "approval", &["request"])?;
        let agent = did(subject, "id")?;
        for (member, who) in [("sub", &agent), ("iss", &issuer(object)?)] {
            if object.get(member).is_some() && text(object, member)? != who.as_str() {
                return Err(CredentialError::Malformed {
                    member: member.to_owned(),
                    expected: "who the credential says",
                    found: crate::pattern::shorten(text(object, member)?),
                });
            }
        }
        Ok(Self {
            issuer: issuer(object)?,
            agent,
            request: digest_of(approval, "request")?,
            valid_from: moment(object, "validFrom", Round::Up)?
                .max(claim(object, "nbf", Round::Up)?.unwrap_or(i64::MIN)),
            valid_until: moment(object, "validUntil", Round::Down)?
                .min(claim(object, "exp", Round::Down)?.unwrap_or(i64::MAX)),
        })
    }

    /// Reads an approval from a document with proofs, all of which have to be believed before it is.
    ///
    /// # Errors
    /// [`CredentialError`].
    pub fn from_document(claims: &Json<'_>) -> Result<(Self, Vec<DocumentProof>), CredentialError> {
        let object = claims.as_object().ok_or(ProofError::Missing)?;
        let proofs = data_integrity::proofs(object)?;
        // Each is hashed with the document and verified.
        if !(1..=MAX_PROOFS).contains(&proofs.len()) {
            return Err(CredentialError::Malformed {
                member: "proof".to_owned(),
                expected: "one to four proofs",
                found: proofs.len().to_string(),
            });
        }
        let mut approval = Self::from_claims(claims)?;
        let mut all = Vec::with_capacity(proofs.len());
        for proof in &proofs {
            all.push(DocumentProof::read_unbound(object, &proofs, proof, "approval")?);
            approval.valid_until = approval.valid_until.min(proof.expires.unwrap_or(i64::MAX));
        }
        Ok((approval, all))
    }

    /// The credential as JSON, unsecured.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        json!({
            "@context": [CONTEXT_CREDENTIALS, CONTEXT_LEGATION],
            "type": ["VerifiableCredential", TYPE],
            "issuer": self.issuer.as_str(),
            "validFrom": time::format(self.valid_from),
            "validUntil": time::format(self.valid_until),
            "credentialSubject": {
                "id": self.agent.as_str(),
                "approval": {"request": base64url::encode(&self.request)},
            },
        })
    }
}

/// Signs an approval. `key_id` is the DID URL of the signing key in the approver's document
/// ([`legation_did::method_id`]).
///
/// # Errors
/// [`IssueError`].
///
/// ```
/// use legation_credential::{Approval, ApprovalRequest, Facts, Request, Securing, Value, approve};
/// use legation_keys::{Algorithm, SecretKey, Signer};
/// let boss = SecretKey::generate(Algorithm::EdDsa)?;
/// let issuer = legation_did::key::did(boss.public_key());
/// let facts = Facts::from([("amount".into(), Value::Integer(9000)), ("currency".into(), "USD".into())]);
/// let asked = ApprovalRequest {
///     request: Request::new("pay.order", "https://shop.example/orders/17", facts)?,
///     agent: "did:web:agent.example".parse()?,
///     delegation: [7; 32],
///     audience: "did:web:shop.example".into(),
/// };
/// let key_id = legation_did::key::method_id(&issuer);
/// let approval = Approval {
///     issuer, agent: asked.agent.clone(), request: asked.digest(),
///     valid_from: 1_795_255_200, valid_until: 1_795_255_800,
/// };
/// assert!(approve(Securing::Jwt, &approval, &key_id, &boss)?.split('.').count() == 3);
/// assert_eq!(ApprovalRequest::parse(&asked.to_json().to_string())?, asked);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn approve(
    securing: Securing,
    approval: &Approval,
    key_id: &str,
    signer: &dyn Signer,
) -> Result<String, IssueError> {
    let Approval { valid_from: from, valid_until: until, .. } = *approval;
    if until <= from {
        return Err(IssueError::Window { from, until });
    }
    secure(&approval.issuer, &approval.to_json().to_string(), securing, key_id, signer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Facts;

    fn asked() -> ApprovalRequest {
        let facts = Facts::from([("amount".to_owned(), Value::Integer(9000)), ("b".to_owned(), "ü".into())]);
        ApprovalRequest {
            request: Request::new("a", "https://shop.example/", facts).unwrap(),
            agent: "did:web:agent.example".parse().unwrap(),
            delegation: [7; 32],
            audience: "did:web:shop.example".to_owned(),
        }
    }

    /// The form that others have to come to: RFC 8785 of these members.
    #[test]
    fn what_is_approved_has_one_digest() {
        let canonical = concat!(
            r#"{"action":"a","agent":"did:web:agent.example","audience":"did:web:shop.example","#,
            r#""delegation":"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc","facts":{"amount":9000,"b":"ü"},"#,
            r#""resource":"https://shop.example/","type":"LegationApprovalRequest"}"#
        );
        assert_eq!(asked().digest(), <[u8; 32]>::from(Sha256::digest(canonical)));
        assert_eq!(ApprovalRequest::parse(canonical).unwrap(), asked());
    }

    #[test]
    fn each_part_of_what_is_approved_changes_its_digest() {
        let changed = |change: fn(&mut ApprovalRequest)| {
            let mut asked = asked();
            change(&mut asked);
            asked.digest()
        };
        let all = [
            asked().digest(),
            changed(|one| {
                one.request = Request::new("b", "https://shop.example/", one.request.facts().clone()).unwrap()
            }),
            changed(|one| {
                one.request =
                    Request::new("a", "https://shop.example/b", one.request.facts().clone()).unwrap()
            }),
            changed(|one| one.request = Request::new("a", "https://shop.example/", Facts::new()).unwrap()),
            changed(|one| one.request = one.request.clone().with_body([1; 32])),
            changed(|one| one.agent = "did:web:other.example".parse().unwrap()),
            changed(|one| one.delegation = [8; 32]),
            changed(|one| one.audience = "did:web:else.example".to_owned()),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn what_narrows_an_approval_unseen_is_refused() {
        let approval = Approval {
            issuer: "did:web:boss.example".parse().unwrap(),
            agent: "did:web:agent.example".parse().unwrap(),
            request: [7; 32],
            valid_from: 1_795_255_200,
            valid_until: 1_795_255_800,
        };
        let with = |member: &str, value: serde_json::Value| {
            let mut json = approval.to_json();
            json[member] = value;
            Approval::from_claims(&json::parse(json.to_string().as_bytes(), LIMITS_OF_ONE).unwrap())
        };
        assert_eq!(with("id", "urn:x:1".into()).unwrap(), approval);
        assert_eq!(with("iss", "did:web:boss.example".into()).unwrap(), approval);
        for member in ["credentialStatus", "status", "aud", "cnf"] {
            assert_eq!(with(member, "x".into()).unwrap_err().code(), "unknown_member", "{member}");
        }
        for member in ["iss", "sub"] {
            assert_eq!(with(member, "did:web:x.example".into()).unwrap_err().code(), "malformed", "{member}");
        }
        let shorter = with("exp", 1_795_255_300.into()).unwrap();
        assert_eq!(shorter.valid_until, 1_795_255_300);
        let more = serde_json::json!({"id": "did:web:agent.example", "approval": {"request": "x", "y": 1}});
        assert_eq!(with("credentialSubject", more).unwrap_err().code(), "unknown_member");
    }

    const LIMITS_OF_ONE: JsonLimits = JsonLimits { bytes: MAX_BYTES, depth: 8 };
}
