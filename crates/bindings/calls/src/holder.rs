//! An agent: its key and its delegations.

use crate::{Failure, hand::Hand, input, look::header_map, terms};
use legation_credential::{
    Approval, ApprovalRequest, Delegation, Occasion, Securing, approve, delegation::link_digest, issue,
    issue::effective, pass_on, present,
};
use legation_did::{Did, key, method_id, web};
use legation_http_signature::{AgentDelegation, Message, Signing, join, sign};
use legation_keys::{
    Algorithm, Json, PublicKey, SecretKey, Signer, base64url,
    json::{self, JsonLimits},
    secret::random,
    time,
};
use serde_json::{Value, json};

/// Most bytes of an agent file.
const FILE: JsonLimits = JsonLimits { bytes: 128 << 10, depth: 4 };
/// Seconds for which a signed request, or a presentation, is good.
const LIFETIME: i64 = 60;
/// Seconds for which an approval is good: it lives for minutes.
const APPROVAL_LIFETIME: i64 = 300;

/// An agent: who it is, who signs for it, and the delegations that it acts by, root first.
#[derive(Debug)]
pub struct Holder {
    hand: Hand,
    did: Did,
    key_id: String,
    chain: Vec<String>,
    due: i64,
}

impl Holder {
    /// An agent of its file's text: a private JWK, with its delegations as `chain`, joined by `~`. `did` is there for a key of a
    /// DID that is no did:key and has no delegations, such as an organization's own.
    ///
    /// # Errors
    /// Where it is none. Nothing of the text is told.
    pub fn from_file(text: &str, did: Option<&str>) -> Result<Self, Failure> {
        if text.trim_start().starts_with("-----BEGIN AGE") {
            let message = "the key file is encrypted; start `legation agent proxy`, or `legation run -- PROGRAM`, which asks for its passphrase";
            return Err(Failure::new("key_encrypted", message));
        }
        let wrong = |error: &dyn core::fmt::Display| Failure::new("key_invalid", error);
        let key = SecretKey::from_jwk(text).map_err(|error| wrong(&error))?;
        let file = json::parse(text.as_bytes(), FILE).map_err(|_| wrong(&"not an agent file"))?;
        let chain = match file.get("chain") {
            None | Some(Json::Null) => String::new(),
            Some(Json::String(chain)) => chain.clone().into_owned(),
            Some(_) => return Err(wrong(&"`chain` must be delegations in compact form, joined by `~`")),
        };
        Self::new(Hand::Own(Box::new(key)), &chain, did)
    }

    /// A new agent with a new key: Ed25519, a did:key. It has no delegations yet.
    ///
    /// # Errors
    /// Where there is no randomness.
    pub fn generate() -> Result<Self, Failure> {
        let key = SecretKey::generate(Algorithm::EdDsa).map_err(|error| Failure::new("random", error))?;
        Self::new(Hand::Own(Box::new(key)), "", None)
    }

    /// An agent whose key is elsewhere: its public JWK, and its delegations joined by `~`.
    ///
    /// # Errors
    /// Where the key is none that is used here, or the delegations are others'.
    pub fn elsewhere(public_jwk: &str, chain: &str, did: Option<&str>) -> Result<Self, Failure> {
        let json =
            json::parse(public_jwk.as_bytes(), FILE).map_err(|error| Failure::new(error.code(), error))?;
        let object = json.as_object().ok_or_else(|| Failure::input("key", "a public JWK"))?;
        let members = ["kty", "crv", "x", "y", "alg", "use", "kid"];
        let mut kept = serde_json::Map::new();
        for name in members {
            if let Some(Json::String(text)) = object.get(name) {
                kept.insert(name.to_owned(), text.as_ref().into());
            }
        }
        if object.get("d").is_some() {
            return Err(Failure::new(
                "key_invalid",
                "a public key is expected, and this one has its private part",
            ));
        }
        let kept = Value::Object(kept).to_string();
        let json = json::parse(kept.as_bytes(), FILE).map_err(|error| Failure::new(error.code(), error))?;
        let object = json.as_object().ok_or_else(|| Failure::input("key", "a public JWK"))?;
        let key = PublicKey::from_jwk(object).map_err(|error| Failure::new("key_invalid", error))?;
        Self::new(Hand::Elsewhere(key), chain, did)
    }

