//! What the benches measure: chains of did:key, ordinary in size and terms unless a plan says otherwise.

pub mod bare;
mod plan;
mod status;

pub use plan::{Plan, authority};
pub use status::{LIST, Random, publish};

use legation_credential::{
    Authority, Facts, Occasion, Request, RequestError, Terms, Value, delegation, issue, pass_on, present,
    status::{StatusEntry, StatusPurpose},
};
use legation_did::{Did, Document, Purpose, key, method_id};
use legation_keys::{Algorithm, SecretKey, Signer, base64url, jws};
use legation_verifier::{Proof, Trust};

/// Now, for every bench: 2026-11-21T12:00:00Z.
pub const NOW: i64 = 1_795_262_400;
/// Who verifies.
pub const AUDIENCE: &str = "did:web:shop.example";
/// An organization that delegates.
pub const ORGANIZATION: &str = "did:web:acme.example";
/// What an agent asks for.
pub const ACTION: &str = "mcp:tools/call:payments.charge";
/// On what.
pub const RESOURCE: &str = "https://shop.example/api/rooms";
/// For how much, in cents.
pub const AMOUNT: i64 = 1200;
/// A chain is valid so long before and after now.
const HOUR: i64 = 3600;

/// A chain of so many links, each by another did:key.
pub struct Chain {
    /// The links, root first.
    pub links: Vec<String>,
    keys: Vec<SecretKey>,
    /// Trust in its root, with a ceiling.
    pub trust: Trust,
}

/// What making a chain gives.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

impl Chain {
    /// Issues an ordinary chain.
    ///
    /// # Errors
    /// What issuing says.
    pub fn new(depth: u8) -> Outcome<Self> {
        Self::of(&Plan::ordinary(depth))
    }

    /// Issues a chain by a plan.
    ///
    /// # Errors
    /// What issuing says.
    pub fn of(plan: &Plan) -> Outcome<Self> {
        let keys: Result<Vec<SecretKey>, _> =
            (0..=plan.authorities.len()).map(|index| key_of(plan, index)).collect();
        let keys = keys?;
        let mut dids: Vec<Did> = keys.iter().map(|key| key::did(key.public_key())).collect();
        if let (Some(root), Some(organization)) = (dids.first_mut(), &plan.organization) {
            root.clone_from(organization);
        }
        let mut links: Vec<String> = Vec::new();
        for (index, (pair, signer)) in dids.windows(2).zip(&keys).enumerate() {
            let [issuer, subject] = pair else { continue };
            let terms = terms(plan, index, subject)?;
            let chain: Vec<&str> = links.iter().map(String::as_str).collect();
            let key_id = method_id(issuer, signer.public_key());
            let link = match chain.as_slice() {
                [] => issue(terms, issuer, &key_id, signer)?,
                chain => pass_on(chain, terms, &key_id, signer)?,
            };
            links.push(link);
        }
        let mut trust = Trust::new(AUDIENCE);
        trust.max_unrevocable = 2 * HOUR;
        // Growth is measured beyond what is read by default.
        trust.limits.presentation_bytes = 1 << 20;
        trust.limits.chain_constraints = 8192;
        trust.limits.chain_pairs = 16_384;
        trust.status_issuers.insert(status::publisher()?);
        if let Some(root) = dids.first() {
            trust.roots.insert(root.clone(), Authority::parse(&plan.ceiling)?);
        }
        Ok(Self { links, keys, trust })
    }

    /// The agent at the end of the chain, and its key.
    ///
    /// # Errors
    /// Where the chain has no keys.
    pub fn agent(&self) -> Outcome<(Did, &SecretKey)> {
        let leaf = self.keys.last().ok_or("a chain has keys")?;
        Ok((key::did(leaf.public_key()), leaf))
    }

    /// Presents the chain for a nonce.
    ///
    /// # Errors
    /// What presenting says.
    pub fn present(&self, nonce: &str) -> Outcome<String> {
        self.present_at(nonce, NOW)
    }

    /// Presents the chain for a nonce at another time, Unix seconds.
    ///
    /// # Errors
    /// What presenting says.
    pub fn present_at(&self, nonce: &str, now: i64) -> Outcome<String> {
        let (holder, leaf) = self.agent()?;
        let links: Vec<&str> = self.links.iter().map(String::as_str).collect();
        let occasion =
            Occasion { audience: AUDIENCE, nonce, issued_at: now, expires_at: now + 60, transcript: None };
        Ok(present(&links, &holder, occasion, &key::method_id(&holder), leaf)?)
    }

