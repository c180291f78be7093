//! An organization, a team with two agents, and what they ask for.

use legation_credential::{Authority, Facts, Occasion, Request, Terms, Value, issue, pass_on, present};
use legation_did::{Did, key};
use legation_keys::{Algorithm, SecretKey, Signer};
use legation_store::{Commit, NewReceipt};
use legation_verifier::{
    Evidence, Permit, Trust, VerifiedChain, Vouched, authorize, parse, parse_vouched, verify,
};
use std::sync::Arc;

pub(crate) const NOW: i64 = 1_795_255_200;
const UNTIL: i64 = NOW + 10_000_000;

struct Party {
    key: SecretKey,
    did: Did,
}

impl Party {
    fn new() -> Self {
        let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
        Self { did: key::did(key.public_key()), key }
    }

    fn numbered(number: &mut u8) -> Self {
        *number += 1;
        let key = SecretKey::from_ed25519_seed(&[*number; 32]).unwrap();
        Self { did: key::did(key.public_key()), key }
    }

    fn method(&self) -> String {
        key::method_id(&self.did)
    }
}

pub(crate) struct World {
    trust: Trust,
    team: Vec<String>,
    agents: Vec<(Party, String)>,
}

const ORGANIZATION: &str = r#"{"grants": [{"actions": ["model:chat"], "resources": ["https://acme.example/models/*"]}],
  "constraints": [{"type": "spend", "currency": "USD", "perAction": 100, "window": {"calendar": "day", "amount": 300}},
                  {"type": "rate", "seconds": 30, "max": 20}]}"#;
const AGENT: &str = r#"{"grants": [{"actions": ["model:chat"], "resources": ["https://acme.example/models/*"]}],
  "constraints": [{"type": "spend", "currency": "USD", "perAction": 80, "window": {"seconds": 120, "amount": 150}},
                  {"type": "total", "fact": "tokens", "perAction": 8000, "window": {"seconds": 60, "sum": 20000}}]}"#;

fn terms(subject: &Did, depth: u32, authority: &str) -> Terms {
    Terms {
        id: None,
        subject: subject.clone(),
        valid_from: NOW - 1000,
        valid_until: UNTIL,
        max_depth: depth,
        account: None,
        authority: Authority::parse(authority).unwrap(),
        status: vec![],
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(ORGANIZATION, AGENT)
    }

    pub(crate) fn with(organization: &str, agent: &str) -> Self {
        Self::of(&mut Party::new, organization, agent)
    }

    /// The same in every process.
    pub(crate) fn fixed(organization: &str, agent: &str) -> Self {
        let mut number = 0;
        Self::of(&mut move || Party::numbered(&mut number), organization, agent)
    }

    fn of(party: &mut dyn FnMut() -> Party, organization: &str, agent: &str) -> Self {
        let (root, team) = (party(), party());
        let mut trust = Trust::new("did:web:acme.example");
        trust.roots.insert(root.did.clone(), Authority::everything());
        (trust.max_unrevocable, trust.vouched) = (i64::from(u32::MAX), true);
        let first = issue(terms(&team.did, 2, organization), &root.did, &root.method(), &root.key).unwrap();
        let agents = (0..3)
            .map(|_| {
                let party = party();
                let terms = terms(&party.did, 0, agent);
                let link = pass_on(&[&first], terms, &team.method(), &team.key).unwrap();
                (party, link)
            })
            .collect();
        Self { trust, team: vec![first], agents }
    }

    /// A call of an agent that is vouched for.
    pub(crate) fn vouched(&self, agent: usize, now: i64) -> VerifiedChain {
        let (party, link) = &self.agents[agent];
        let chain = format!("{}~{link}", self.team[0]);
        let vouched = Vouched { agent: &party.did, known_by: "key-1", at: now };
        let presentation = parse_vouched(&chain, vouched, &self.trust).unwrap();
        verify(&presentation, &self.trust, &Evidence::new(), presentation.nonce(), now).unwrap()
    }

    /// A call that an agent signs.
    pub(crate) fn signed(&self, agent: usize, nonce: &str, now: i64) -> VerifiedChain {
        let (party, link) = &self.agents[agent];
        let occasion = Occasion {
            audience: "did:web:acme.example",
            nonce,
            issued_at: now,
            expires_at: now + 300,
            transcript: None,
        };
        let presented =
            present(&[&self.team[0], link], &party.did, occasion, &party.method(), &party.key).unwrap();
        let presentation = parse(presented.as_bytes(), &self.trust).unwrap();
        verify(&presentation, &self.trust, &Evidence::new(), nonce, now).unwrap()
    }
}

/// A call of a model that costs so many millionths of a cent, and so many tokens.
pub(crate) fn request(micros: i64, tokens: i64) -> Request {
    let facts: Facts = [
        ("amountMicros".to_owned(), Value::Integer(micros)),
        ("currency".to_owned(), Value::from("USD")),
        ("tokens".to_owned(), Value::Integer(tokens)),
    ]
    .into();
    Request::new("model:chat", "https://acme.example/models/standard/small", facts).unwrap()
}

pub(crate) fn permit(chain: &VerifiedChain, micros: i64, tokens: i64, now: i64) -> Permit {
    authorize(chain, &request(micros, tokens), now).into_permit().unwrap()
}

/// A receipt that says little.
pub(crate) fn note(kind: &'static str, code: &str, at: i64, amount: Option<i64>) -> NewReceipt {
    NewReceipt {
        at,
        kind,
        code: code.to_owned(),
        agent: "did:web:acme.example:mail".to_owned(),
        resource: "https://acme.example/models/standard/small".to_owned(),
        amount,
        currency: amount.map(|_| "USD".to_owned()),
        of: None,
        end_user: None,
        proved: None,
        holder: None,
        body: b"{}".to_vec().into(),
    }
}

pub(crate) fn commit(permit: Permit, epoch: i64, now: i64) -> Commit {
    Commit {
        organization: Arc::from(crate::engines::ACME),
        permit,
        reserving: true,
        epoch,
        now,
        receipt: Box::new(move |outcome| match outcome {
            Ok(_) => note("permit", "", now, None),
            Err(denial) => note("deny", denial.code.as_str(), now, None),
        }),
    }
}