    fn new(hand: Hand, chain: &str, did: Option<&str>) -> Result<Self, Failure> {
        let chain: Vec<String> =
            chain.split('~').filter(|link| !link.is_empty()).map(str::to_owned).collect();
        let own = key::did(hand.public_key());
        let did = match (did, last(&chain)?) {
            (None, None) => own.clone(),
            (None, Some(last)) => last.terms.subject,
            (Some(did), None) => input::did("did", did)?,
            (Some(did), Some(last)) if last.terms.subject.as_str() == did => last.terms.subject,
            (Some(did), Some(last)) => {
                let message =
                    format!("the delegations are those of `{}`, not of `{did}`", last.terms.subject);
                return Err(Failure::new("holder_mismatch", message));
            }
        };
        if did.method() == "key" && did != own {
            let message = format!("the key is that of `{own}`, and `{did}` is to sign");
            return Err(Failure::new("holder_mismatch", message));
        }
        let key_id = method_id(&did, hand.public_key());
        let due = due(&chain)?;
        Ok(Self { hand, did, key_id, chain, due })
    }

    /// Who it is.
    #[must_use]
    pub fn did(&self) -> &Did {
        &self.did
    }

    /// Its delegations in compact form, joined by `~`; empty where it has none.
    #[must_use]
    pub fn chain(&self) -> String {
        self.chain.join("~")
    }

    /// From when on its delegations are to be renewed, Unix seconds: when a third of the last one's life is left.
    #[must_use]
    pub fn due(&self) -> i64 {
        self.due
    }

    /// Takes newer delegations of the same agent.
    ///
    /// # Errors
    /// Where they are another's, or none.
    pub fn renew(&mut self, chain: &str) -> Result<(), Failure> {
        let chain: Vec<String> = chain.split('~').map(str::to_owned).collect();
        let links: Vec<&str> = chain.iter().map(String::as_str).collect();
        let (last, _) = effective(&links).map_err(|error| Failure::new("chain_invalid", error))?;
        if last.terms.subject != self.did {
            let message =
                format!("the delegations are those of `{}`, not of `{}`", last.terms.subject, self.did);
            return Err(Failure::new("holder_mismatch", message));
        }
        self.due = due(&chain)?;
        self.chain = chain;
        Ok(())
    }

    /// What it is, with nothing secret: `did`, `keyId`, `publicKey`, `principal` and its `origin`, `validUntil`,
    /// `authority`.
    ///
    /// # Errors
    /// Where its delegations can't be read.
    pub fn describe(&self) -> Result<Value, Failure> {
        let mut json = json!({
            "did": self.did.as_str(), "keyId": self.key_id, "publicKey": self.hand.public_key().to_jwk(),
            "principal": null, "origin": null, "validUntil": null, "authority": null, "links": self.chain.len(),
        });
        let links: Vec<&str> = self.chain.iter().map(String::as_str).collect();
        if let (false, Some(members)) = (links.is_empty(), json.as_object_mut()) {
            let (last, authority) =
                effective(&links).map_err(|error| Failure::new("chain_invalid", error))?;
            members.insert("principal".to_owned(), last.principal.as_str().into());
            members.insert("origin".to_owned(), origin(&last.principal).into());
            members.insert("validUntil".to_owned(), time::format(last.terms.valid_until).into());
            members.insert("authority".to_owned(), authority.to_json());
        }
        Ok(json)
    }