    /// The chain in compact form, and the proof of a signed request that it came with.
    ///
    /// # Errors
    /// What signing says.
    pub fn request(&self, nonce: &str) -> Outcome<(String, Proof)> {
        let (_, leaf) = self.agent()?;
        // A signature base as `legation-http-signature` writes it: five lines of such lengths.
        let signing_input = format!(
            "\"@method\": POST\n\"@target-uri\": https://shop.example/api/rooms\n\"content-digest\": \
             sha-256=:{}:\n\"agent-delegation\": :{}:\n\"@signature-params\": (\"@method\" \"@target-uri\" \
             \"content-digest\" \"agent-delegation\");created={NOW};nonce=\"{nonce}\"",
            "A".repeat(44),
            "B".repeat(44),
        );
        let proof = Proof {
            signature: leaf.sign(signing_input.as_bytes())?,
            signing_input,
            algorithm: None,
            key_thumbprint: leaf.public_key().thumbprint(),
            nonce: nonce.to_owned(),
            created: NOW,
            expires: NOW + 60,
        };
        Ok((self.compact(), proof))
    }

    /// The same links, each naming its key: for tools that look a key up by its `kid`, which may be absent
    /// where the issuer is a did:key.
    ///
    /// # Errors
    /// What signing says.
    pub fn links_with_key_ids(&self) -> Outcome<Vec<String>> {
        let named = |(link, signer): (&String, &SecretKey)| -> Outcome<String> {
            let claims = base64url::decode(jws::split(link)?.payload)?;
            let key_id = key::method_id(&key::did(signer.public_key()));
            Ok(jws::sign(delegation::MEDIA_TYPE, &key_id, &claims, signer)?)
        };
        self.links.iter().zip(&self.keys).map(named).collect()
    }

    /// The document of an organization that is this chain's principal, as JSON.
    ///
    /// # Errors
    /// Where the chain has no keys.
    pub fn document(&self, organization: &Did) -> Outcome<String> {
        let key = self.keys.first().ok_or("a chain has keys")?.public_key();
        let mut document = Document::new(organization.clone());
        document.add_key(method_id(organization, key), key.clone(), &[Purpose::AssertionMethod]);
        Ok(document.to_json().to_string())
    }

    /// The chain in compact form.
    #[must_use]
    pub fn compact(&self) -> String {
        self.links.join("~")
    }
}

/// What the agent of an ordinary chain asks for, and may do.
///
/// # Errors
/// None: these facts are in order.
pub fn charge() -> Result<Request, RequestError> {
    let facts = Facts::from([
        ("amount".to_owned(), Value::Integer(AMOUNT)),
        ("currency".to_owned(), "USD".into()),
        ("channel".to_owned(), "email".into()),
    ]);
    Request::new(ACTION, RESOURCE, facts)
}

/// The key of one agent of a plan: the same each time for Ed25519.
fn key_of(plan: &Plan, index: usize) -> Outcome<SecretKey> {
    if plan.algorithm == Algorithm::Es256 {
        return Ok(SecretKey::generate(Algorithm::Es256)?);
    }
    let mut seed = [u8::try_from(index + 1)?; 32];
    let who = if index == 0 { plan.principal } else { plan.agents };
    for (byte, number) in seed.iter_mut().zip(who.to_le_bytes()) {
        *byte ^= number;
    }
    Ok(SecretKey::from_ed25519_seed(&seed)?)
}

fn terms(plan: &Plan, index: usize, subject: &Did) -> Outcome<Terms> {
    let authority = plan.authorities.get(index).ok_or("one authority for each link")?;
    let below = plan.authorities.len() - index - 1;
    let position = i64::try_from(index)?;
    let entry = |list: &String| StatusEntry {
        purpose: StatusPurpose::Revocation,
        list: list.clone(),
        index: status::FIRST_ENTRY + index,
    };
    let id = |padding| format!("urn:uuid:00000000-0000-4000-8000-{index:012}{}", "0".repeat(padding));
    Ok(Terms {
        id: plan.padding.map(id),
        subject: subject.clone(),
        valid_from: NOW - HOUR + position,
        valid_until: NOW + HOUR - position,
        max_depth: u32::try_from(below)?,
        account: None,
        authority: Authority::parse(authority)?,
        status: plan.status.iter().map(entry).collect(),
    })
}
