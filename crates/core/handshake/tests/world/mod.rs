//! A callee with a did:web, and callers with a chain of a principal that it trusts. No network.

#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, reason = "tests")]

use legation_credential::{Authority, Terms, issue};
use legation_did::{Did, Document, key, method_id, web};
use legation_handshake::{
    Answer, Answered, Begun, Callee, ChallengeKey, Challenged, Concluded, Hello, Peer, begin, conclude,
};
use legation_keys::{Algorithm, SecretKey, Signer};
use legation_verifier::{Evidence, MemoryLedger, Trust, receipt, verify};

pub(crate) const NOW: i64 = 1_795_255_200;
pub(crate) const ENDPOINT: &str = "https://shop.example/handshake";
pub(crate) const CARD: [u8; 32] = [7; 32];
const AUTHORITY: &str =
    r#"{"grants":[{"actions":["a2a:skill:book"],"resources":["https://shop.example/*"]}]}"#;

pub(crate) struct Party {
    pub(crate) did: Did,
    pub(crate) key: SecretKey,
}

impl Party {
    pub(crate) fn key_party() -> Self {
        let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
        Self { did: key::did(key.public_key()), key }
    }

    pub(crate) fn web(did: &str) -> Self {
        Self { did: did.parse().unwrap(), key: SecretKey::generate(Algorithm::EdDsa).unwrap() }
    }

    pub(crate) fn key_id(&self) -> String {
        method_id(&self.did, self.key.public_key())
    }

    pub(crate) fn document(&self) -> Document {
        match self.did.method() {
            "key" => key::document(&self.did).unwrap(),
            _ => web::document(&self.did, &[self.key.public_key().clone()]),
        }
    }
}

/// A callee, the principal that it trusts, and an agent of that principal.
pub(crate) struct World {
    pub(crate) shop: Party,
    pub(crate) document: Document,
    pub(crate) callee: Callee,
    pub(crate) trust: Trust,
    pub(crate) ledger: MemoryLedger,
    pub(crate) acme: Party,
    pub(crate) alice: Party,
    pub(crate) link: String,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::at("did:web:shop.example")
    }

    pub(crate) fn at(did: &str) -> Self {
        let (shop, acme, alice) = (Party::web(did), Party::key_party(), Party::key_party());
        let key = ChallengeKey::generate().unwrap();
        let callee = Callee::new(shop.did.clone(), ENDPOINT.to_owned(), CARD, key);
        let mut trust = Trust::new(did);
        trust.roots.insert(acme.did.clone(), Authority::parse(AUTHORITY).unwrap());
        trust.max_unrevocable = 86_400;
        let link = grant(&acme, &alice.did);
        let document = shop.document();
        Self { shop, document, callee, trust, ledger: MemoryLedger::new(), acme, alice, link }
    }

    pub(crate) fn peer(&self) -> Peer<'_> {
        Peer { document: &self.document, endpoint: ENDPOINT, card: CARD }
    }

    pub(crate) fn begin(&self) -> Begun {
        begin(self.alice.did.clone()).unwrap()
    }

    pub(crate) fn challenge(&self, hello: &Hello, now: i64) -> String {
        self.callee.challenge(hello, &self.shop.key_id(), &self.shop.key, now).unwrap()
    }

    /// Alice, challenged.
    pub(crate) fn challenged(&self) -> Challenged {
        let begun = self.begin();
        let challenge = self.challenge(begun.hello(), NOW);
        begun.receive(&challenge, self.peer(), 60, NOW).unwrap()
    }

    /// Alice's answer.
    pub(crate) fn answered(&self) -> Answered {
        let Party { key, .. } = &self.alice;
        self.challenged().answer(&[&self.link], &self.alice.key_id(), key, NOW).unwrap()
    }

    /// What the callee makes of an answer.
    pub(crate) fn conclude(&mut self, answer: &Answer, now: i64) -> Concluded {
        let opened = self.callee.open(answer, &self.trust, now);
        let outcome = opened.and_then(|opened| {
            let presentation = opened.presentation();
            verify(presentation, &self.trust, &Evidence::new(), presentation.nonce(), now)
        });
        conclude(outcome, answer, &self.trust, &mut self.ledger, now)
    }

    /// The code of a denial; `valid` where there is none.
    pub(crate) fn code(&mut self, answer: &Answer, now: i64) -> &'static str {
        self.conclude(answer, now).outcome.map_or_else(|denial| denial.code.as_str(), |_| "valid")
    }

    pub(crate) fn signed(&self, receipt: &[u8]) -> String {
        receipt::sign(receipt, &self.shop.key_id(), &self.shop.key).unwrap()
    }
}

/// A root link, an hour long.
pub(crate) fn grant(from: &Party, to: &Did) -> String {
    let terms = Terms {
        id: None,
        subject: to.clone(),
        valid_from: NOW - 60,
        valid_until: NOW + 86_000,
        max_depth: 1,
        account: None,
        authority: Authority::parse(AUTHORITY).unwrap(),
        status: vec![],
    };
    issue(terms, &from.did, &from.key_id(), &from.key).unwrap()
}