    /// Presents its delegations to `audience`, in answer to `nonce`: `{"presentation"}`.
    ///
    /// # Errors
    /// Where it has none, or the key does not sign.
    pub fn present(
        &self,
        (audience, nonce): (&str, &str),
        given: Option<&[u8]>,
        now: i64,
    ) -> Result<Value, Failure> {
        let links = self.links()?;
        let occasion = Occasion {
            audience,
            nonce,
            issued_at: now,
            expires_at: now.saturating_add(LIFETIME),
            transcript: None,
        };
        self.sign_with(given, |key_id, signer| {
            present(&links, &self.did, occasion, key_id, signer)
                .map(|presentation| json!({"presentation": presentation}))
                .map_err(|error| Failure::new("not_presented", error))
        })
    }

    /// Signs a request: `{"headers": [[NAME, VALUE]…]}`, which replace those of these names. It must be sent as it was signed,
    /// and once. With `digest` it names its delegations by their digest, for a service that knows them.
    ///
    /// # Errors
    /// Where it can't be signed as it is.
    pub fn sign_request(
        &self,
        request: &ToSign<'_>,
        given: Option<&[u8]>,
        now: i64,
    ) -> Result<Value, Failure> {
        let failed = |code: &str, error: &dyn core::fmt::Display| Failure::new(code, error);
        let chain =
            AgentDelegation::Chain(join(&self.links()?).map_err(|error| failed(error.code(), &error))?);
        let delegation = if request.digest { AgentDelegation::Digest(chain.digest()) } else { chain };
        let mut headers = header_map(request.headers)?;
        headers.insert("agent-delegation", delegation.to_header());
        let occasion = Signing {
            created: now,
            expires: now.saturating_add(LIFETIME),
            nonce: request.nonce,
            agent: request.directory,
        };
        let (method, target_uri, body) = (request.method, request.url, request.body);
        self.hand.sign(given, |signer| {
            let message = Message { method, target_uri, headers: &headers, body };
            let signed = sign(&message, occasion, signer).map_err(|error| failed(error.code(), &error))?;
            let mut headers = headers.clone();
            signed.apply(&mut headers);
            let written =
                ["agent-delegation", "content-digest", "signature-agent", "signature-input", "signature"];
            let line = |name: &&str| {
                let all: Vec<&str> =
                    headers.get_all(*name).iter().filter_map(|one| one.to_str().ok()).collect();
                (!all.is_empty()).then(|| json!([name, all.join(", ")]))
            };
            Ok(json!({"headers": written.iter().filter_map(line).collect::<Vec<_>>()}))
        })
    }

    /// Passes part of what it may on to `subject`: `{"chain", "digest", "validUntil"}`. `terms` is `{"actions"?, "resources"?,
    /// "constraints"?, "validFor"?, "maxDepth"?, "account"?}`; without `actions` the child may what its parent may, within the constraints.
    ///
    /// # Errors
    /// Where it would be more than this agent has, which says what fits.
    pub fn delegate(
        &self,
        (subject, terms): (&str, &str),
        given: Option<&[u8]>,
        now: i64,
    ) -> Result<Value, Failure> {
        let links = self.links()?;
        let (parent, authority) = effective(&links).map_err(|error| Failure::new("chain_invalid", error))?;
        let terms = terms::of_child(subject, terms, &parent, &authority, now)?;
        self.sign_with(given, |key_id, signer| {
            let link = pass_on(&links, terms, key_id, signer)
                .map_err(|error| Failure::new("not_delegated", error))?;
            let until = Delegation::read_unverified(&link).map(|link| link.terms.valid_until);
            Ok(json!({
                "chain": format!("{}~{link}", self.chain()), "digest": base64url::encode(&link_digest(&link)),
                "validUntil": until.ok().map(time::format),
            }))
        })
    }

    /// Issues the first delegation of a chain, as the principal: `{"chain", "digest", "validUntil"}`. `terms` are as for
    /// [`delegate`](Self::delegate), with `actions` and `resources`.
    ///
    /// # Errors
    /// Where the terms are none, or the key does not sign.
    pub fn grant(
        &self,
        (subject, terms): (&str, &str),
        given: Option<&[u8]>,
        now: i64,
    ) -> Result<Value, Failure> {
        let terms = terms::of_root(subject, terms, now)?;
        let until = time::format(terms.valid_until);
        self.sign_with(given, |key_id, signer| {
            let link = issue(terms, &self.did, key_id, signer)
                .map_err(|error| Failure::new("not_delegated", error))?;
            Ok(json!({"chain": link, "digest": base64url::encode(&link_digest(&link)), "validUntil": until}))
        })
    }

