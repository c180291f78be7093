//! An agent that may spend so much, and what it presents.
#![allow(dead_code, unreachable_pub)] // each test file uses its part

use legation_agent::ledger::LedgerError;
use legation_credential::{Authority, Facts, Occasion, Request, Terms, Value, issue, present};
use legation_did::{Did, key};
use legation_keys::{Algorithm, SecretKey, Signer};
use legation_verifier::{Code, Evidence, Permit, Trust, VerifiedChain, authorize, parse, verify};
use std::path::PathBuf;
use tempfile::TempDir;

pub const NOW: i64 = 1_795_255_200;

pub struct World {
    pub folder: TempDir,
    pub principal: Did,
    agent: SecretKey,
    holder: Did,
    link: String,
    trust: Trust,
}

impl World {
    /// An agent that may spend 10 cents in an hour.
    pub fn new() -> Self {
        Self::with_room(10)
    }

    /// An agent that may spend so many cents in an hour.
    pub fn with_room(cents: usize) -> Self {
        let (company, agent) =
            (SecretKey::generate(Algorithm::EdDsa).unwrap(), SecretKey::generate(Algorithm::EdDsa).unwrap());
        let (principal, holder) = (key::did(company.public_key()), key::did(agent.public_key()));
        let authority = format!(
            r#"{{"grants": [{{"actions": ["a"], "resources": ["https://shop.example/*"]}}],
            "constraints": [{{"type": "spend", "currency": "USD", "window": {{"seconds": 3600, "amount": {cents}}}}}]}}"#
        );
        let terms = Terms {
            id: None,
            account: None,
            subject: holder.clone(),
            valid_from: NOW - 1000,
            valid_until: NOW + 3600,
            max_depth: 0,
            authority: Authority::parse(&authority).unwrap(),
            status: vec![],
        };
        let link = issue(terms, &principal, &key::method_id(&principal), &company).unwrap();
        let trust = trust(principal.clone());
        Self { folder: tempfile::tempdir().unwrap(), principal, agent, holder, link, trust }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("ledger.json")
    }

    /// What the agent presents, signed at a moment.
    pub fn presented(&self, nonce: &str, signed_at: i64) -> String {
        let occasion = Occasion {
            audience: "shop",
            nonce,
            issued_at: signed_at,
            expires_at: signed_at + 300,
            transcript: None,
        };
        present(&[&self.link], &self.holder, occasion, &key::method_id(&self.holder), &self.agent).unwrap()
    }

    /// A chain that was presented at a moment, verified then.
    pub fn chain(&self, nonce: &str, signed_at: i64) -> VerifiedChain {
        chain_of(&self.presented(nonce, signed_at), nonce, &self.trust, signed_at)
    }

    pub fn permit(&self, nonce: &str, amount: i64) -> Permit {
        permit_of(&self.chain(nonce, NOW), amount)
    }
}

/// Trust in a principal, for links that can't be revoked.
pub fn trust(principal: Did) -> Trust {
    let mut trust = Trust::new("shop");
    trust.roots.insert(principal, Authority::everything());
    trust.max_unrevocable = 5000;
    trust
}

pub fn chain_of(presented: &str, nonce: &str, trust: &Trust, signed_at: i64) -> VerifiedChain {
    let presented = parse(presented.as_bytes(), trust).unwrap();
    verify(&presented, trust, &Evidence::new(), nonce, signed_at).unwrap()
}

pub fn permit_of(chain: &VerifiedChain, amount: i64) -> Permit {
    let facts = [("amount", Value::Integer(amount)), ("currency", "USD".into())];
    let facts: Facts = facts.map(|(name, value)| (name.to_owned(), value)).into();
    let request = Request::new("a", "https://shop.example/x", facts).unwrap();
    authorize(chain, &request, NOW).into_permit().unwrap()
}

pub fn code<T>(outcome: Result<T, LedgerError>) -> Option<Code> {
    match outcome {
        Ok(_) => None,
        Err(LedgerError::Denied(denial)) => Some(denial.code),
        Err(LedgerError::Unavailable { reason }) => panic!("{reason}"),
    }
}
