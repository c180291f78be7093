//! Signed requests: what is signed says what is sent, and the chain's header has one reading.

use super::{
    actors::{ACTORS, NOW},
    choices::parts,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use legation_http_signature::{
    AgentDelegation, MAX_DELEGATION_BYTES, Message, Signing, join, read, sign, signature_base,
};
use legation_keys::{Signer, base64url};
use legation_verifier::Proof;

/// A request: its first line is method and target, then headers, and behind a line of `---` its body.
pub fn http_signature(data: &[u8]) {
    let Some(all) = parts(data) else { return };
    let Some(request) = Request::parse(all[0], all.get(1).copied().unwrap_or_default()) else { return };
    delegation(&request);
    if let Ok(proof) = read(&request.message()) {
        proven(&request, &proof);
    }
    bases(&request);
    signed(request);
}

#[derive(Clone)]
struct Request {
    method: String,
    target: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Request {
    fn parse(head: &str, body: &str) -> Option<Self> {
        let mut lines = head.split('\n');
        let (method, target) = lines.next()?.split_once(' ')?;
        let mut headers = HeaderMap::new();
        for line in lines.take(32) {
            let (name, value) = line.split_once(": ")?;
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            headers.append(name, HeaderValue::from_str(value).ok()?);
        }
        Some(Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers,
            body: body.as_bytes().to_vec(),
        })
    }

    fn message(&self) -> Message<'_> {
        Message { method: &self.method, target_uri: &self.target, headers: &self.headers, body: &self.body }
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

fn delegation(request: &Request) {
    let text = request.header("agent-delegation");
    let links: Vec<&str> = text.split('~').collect();
    let joined = join(&links);
    let Ok(parsed) = AgentDelegation::parse(&request.headers) else { return };
    assert!(text.len() <= MAX_DELEGATION_BYTES);
    let mut headers = HeaderMap::new();
    headers.insert("agent-delegation", parsed.to_header());
    assert_eq!(AgentDelegation::parse(&headers).as_ref(), Ok(&parsed));
    if let AgentDelegation::Chain(chain) = &parsed {
        assert_eq!(chain.as_str(), text.trim_matches([' ', '\t']));
        assert_eq!(chain.links().collect::<Vec<_>>().join("~"), chain.as_str());
        assert!(text != chain.as_str() || joined.as_ref() == Ok(chain));
        assert_ne!(AgentDelegation::Digest(parsed.digest()), parsed);
    }
}

/// What was read of a signature holds for this request, and for no other.
fn proven(request: &Request, proof: &Proof) {
    assert!((1..=300).contains(&(proof.expires - proof.created)));
    assert!((1..=128).contains(&proof.nonce.len()));
    assert!(base64url::decode_array::<32>(&proof.key_thumbprint).is_ok());
    let base = &proof.signing_input;
    assert!(base.is_ascii() && base.split('\n').all(|line| line.starts_with('"')), "{base}");
    let lines = |start: &str| base.split('\n').filter(|line| line.starts_with(start)).count();
    for start in ["\"@method\": ", "\"@target-uri\": ", "\"agent-delegation\": ", "\"@signature-params\": "] {
        assert_eq!(lines(start), 1, "{start} in {base}");
    }
    assert!(base.contains(&format!("\"@method\": {}\n", request.method)));
    assert!(request.body.is_empty() || lines("\"content-digest\": ") == 1);
    let other = |change: &dyn Fn(&mut Request)| {
        let mut other = request.clone();
        change(&mut other);
        let read = read(&other.message());
        assert!(
            read.is_err() || read.is_ok_and(|other| other.signing_input != *base),
            "another request: {base}"
        );
    };
    other(&|request| request.method.push('X'));
    other(&|request| request.target.push('x'));
    other(&|request| request.body.push(b'x'));
    if !request.body.is_empty() {
        other(&|request| request.body.clear());
    }
    other(&|request| {
        request.headers.insert("agent-delegation", HeaderValue::from_static("another.chain.x"));
    });
}

/// Whatever label is asked for: a base has a line for each component and one for the parameters.
fn bases(request: &Request) {
    for label in ["legation", "sig1", "a"] {
        let Ok(base) = signature_base(&request.message(), label) else { continue };
        let (lines, last) = base.rsplit_once('\n').unwrap_or(("", &base));
        let parameters = last.strip_prefix("\"@signature-params\": (").unwrap();
        assert!(
            base.is_ascii() && lines.split('\n').all(|line| line.is_empty() || line.starts_with('"')),
            "{base}"
        );
        assert!(parameters.contains(')'));
        // What is signed over is read back as what is covered.
        let input = HeaderValue::try_from(format!("{label}={}", last.split_once(": ").unwrap().1)).unwrap();
        let mut again = request.clone();
        again.headers.insert("signature-input", input);
        assert_eq!(signature_base(&again.message(), label).as_deref(), Ok(base.as_str()));
    }
}

/// What we sign is read as what was signed.
fn signed(mut request: Request) {
    let key = &ACTORS[0].key;
    let nonce = request.target.chars().rev().take(130).collect::<String>();
    let occasion = Signing { created: NOW, expires: NOW + 60, nonce: &nonce, agent: None };
    let Ok(signed) = sign(&request.message(), occasion, key) else { return };
    signed.apply(&mut request.headers);
    let proof = read(&request.message()).unwrap_or_else(|error| panic!("signed, and then: {error}"));
    assert_eq!((proof.nonce.as_str(), proof.created, proof.expires), (nonce.as_str(), NOW, NOW + 60));
    assert!(key.public_key().verify(proof.signing_input.as_bytes(), &proof.signature).is_ok());
    assert_eq!(proof.key_thumbprint, key.public_key().thumbprint());
    proven(&request, &proof);
    assert!(sign(&request.message(), occasion, key).is_err(), "signed twice");
}
