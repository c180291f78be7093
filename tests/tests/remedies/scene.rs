//! A step taken apart, so that a part of it can be changed and signed anew by whoever signs for it.

use crate::{
    actors::{self, Actor},
    sealed::Sealed,
};
use legation_credential::{
    delegation::{CONTEXT_CREDENTIALS, link_digest},
    presentation::{DATA_URL, ENVELOPED},
    secured::{canonical, is_document},
};
use legation_keys::{
    Signer, base64url,
    time::{self, Round},
};
use legation_tests::{Step, Vector};
use legation_verifier::Evidence;
use serde_json::{Value, json};
use std::rc::Rc;

/// A JWS taken apart, or a document with a proof, told as the JWS that says the same.
#[derive(Clone)]
pub(crate) struct Jws {
    pub(crate) header: Value,
    pub(crate) claims: Value,
    /// Where it is a document, what its first proof says beside that.
    pub(crate) proof: Option<Value>,
    /// As it was, until something of it changes.
    compact: Option<String>,
    /// The digest of the link before it, as it was.
    before: Option<String>,
}

pub(crate) struct Scene {
    pub(crate) vector: Vector,
    pub(crate) step: Step,
    pub(crate) evidence: Value,
    pub(crate) links: Vec<Jws>,
    pub(crate) presentation: Jws,
}

/// base64url as lenient readers take it.
fn decode(part: &str) -> Value {
    let bytes = base64url::decode(part.trim_end_matches('=')).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_else(|_| json!({}))
}

impl Jws {
    fn read(compact: &str) -> Self {
        match serde_json::from_str(compact.trim()) {
            Ok(document @ Value::Object(_)) => Self::read_document(document, compact),
            _ => Self::read_jws(compact),
        }
    }

    fn read_document(mut claims: Value, text: &str) -> Self {
        let mut proof = match claims["proof"].take() {
            Value::Array(all) => all.into_iter().next().unwrap_or_default(),
            one => one,
        };
        let is_presentation = claims["holder"].is_string();
        let header = json!({
            "typ": if is_presentation { "vp+jwt" } else { "vc+jwt" }, "kid": proof["verificationMethod"],
        });
        claims.as_object_mut().unwrap().remove("proof");
        if let (Some(proof), true) = (proof.as_object_mut(), is_presentation) {
            let seconds = |text: &Value| time::parse(text.as_str()?, Round::Down);
            let times = [("iat", "created"), ("exp", "expires")];
            for (claim, seconds) in
                times.map(|(claim, name)| (claim, proof.remove(name).as_ref().and_then(seconds)))
            {
                claims[claim] = seconds.into();
            }
            for (claim, name) in [("aud", "domain"), ("nonce", "challenge")] {
                claims[claim] = proof.remove(name).unwrap_or_default();
            }
        }
        if let Some(proof) = proof.as_object_mut() {
            proof
                .retain(|name, _| !["proofValue", "verificationMethod", "@context"].contains(&name.as_str()));
        } else {
            proof = json!({});
        }
        Self { header, claims, proof: Some(proof), compact: Some(text.to_owned()), before: None }
    }

    fn read_jws(compact: &str) -> Self {
        let mut parts = compact.trim().split('.').map(decode);
        let (header, claims) = (parts.next().unwrap(), parts.next().unwrap_or_default());
        Self { header, claims, proof: None, compact: Some(compact.to_owned()), before: None }
    }

    /// To change it.
    pub(crate) fn open(&mut self) -> &mut Self {
        self.compact = None;
        self
    }

    pub(crate) fn signed_by(&mut self, signer: &Actor) {
        self.open().header["alg"] = signer.key.public_key().algorithm().jose().into();
        self.header["kid"] = signer.kid.as_str().into();
    }
}

