//! A request that the tests sign, alter and have judged.

#![allow(dead_code, clippy::unwrap_used, clippy::indexing_slicing, unreachable_pub)]

use http::{HeaderMap, HeaderValue};
use legation_http_signature::{Message, Signing, error::SignError, read, sign, signature_base};
use legation_keys::{SecretKey, Signer, base64url};
use legation_verifier::{Code, Denial};
use sha2::{Digest, Sha256, Sha512};

pub const BODY: &[u8] = br#"{"beds":2}"#;
pub const NOW: i64 = 1_795_255_200;

#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub target_uri: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// The same on every run: Ed25519 signs deterministically.
pub fn key() -> SecretKey {
    SecretKey::from_ed25519_seed(&[7; 32]).unwrap()
}

pub fn unsigned() -> Request {
    let mut request = Request {
        method: "POST".to_owned(),
        target_uri: "https://shop.example/rooms?night=2".to_owned(),
        headers: HeaderMap::new(),
        body: BODY.to_vec(),
    };
    request.set("agent-delegation", "eyJh.eyJp.c2ln");
    request.set("content-type", "application/json; charset=utf-8");
    request
}

pub fn signed() -> Request {
    let mut request = unsigned();
    request.try_sign("n-1", 60).unwrap();
    request
}

/// A structured field of one digest, written by hand.
pub fn digest_of(algorithm: &str, body: &[u8]) -> String {
    let bytes = match algorithm {
        "sha-256" => Sha256::digest(body).to_vec(),
        _ => Sha512::digest(body).to_vec(),
    };
    format!("{algorithm}=:{}:", base64(&bytes))
}

fn base64(bytes: &[u8]) -> String {
    let text = base64url::encode(bytes).replace('-', "+").replace('_', "/");
    let padding = "=".repeat((4 - text.len() % 4) % 4);
    text + &padding
}

impl Request {
    pub fn message(&self) -> Message<'_> {
        Message {
            method: &self.method,
            target_uri: &self.target_uri,
            headers: &self.headers,
            body: &self.body,
        }
    }

    pub fn try_sign(&mut self, nonce: &str, lifetime: i64) -> Result<(), SignError> {
        let occasion = Signing { created: NOW, expires: NOW.saturating_add(lifetime), nonce, agent: None };
        let signed = sign(&self.message(), occasion, &key())?;
        signed.apply(&mut self.headers);
        Ok(())
    }

    /// Signs what `sign` covers, with the headers as they are.
    pub fn sign_as_it_is(&mut self) {
        self.sign_over("", "");
    }

    /// Signs by hand, over more components and with more parameters.
    pub fn sign_over(&mut self, components: &str, parameters: &str) {
        let all = format!("\"@method\" \"@target-uri\" \"content-digest\" \"agent-delegation\" {components}");
        let (expires, keyid) = (NOW + 60, key().public_key().thumbprint());
        let times = format!("created={NOW};expires={expires}");
        let input = format!("a=({});{times};nonce=\"n\";keyid=\"{keyid}\"{parameters}", all.trim());
        self.set("signature-input", &input);
        // A digest that is no dictionary is no obstacle to signing it.
        let base = signature_base(&self.message(), "a").unwrap();
        let signature = key().sign(base.as_bytes()).unwrap();
        self.set("signature", &format!("a=:{}:", base64(&signature)));
    }

    /// What `read` says, and then the key; a base where both agree.
    pub fn judged(&self) -> Result<String, Denial> {
        let proof = read(&self.message())?;
        let fits = key().public_key().verify(proof.signing_input.as_bytes(), &proof.signature);
        fits.map_err(|error| Denial::new(Code::SignatureInvalid, "a signature", error.to_string()))?;
        Ok(proof.signing_input)
    }

    pub fn target(&mut self, target: &str) {
        self.target_uri = target.to_owned();
    }

    pub fn set(&mut self, name: &'static str, value: &str) {
        self.set_bytes(name, value.as_bytes());
    }

    pub fn set_bytes(&mut self, name: &'static str, value: &[u8]) {
        self.headers.insert(name, HeaderValue::from_bytes(value).unwrap());
    }

    pub fn add(&mut self, name: &'static str, value: &str) {
        self.headers.append(name, HeaderValue::from_str(value).unwrap());
    }

    pub fn drop(&mut self, name: &'static str) {
        self.headers.remove(name).unwrap();
    }

    /// Replaces a part of a header, which must be there.
    pub fn replace(&mut self, name: &'static str, from: &str, to: &str) {
        let text = self.headers[name].to_str().unwrap().to_owned();
        assert!(text.contains(from), "{name} has no {from}");
        self.set(name, &text.replacen(from, to, 1));
    }

    pub fn both(&mut self, from: &str, to: &str) {
        self.replace("signature-input", from, to);
        self.replace("signature", from, to);
    }

    pub fn append_text(&mut self, name: &'static str, text: &str) {
        let longer = format!("{}{text}", self.headers[name].to_str().unwrap());
        self.set(name, &longer);
    }
}
