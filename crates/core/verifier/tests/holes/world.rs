//! Somebody's keys, links and presentations, written by hand where no honest tool would write them.

use legation_credential::{
    Authority,
    delegation::{self, link_digest},
    presentation,
    status::{StatusList, StatusListCredential, StatusPurpose},
};
use legation_did::Did;
use legation_keys::{Algorithm, SecretKey, Signer, base64url, jws, time};
use legation_verifier::{Code, Denial, Evidence, Trust, VerifiedChain, parse, verify};
use serde_json::{Value, json};

pub(crate) const NOW: i64 = 1_795_255_200;
pub(crate) const AUDIENCE: &str = "did:web:shop.example";
pub(crate) const LIST: &str = "https://acme.example/status/1";

pub(crate) struct Party {
    pub(crate) key: SecretKey,
    pub(crate) did: Did,
}

impl Party {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        let key = SecretKey::generate(algorithm).unwrap();
        let did = legation_did::key::did(key.public_key());
        Self { key, did }
    }

    pub(crate) fn sign(&self, typ: &str, payload: &Value) -> String {
        let id = legation_did::method_id(&self.did, self.key.public_key());
        jws::sign(typ, &id, payload.to_string().as_bytes(), &self.key).unwrap()
    }
}

/// A principal, an agent and the agent's own agent.
pub(crate) struct World {
    pub(crate) principal: Party,
    pub(crate) agent: Party,
    pub(crate) helper: Party,
}

impl World {
    pub(crate) fn new() -> Self {
        let party = || Party::new(Algorithm::EdDsa);
        Self { principal: party(), agent: party(), helper: party() }
    }

    /// The principal's link to the agent: an hour, may be passed on.
    pub(crate) fn root(&self) -> Value {
        self.claims(&self.principal.did, &self.agent.did, None)
    }

    pub(crate) fn claims(&self, issuer: &Did, subject: &Did, parent: Option<&str>) -> Value {
        let mut claims = json!({
            "@context": [delegation::CONTEXT_CREDENTIALS, delegation::CONTEXT_LEGATION],
            "type": ["VerifiableCredential", delegation::TYPE],
            "issuer": issuer.as_str(),
            "validFrom": time::format(NOW), "validUntil": time::format(NOW + 3600),
            "credentialSubject": {"id": subject.as_str(), "delegation": {
                "principal": self.principal.did.as_str(),
                "maxDepth": if parent.is_none() { 1 } else { 0 },
                "grants": [{"actions": ["a2a:skill:book"], "resources": ["https://shop.example/*"]}],
            }},
        });
        if let Some(parent) = parent {
            claims["credentialSubject"]["delegation"]["parent"] =
                base64url::encode(&link_digest(parent)).into();
        }
        claims
    }

    pub(crate) fn root_link(&self, claims: &Value) -> String {
        self.principal.sign(delegation::MEDIA_TYPE, claims)
    }

    /// Trust in the principal, for links of an hour that can't be revoked.
    pub(crate) fn trust(&self) -> Trust {
        let mut trust = Trust::new(AUDIENCE);
        trust.roots.insert(self.principal.did.clone(), Authority::everything());
        trust.max_unrevocable = 3600;
        trust
    }
}

/// The claims of a presentation of these links.
pub(crate) fn presentation(links: &[&str], holder: &Party) -> Value {
    let envelopes: Vec<_> = links
        .iter()
        .map(|link| {
            json!({
                "@context": [delegation::CONTEXT_CREDENTIALS],
                "type": presentation::ENVELOPED,
                "id": format!("{}{link}", presentation::DATA_URL),
            })
        })
        .collect();
    json!({
        "@context": [delegation::CONTEXT_CREDENTIALS], "type": [presentation::TYPE],
        "holder": holder.did.as_str(), "verifiableCredential": envelopes,
        "aud": AUDIENCE, "nonce": "n", "iat": NOW, "exp": NOW + 300,
    })
}

pub(crate) fn present(links: &[&str], holder: &Party) -> String {
    holder.sign(presentation::MEDIA_TYPE, &presentation(links, holder))
}

pub(crate) fn check(presented: &str, trust: &Trust, evidence: &Evidence) -> Result<VerifiedChain, Denial> {
    check_at(presented, trust, evidence, NOW)
}

pub(crate) fn check_at(
    presented: &str,
    trust: &Trust,
    evidence: &Evidence,
    now: i64,
) -> Result<VerifiedChain, Denial> {
    verify(&parse(presented.as_bytes(), trust)?, trust, evidence, "n", now)
}

pub(crate) fn code(outcome: Result<VerifiedChain, Denial>) -> Option<Code> {
    outcome.err().map(|denial| denial.code)
}

/// A status entry of a link.
pub(crate) fn entry(purpose: &str, list: &str) -> Value {
    json!({
        "type": "BitstringStatusListEntry", "statusPurpose": purpose,
        "statusListIndex": "7", "statusListCredential": list,
    })
}

/// A revocation list, made at a moment, with index 7 set or not.
pub(crate) fn list(signer: &Party, made: i64, set: bool) -> String {
    let mut bits = StatusList::new(0);
    bits.set(7, set);
    let list = StatusListCredential {
        id: Some(LIST.to_owned()),
        issuer: signer.did.clone(),
        valid_from: made,
        valid_until: None,
        purposes: vec![StatusPurpose::Revocation],
        list: bits,
    };
    signer.sign(delegation::MEDIA_TYPE, &list.to_json())
}