    /// Consents to one very request, once: `{"approval", "validUntil"}`. `asked` is the member `approval` of a denial;
    /// it is good for five minutes.
    ///
    /// # Errors
    /// Where it is no request that can be approved, or the key does not sign.
    pub fn approve(&self, asked: &str, given: Option<&[u8]>, now: i64) -> Result<Value, Failure> {
        let asked = ApprovalRequest::parse(asked).map_err(|error| Failure::new(error.code(), error))?;
        let approval = Approval {
            issuer: self.did.clone(),
            agent: asked.agent.clone(),
            request: asked.digest(),
            valid_from: now,
            valid_until: now.saturating_add(APPROVAL_LIFETIME),
        };
        self.sign_with(given, |key_id, signer| {
            let secured = approve(Securing::Jwt, &approval, key_id, signer)
                .map_err(|error| Failure::new("not_approved", error))?;
            Ok(json!({"approval": secured, "validUntil": time::format(approval.valid_until)}))
        })
    }

    pub(crate) fn links(&self) -> Result<Vec<&str>, Failure> {
        if self.chain.is_empty() {
            let message = format!(
                "`{}` has no delegations; get some by `legation agent add`, or have one passed on",
                self.did
            );
            return Err(Failure::new("no_delegation", message));
        }
        Ok(self.chain.iter().map(String::as_str).collect())
    }

    /// Does what needs one signature by this agent's key, named by its id.
    pub(crate) fn sign_with(
        &self,
        given: Option<&[u8]>,
        work: impl FnOnce(&str, &dyn Signer) -> Result<Value, Failure>,
    ) -> Result<Value, Failure> {
        self.hand.sign(given, |signer| work(&self.key_id, signer))
    }
}

/// A request that is to be signed.
#[derive(Clone, Copy, Debug)]
pub struct ToSign<'r> {
    /// The method as it will be sent.
    pub method: &'r str,
    /// The whole URL, without a fragment.
    pub url: &'r str,
    /// What it has of headers that the signature takes notice of: signatures of others.
    pub headers: &'r [(String, String)],
    /// The body.
    pub body: &'r [u8],
    /// Whether the service knows the delegations, so that their digest will do.
    pub digest: bool,
    /// The nonce, under which a service admits one request.
    pub nonce: &'r str,
    /// Where the agent's keys are published, for Web Bot Auth.
    pub directory: Option<&'r str>,
}

/// A nonce of 144 random bits, as base64url.
///
/// # Errors
/// Where there is no randomness.
pub fn nonce() -> Result<String, Failure> {
    let bytes = random::<18>().map_err(|error| Failure::new("random", error))?;
    Ok(base64url::encode(&bytes))
}

/// Where an organization publishes: `https`, but on this machine `http`. `None` for a did:key.
fn origin(organization: &Did) -> Option<String> {
    let origin = web::origin(organization)?;
    let is_local =
        origin.strip_prefix("https://localhost").is_some_and(|rest| rest.is_empty() || rest.starts_with(':'));
    Some(if is_local { origin.replacen("https", "http", 1) } else { origin })
}

fn last(chain: &[String]) -> Result<Option<Delegation>, Failure> {
    let read =
        |link: &String| Delegation::read_unverified(link).map_err(|error| Failure::new(error.code(), error));
    chain.last().map(read).transpose()
}

/// When a third of the life of the last delegation is left.
fn due(chain: &[String]) -> Result<i64, Failure> {
    Ok(last(chain)?.map_or(i64::MAX, |last| {
        let (from, until) = (last.terms.valid_from, last.terms.valid_until);
        until.saturating_sub(until.saturating_sub(from) / 3)
    }))
}
