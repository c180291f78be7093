//! A JWS, or a document with a proof, that a case may bend anywhere, before and after it is signed.

use super::actors::Actor;
use legation_keys::{
    Algorithm, Signer, base64url, jcs,
    json::{self, JsonLimits},
    time,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::rc::Rc;

type BendText = Rc<dyn Fn(String) -> Vec<u8>>;
type Sign = Rc<dyn Fn(&[u8]) -> Vec<u8>>;
type BendCompact = Rc<dyn Fn(String) -> String>;
type BendDocument = Rc<dyn Fn(&mut Value)>;

/// Claims and a header, and how they are signed.
#[derive(Clone)]
pub(crate) struct Sealed {
    pub(crate) header: Value,
    pub(crate) claims: Value,
    pub(crate) signer: Rc<Actor>,
    /// Whether `parent` stays as the case wrote it.
    pub(crate) own_parent: bool,
    bend_payload: Option<BendText>,
    bend_header: Option<BendText>,
    sign: Option<Sign>,
    bend_compact: Option<BendCompact>,
    /// Where it is a document with a proof: what is changed of it once it is signed.
    document: Option<BendDocument>,
    /// Members of the proof beside those that any has, before it is signed.
    proof: Value,
}

impl Sealed {
    pub(crate) fn new(typ: &str, claims: Value, signer: &Rc<Actor>) -> Self {
        let mut sealed = Self {
            header: json!({"typ": typ}),
            claims,
            signer: Rc::clone(signer),
            own_parent: false,
            bend_payload: None,
            bend_header: None,
            sign: None,
            bend_compact: None,
            document: None,
            proof: json!({}),
        };
        sealed.signed_by(signer);
        sealed
    }

    /// Signs with this actor's key and names it in the header.
    pub(crate) fn signed_by(&mut self, signer: &Rc<Actor>) {
        self.header["alg"] = signer.key.public_key().algorithm().jose().into();
        self.header["kid"] = signer.kid.as_str().into();
        self.signer = Rc::clone(signer);
    }

    /// Changes the payload's JSON text before it is signed.
    pub(crate) fn payload(&mut self, bend: impl Fn(String) -> String + 'static) {
        self.bend_payload = Some(Rc::new(move |text| bend(text).into_bytes()));
    }

    /// Replaces the payload, which may be no text at all.
    pub(crate) fn payload_bytes(&mut self, bend: impl Fn(String) -> Vec<u8> + 'static) {
        self.bend_payload = Some(Rc::new(bend));
    }

    /// Writes JSON, which `serde_json` would write otherwise or not at all, where the claims hold
    /// the text `mark`.
    pub(crate) fn literal(&mut self, mark: &'static str, json: &'static str) {
        self.payload(move |text| replace(&text, &format!("\"{mark}\""), json));
    }

    /// Changes the header's JSON text before it is signed.
    pub(crate) fn header_text(&mut self, bend: impl Fn(String) -> String + 'static) {
        self.bend_header = Some(Rc::new(move |text| bend(text).into_bytes()));
    }

    /// Signs in another way: the signing input gives the signature.
    pub(crate) fn sign(&mut self, sign: impl Fn(&[u8]) -> Vec<u8> + 'static) {
        self.sign = Some(Rc::new(sign));
    }

    /// Changes the compact form after it was signed.
    pub(crate) fn after(&mut self, bend: impl Fn(String) -> String + 'static) {
        self.bend_compact = Some(Rc::new(bend));
    }

    /// Changes one of the three parts after signing: 0 header, 1 payload, 2 signature.
    pub(crate) fn part(&mut self, index: usize, bend: impl Fn(&str) -> String + 'static) {
        self.after(move |compact| {
            let mut parts: Vec<String> = compact.split('.').map(str::to_owned).collect();
            parts[index] = bend(&parts[index]);
            parts.join(".")
        });
    }

    /// Changes the claims after signing, so that the signature is of others.
    pub(crate) fn claims_after(&mut self, bend: impl Fn(&mut Value) + 'static) {
        self.part(1, move |payload| {
            let mut claims = serde_json::from_slice(&base64url::decode(payload).unwrap()).unwrap();
            bend(&mut claims);
            base64url::encode(claims.to_string().as_bytes())
        });
    }

    /// Whether nothing about its form was changed, so that it can be secured in another way as well.
    pub(crate) fn is_plain(&self) -> bool {
        let plain = json!({"typ": self.header["typ"], "alg": "EdDSA", "kid": self.header["kid"]});
        let bent = self.bend_payload.is_some() || self.bend_header.is_some();
        let bent = bent || self.sign.is_some() || self.bend_compact.is_some() || self.document.is_some();
        let typ = self.header["typ"].as_str().is_some_and(|typ| ["vc+jwt", "vp+jwt"].contains(&typ));
        let key = self.signer.key.public_key().algorithm() == Algorithm::EdDsa;
        !bent && typ && key && self.header == plain && self.header["kid"].is_string()
    }

    /// Secures it by a Data Integrity proof, of which these members are added or changed before it is signed.
    pub(crate) fn by_proof(&mut self, members: Value) {
        self.proof = members;
        self.document.get_or_insert_with(|| Rc::new(|_| {}));
    }

    /// Changes the document after it was signed.
    pub(crate) fn document_after(&mut self, bend: impl Fn(&mut Value) + 'static) {
        self.document = Some(Rc::new(bend));
    }

    /// The document with a proof. What a presentation says to whom and when, its proof says.
    fn seal_document(&self, bend: &BendDocument) -> String {
        let mut claims = self.claims.clone();
        let is_presentation = self.header["typ"] == "vp+jwt";
        let purpose = if is_presentation { "authentication" } else { "assertionMethod" };
        let mut proof = json!({
            "@context": claims["@context"], "type": "DataIntegrityProof", "cryptosuite": "eddsa-jcs-2022",
            "verificationMethod": self.header["kid"], "proofPurpose": purpose,
        });
        if is_presentation {
            let members = claims.as_object_mut().unwrap();
            let time = |claim: Option<Value>| claim.and_then(|claim| claim.as_i64()).map(time::format);
            proof["domain"] = members.remove("aud").unwrap_or_default();
            proof["challenge"] = members.remove("nonce").unwrap_or_default();
            proof["created"] = time(members.remove("iat")).into();
            proof["expires"] = time(members.remove("exp")).into();
        }
        for (name, value) in self.proof.as_object().unwrap() {
            proof[name] = value.clone();
        }
        // A member that is set to null is left out.
        proof.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        add_proof(&mut claims, proof, &self.signer);
        bend(&mut claims);
        sorted(&claims)
    }

    /// The compact JWS, or the document with a proof.
    pub(crate) fn seal(&self) -> String {
        if let Some(bend) = &self.document {
            return self.seal_document(bend);
        }
        let bent = |bend: &Option<BendText>, json: &Value| match bend {
            Some(bend) => bend(sorted(json)),
            None => sorted(json).into_bytes(),
        };
        let header = base64url::encode(&bent(&self.bend_header, &self.header));
        let payload = base64url::encode(&bent(&self.bend_payload, &self.claims));
        let input = format!("{header}.{payload}");
        let signature = match &self.sign {
            Some(sign) => sign(input.as_bytes()),
            None => self.signer.key.sign(input.as_bytes()).unwrap().to_vec(),
        };
        let compact = format!("{input}.{}", base64url::encode(&signature));
        self.bend_compact.as_ref().map_or(compact.clone(), |bend| bend(compact.clone()))
    }
}

/// Adds a proof by `eddsa-jcs-2022` to a document, beside those that it has: written here once more, so that the
/// verifier's own reading is not what signs.
pub(crate) fn add_proof(document: &mut Value, mut proof: Value, signer: &Actor) {
    let canonical = |value: &Value| {
        let text = value.to_string();
        let json = json::parse(text.as_bytes(), JsonLimits { bytes: 1 << 20, depth: 64 }).unwrap();
        jcs::canonicalize(&json)
    };
    let before: Vec<Value> = match document["proof"].take() {
        Value::Null => vec![],
        Value::Array(all) => all,
        one => vec![one],
    };
    let wanted: Vec<&Value> = match &proof["previousProof"] {
        Value::Array(all) => all.iter().collect(),
        Value::Null => vec![],
        one => vec![one],
    };
    let mut signed = document.clone();
    let previous: Vec<&Value> = before.iter().filter(|one| wanted.contains(&&one["id"])).collect();
    signed.as_object_mut().unwrap().remove("proof");
    if !previous.is_empty() {
        signed["proof"] = json!(previous);
    }
    proof.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    let hashes =
        [Sha256::digest(canonical(&proof)).as_slice(), Sha256::digest(canonical(&signed)).as_slice()]
            .concat();
    let signature = signer.key.sign(&hashes).unwrap();
    proof["proofValue"] = multibase::encode(multibase::Base::Base58Btc, signature).into();
    document["proof"] = match before.is_empty() {
        true => proof,
        false => before.into_iter().chain([proof]).collect(),
    };
}

/// JSON whose members are in the order of their names, whichever features `serde_json` has in this build.
fn sorted(json: &Value) -> String {
    let mut json = json.clone();
    json.sort_all_objects();
    json.to_string()
}

/// Replaces the one place where `from` stands.
pub(crate) fn replace(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "`{from}` must stand once in {text}");
    text.replacen(from, to, 1)
}
