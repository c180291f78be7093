//! A JWS that a case may bend anywhere, before and after it is signed.

use super::actors::Actor;
use legation_keys::{Signer, base64url};
use serde_json::{Value, json};
use std::rc::Rc;

type BendText = Rc<dyn Fn(String) -> Vec<u8>>;
type Sign = Rc<dyn Fn(&[u8]) -> Vec<u8>>;
type BendCompact = Rc<dyn Fn(String) -> String>;

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

    /// The compact JWS.
    pub(crate) fn seal(&self) -> String {
        let bent = |bend: &Option<BendText>, json: &Value| match bend {
            Some(bend) => bend(json.to_string()),
            None => json.to_string().into_bytes(),
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

/// Replaces the one place where `from` stands.
pub(crate) fn replace(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "`{from}` must stand once in {text}");
    text.replacen(from, to, 1)
}