impl Scene {
    pub(crate) fn read(vector: &Vector, index: usize) -> Self {
        let step = vector.steps[index].clone();
        // Where the verifier vouches, nothing is signed around the links: what a remedy changes there is the
        // request, the evidence or the trust.
        let presentation = match &step.vouched {
            Some(_) => Jws::read("e30.e30.e30"),
            None => Jws::read(&String::from_utf8_lossy(&step.presentation)),
        };
        let envelopes = presentation.claims["verifiableCredential"].as_array().cloned().unwrap_or_default();
        let compact = |envelope: &Value| {
            if envelope["proof"].is_object() || envelope["proof"].is_array() {
                return canonical(&envelope.to_string()).unwrap().into_owned();
            }
            let id = envelope["id"].as_str().unwrap_or_default();
            id.rsplit_once(',').map_or(id, |(_, compact)| compact).to_owned()
        };
        let compact: Vec<String> = envelopes.iter().map(compact).collect();
        let mut links: Vec<Jws> = compact.iter().map(|compact| Jws::read(compact)).collect();
        for (link, before) in links.iter_mut().skip(1).zip(&compact) {
            link.before = Some(base64url::encode(&link_digest(before)));
        }
        let evidence = serde_json::from_str(&vector.evidence_text).unwrap();
        Self { vector: vector.clone(), step, evidence, links, presentation }
    }

    /// Everybody who signs in the corpus.
    fn everybody() -> Vec<Rc<Actor>> {
        let agents = [
            "ada",
            "bob",
            "carol",
            "mallory",
            "rosa",
            "acme",
            "bob's sibling",
            "bob's other sibling",
            "acme's next key",
            "fresh",
        ];
        let passed_on = (0..=20).map(|index| actors::agent(&format!("agent {index}")));
        let companies = ["acme", "other", "partner", "status"].map(actors::company);
        let others = ["paula", "pascal", "petra"].map(actors::p256);
        agents.map(actors::agent).into_iter().chain(passed_on).chain(companies).chain(others).collect()
    }

    /// Who signs as this DID by the key of this id.
    pub(crate) fn signer(&self, did: &str, kid: &str) -> Rc<Actor> {
        let everybody = Self::everybody();
        let documents = self.evidence["didDocuments"].as_array().cloned().unwrap_or_default();
        let methods = documents.iter().flat_map(|entry| {
            let document = &entry["document"];
            document["verificationMethod"].as_array().cloned().unwrap_or_default()
        });
        let key = methods.into_iter().find(|method| method["id"] == kid);
        let by_key = key.and_then(|method| {
            let is_key = |one: &&Rc<Actor>| one.jwk()["x"] == method["publicKeyJwk"]["x"];
            everybody.iter().find(is_key).map(|one| one.named(did, kid))
        });
        let by_did = || everybody.iter().find(|one| one.did == did).cloned();
        by_key.or_else(by_did).unwrap_or_else(|| actors::agent("nobody"))
    }

    fn seal(&self, jws: &Jws, did: &str) -> String {
        let signer = self.signer(did, jws.header["kid"].as_str().unwrap_or_default());
        if let Some(proof) = &jws.proof {
            let typ = jws.header["typ"].as_str().unwrap();
            let mut sealed = Sealed::new(typ, jws.claims.clone(), &signer);
            sealed.header["kid"] = jws.header["kid"].clone();
            sealed.by_proof(proof.clone());
            return canonical(&sealed.seal()).unwrap().into_owned();
        }
        let part = |json: &Value| base64url::encode(json.to_string().as_bytes());
        let input = format!("{}.{}", part(&jws.header), part(&jws.claims));
        let signature = signer.key.sign(input.as_bytes()).unwrap();
        format!("{input}.{}", base64url::encode(&signature))
    }

