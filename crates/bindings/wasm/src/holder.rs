//! An agent.

use crate::{answer, error, time};
use legation_calls::{holder::ToSign, look};
use wasm_bindgen::prelude::*;

/// An agent: its key, and the delegations that it acts by.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Holder(pub(crate) legation_calls::Holder);

#[wasm_bindgen]
impl Holder {
    /// An agent of its file's text.
    ///
    /// # Errors
    /// Where it is none.
    #[wasm_bindgen(js_name = fromFile)]
    pub fn from_file(text: &str, did: Option<String>) -> Result<Self, JsValue> {
        legation_calls::Holder::from_file(text, did.as_deref()).map(Self).map_err(|failure| error(&failure))
    }

    /// A new agent with a new key.
    ///
    /// # Errors
    /// Where there is no randomness.
    pub fn generate() -> Result<Self, JsValue> {
        legation_calls::Holder::generate().map(Self).map_err(|failure| error(&failure))
    }

    /// An agent whose key is elsewhere.
    ///
    /// # Errors
    /// Where the key or the delegations are not what they should be.
    pub fn elsewhere(public_jwk: &str, chain: &str, did: Option<String>) -> Result<Self, JsValue> {
        let holder = legation_calls::Holder::elsewhere(public_jwk, chain, did.as_deref());
        holder.map(Self).map_err(|failure| error(&failure))
    }

    /// Who it is.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn did(&self) -> String {
        self.0.did().to_string()
    }

    /// Its delegations in compact form.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn chain(&self) -> String {
        self.0.chain()
    }

    /// From when on its delegations are to be renewed, Unix seconds.
    #[wasm_bindgen(getter)]
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn due(&self) -> f64 {
        self.0.due() as f64
    }

    /// What it is, with nothing secret.
    ///
    /// # Errors
    /// Where its delegations can't be read.
    pub fn describe(&self) -> Result<String, JsValue> {
        answer(self.0.describe())
    }

    /// Takes newer delegations of the same agent.
    ///
    /// # Errors
    /// Where they are another's.
    pub fn renew(&mut self, chain: &str) -> Result<(), JsValue> {
        self.0.renew(chain).map_err(|failure| error(&failure))
    }

    /// Presents its delegations.
    ///
    /// # Errors
    /// Where it has none, or the key does not sign.
    pub fn present(
        &self,
        audience: &str,
        nonce: &str,
        given: Option<Box<[u8]>>,
        now: f64,
    ) -> Result<String, JsValue> {
        answer(self.0.present((audience, nonce), given.as_deref(), time(now)?))
    }

    /// Signs a request.
    ///
    /// # Errors
    /// Where it can't be signed as it is.
    #[wasm_bindgen(js_name = signRequest)]
    #[allow(clippy::too_many_arguments)]
    pub fn sign_request(
        &self,
        method: &str,
        url: &str,
        headers: &str,
        body: &[u8],
        digest: bool,
        nonce: &str,
        directory: Option<String>,
        given: Option<Box<[u8]>>,
        now: f64,
    ) -> Result<String, JsValue> {
        let headers = look::headers(headers).map_err(|failure| error(&failure))?;
        let directory = directory.as_deref();
        let request = ToSign { method, url, headers: &headers, body, digest, nonce, directory };
        answer(self.0.sign_request(&request, given.as_deref(), time(now)?))
    }

    /// Passes part of what it may on.
    ///
    /// # Errors
    /// Where it would be more than it has.
    pub fn delegate(
        &self,
        subject: &str,
        terms: &str,
        given: Option<Box<[u8]>>,
        now: f64,
    ) -> Result<String, JsValue> {
        answer(self.0.delegate((subject, terms), given.as_deref(), time(now)?))
    }

    /// Issues the first delegation of a chain.
    ///
    /// # Errors
    /// Where the terms are none.
    pub fn grant(
        &self,
        subject: &str,
        terms: &str,
        given: Option<Box<[u8]>>,
        now: f64,
    ) -> Result<String, JsValue> {
        answer(self.0.grant((subject, terms), given.as_deref(), time(now)?))
    }

    /// Consents to one very request, once.
    ///
    /// # Errors
    /// Where it is none that can be approved.
    pub fn approve(&self, asked: &str, given: Option<Box<[u8]>>, now: f64) -> Result<String, JsValue> {
        answer(self.0.approve(asked, given.as_deref(), time(now)?))
    }
}
