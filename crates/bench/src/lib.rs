//! What the benches measure: chains of did:key, ordinary in size and terms.

use legation_credential::{Authority, Occasion, Terms, issue, pass_on, present};
use legation_did::{Did, key};
use legation_keys::{SecretKey, Signer};
use legation_verifier::{Proof, Trust};

/// Now, for every bench: 2026-11-21T12:00:00Z.
pub const NOW: i64 = 1_795_262_400;
/// Who verifies.
pub const AUDIENCE: &str = "did:web:shop.example";
/// Longest nonce-and-chain set that is prepared.
const HOUR: i64 = 3600;

/// A chain of so many links, each by another did:key.
pub struct Chain {
    /// The links, root first.
    pub links: Vec<String>,
    keys: Vec<SecretKey>,
    /// Trust in its root, with a ceiling.
    pub trust: Trust,
}

fn authority(per_action: i64) -> String {
    format!(
        r#"{{"grants": [{{"actions": ["mcp:tools/call:payments.*", "a2a:skill:book"],
                        "resources": ["https://shop.example/api/*"]}}],
            "constraints": [
                {{"type": "spend", "currency": "USD", "perAction": {per_action},
                  "window": {{"seconds": 2592000, "amount": 20000}}, "actions": ["mcp:tools/call:payments.*"]}},
                {{"type": "rate", "seconds": 60, "max": 60}},
                {{"type": "audience", "allow": ["{AUDIENCE}"]}}]}}"#
    )
}

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

impl Chain {
    /// Issues the chain.
    ///
    /// # Errors
    /// What issuing says.
    pub fn new(depth: u8) -> Outcome<Self> {
        let key_of = |index: u8| SecretKey::from_ed25519_seed(&[index + 1; 32]);
        let keys: Result<Vec<SecretKey>, _> = (0..=depth).map(key_of).collect();
        let keys = keys?;
        let dids: Vec<Did> = keys.iter().map(|key| key::did(key.public_key())).collect();
        let mut links: Vec<String> = Vec::new();
        for (index, (pair, signer)) in dids.windows(2).zip(&keys).enumerate() {
            let [issuer, subject] = pair else { continue };
            let index = i64::try_from(index)?;
            let terms = Terms {
                id: Some(format!("urn:uuid:00000000-0000-4000-8000-{index:012}")),
                subject: subject.clone(),
                valid_from: NOW - HOUR + index,
                valid_until: NOW + HOUR - index,
                max_depth: u32::from(depth) - u32::try_from(index)? - 1,
                authority: Authority::parse(&authority(5000 - index))?,
                status: Vec::new(),
            };
            let chain: Vec<&str> = links.iter().map(String::as_str).collect();
            let key_id = key::method_id(issuer);
            let link = match chain.as_slice() {
                [] => issue(terms, issuer, &key_id, signer)?,
                chain => pass_on(chain, terms, &key_id, signer)?,
            };
            links.push(link);
        }
        let mut trust = Trust::new(AUDIENCE);
        trust.max_unrevocable = 2 * HOUR;
        if let Some(root) = dids.first() {
            trust.roots.insert(root.clone(), Authority::parse(&authority(10_000))?);
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
        let (holder, leaf) = self.agent()?;
        let links: Vec<&str> = self.links.iter().map(String::as_str).collect();
        let occasion =
            Occasion { audience: AUDIENCE, nonce, issued_at: NOW, expires_at: NOW + 60, transcript: None };
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
        Ok((self.links.join("~"), proof))
    }
}