    /// The links as they are sent. What stands below a link that changed is issued anew.
    fn sealed_links(&self) -> Vec<String> {
        let mut sealed: Vec<String> = Vec::new();
        for link in &self.links {
            let mut link = link.clone();
            let before = sealed.last().map(|before| base64url::encode(&link_digest(before)));
            let delegation = &mut link.claims["credentialSubject"]["delegation"];
            let named = link.before.is_some() && delegation["parent"].as_str() == link.before.as_deref();
            if named && before != link.before {
                delegation["parent"] = before.into();
                link.compact = None;
            }
            let issuer = link.claims["issuer"].as_str().unwrap_or_default().to_owned();
            sealed.push(link.compact.clone().unwrap_or_else(|| self.seal(&link, &issuer)));
        }
        sealed
    }

    /// The presentation, signed by its holder.
    fn present(&self) -> Vec<u8> {
        if self.presentation.compact.is_some() && self.links.iter().all(|link| link.compact.is_some()) {
            return self.step.presentation.clone();
        }
        let envelope = |link: &String| match is_document(link) {
            true => serde_json::from_str(link).unwrap(),
            false => {
                json!({"@context": [CONTEXT_CREDENTIALS], "type": [ENVELOPED], "id": format!("{DATA_URL}{link}")})
            }
        };
        let mut presentation = self.presentation.clone();
        presentation.claims["verifiableCredential"] = self.sealed_links().iter().map(envelope).collect();
        let holder = presentation.claims["holder"].as_str().unwrap_or_default().to_owned();
        self.seal(&presentation, &holder).into_bytes()
    }

    /// A new presentation at another moment, as an agent makes one that waits, and evidence of that moment.
    pub(crate) fn at(&mut self, now: i64) {
        self.step.now = now;
        for list in self.evidence["statusLists"].as_array().cloned().unwrap_or_default() {
            self.list(list["url"].as_str().unwrap(), "validFrom", now);
        }
        for kind in ["didDocuments", "statusLists"] {
            for entry in self.evidence[kind].as_array_mut().into_iter().flatten() {
                entry["fetchedAt"] = time::format(now).into();
            }
        }
        self.presentation.open().claims["iat"] = now.into();
        self.presentation.claims["exp"] = (now + 60).into();
    }

    /// Makes somebody else the subject of a link, who issues the next one or presents.
    pub(crate) fn cast(&mut self, index: usize, actor: &Actor) {
        self.links[index].open().claims["credentialSubject"]["id"] = actor.did.as_str().into();
        match self.links.get_mut(index + 1) {
            Some(next) => {
                next.signed_by(actor);
                next.claims["issuer"] = actor.did.as_str().into();
            }
            None => self.presented_by(actor),
        }
    }

    pub(crate) fn presented_by(&mut self, actor: &Actor) {
        self.presentation.signed_by(actor);
        self.presentation.claims["holder"] = actor.did.as_str().into();
    }

    /// Signs the status list of this URL anew with another time.
    pub(crate) fn list(&mut self, url: &str, member: &str, moment: i64) {
        let mut lists = self.evidence["statusLists"].take();
        for list in lists.as_array_mut().unwrap().iter_mut().filter(|list| list["url"] == url) {
            let mut jws = Jws::read(list["credential"].as_str().unwrap());
            jws.claims[member] = time::format(moment).into();
            jws.claims.as_object_mut().unwrap().remove("exp");
            // What binds as `exp` does.
            jws.proof.as_mut().and_then(Value::as_object_mut).map(|proof| proof.remove("expires"));
            let issuer = jws.claims["issuer"].as_str().unwrap().to_owned();
            list["credential"] = self.seal(&jws, &issuer).into();
        }
        self.evidence["statusLists"] = lists;
    }

    /// The same vector with the changed step alone.
    pub(crate) fn into_vector(mut self) -> Vector {
        self.step.presentation = self.present();
        let text = self.evidence.to_string();
        self.vector.evidence =
            Evidence::parse(text.as_bytes(), self.vector.trust.limits.status_entries).unwrap();
        self.vector.steps = vec![self.step];
        self.vector
    }
}
