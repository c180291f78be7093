//! A verifier.

use crate::{Holder, answer, error, time};
use legation_calls::{Shown, look};
use wasm_bindgen::prelude::*;

/// A verifier with its trust, its evidence and what was used up.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Desk(legation_calls::Desk);

/// What was shown, while evidence for it is brought.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Look(legation_calls::Look);

#[wasm_bindgen]
impl Desk {
    /// A verifier with these trust settings, and bounds of what is remembered.
    ///
    /// # Errors
    /// Where they can't be read.
    #[wasm_bindgen(constructor)]
    pub fn new(trust: &str, ledger: Option<String>) -> Result<Self, JsValue> {
        legation_calls::Desk::new(trust, ledger.as_deref()).map(Self).map_err(|failure| error(&failure))
    }

    /// Says that nothing is known of what was used up before `now`.
    ///
    /// # Errors
    /// Where it is no time.
    #[wasm_bindgen(js_name = beginAt)]
    pub fn begin_at(&mut self, now: f64) -> Result<(), JsValue> {
        self.0.begin_at(time(now)?);
        Ok(())
    }

    /// Takes evidence in place of what is there.
    ///
    /// # Errors
    /// Where it can't be read.
    #[wasm_bindgen(js_name = setEvidence)]
    pub fn set_evidence(&mut self, text: &str) -> Result<(), JsValue> {
        self.0.set_evidence(text).map_err(|failure| error(&failure))
    }

    /// Looks at a presentation.
    ///
    /// # Errors
    /// Where `asked` can't be read.
    #[wasm_bindgen(js_name = lookAtPresentation)]
    pub fn look_at_presentation(
        &self,
        bytes: &[u8],
        nonce: &str,
        asked: Option<String>,
        now: f64,
    ) -> Result<Look, JsValue> {
        self.look(Shown::Presentation { bytes, nonce }, asked, now)
    }

    /// Looks at a signed request. `headers` is a JSON array of names and values.
    ///
    /// # Errors
    /// Where `asked` or `headers` can't be read.
    #[wasm_bindgen(js_name = lookAtRequest)]
    pub fn look_at_request(
        &self,
        method: &str,
        url: &str,
        headers: &str,
        body: &[u8],
        asked: Option<String>,
        now: f64,
    ) -> Result<Look, JsValue> {
        let headers = look::headers(headers).map_err(|failure| error(&failure))?;
        self.look(Shown::Request { method, url, headers: &headers, body }, asked, now)
    }

    /// Looks at the chain of an agent that the verifier itself vouches for.
    ///
    /// # Errors
    /// Where `asked` can't be read, or `agent` is no DID.
    #[wasm_bindgen(js_name = lookAtVouched)]
    pub fn look_at_vouched(
        &self,
        chain: &str,
        agent: &str,
        known_by: &str,
        asked: Option<String>,
        now: f64,
    ) -> Result<Look, JsValue> {
        self.look(Shown::Vouched { chain, agent, known_by }, asked, now)
    }

    fn look(&self, shown: Shown<'_>, asked: Option<String>, now: f64) -> Result<Look, JsValue> {
        let look = self.0.look(shown, asked.as_deref(), time(now)?);
        look.map(Look).map_err(|failure| error(&failure))
    }

    /// Decides: the verdict, or first what evidence is needed.
    ///
    /// # Errors
    /// Where it was decided already.
    pub fn decide(&mut self, look: &mut Look, fetching: bool, now: f64) -> Result<String, JsValue> {
        answer(self.0.decide(&mut look.0, fetching, time(now)?))
    }

    /// Signs the receipt of a decision.
    ///
    /// # Errors
    /// Where nothing is decided yet, the holder is not this verifier, or it does not sign.
    pub fn receipt(&self, look: &Look, holder: &Holder, given: Option<Box<[u8]>>) -> Result<String, JsValue> {
        answer(self.0.receipt(&look.0, &holder.0, given.as_deref()))
    }
}

#[wasm_bindgen]
impl Look {
    /// Brings a DID document.
    ///
    /// # Errors
    /// Where `did` is none.
    #[wasm_bindgen(js_name = addDocument)]
    pub fn add_document(&mut self, did: &str, bytes: &[u8], at: f64) -> Result<(), JsValue> {
        self.0.add_document(did, bytes, time(at)?).map_err(|failure| error(&failure))
    }

    /// Brings a status list.
    ///
    /// # Errors
    /// Where `at` is no time.
    #[wasm_bindgen(js_name = addStatusList)]
    pub fn add_status_list(&mut self, url: &str, text: &str, at: f64) -> Result<(), JsValue> {
        self.0.add_status_list(url, text, time(at)?);
        Ok(())
    }

    /// Says that a document or a status list could not be fetched.
    ///
    /// # Errors
    /// Where `at` is no time.
    #[wasm_bindgen(js_name = addFailure)]
    pub fn add_failure(&mut self, what: &str, reason: &str, at: f64) -> Result<(), JsValue> {
        self.0.add_failure(what, reason, time(at)?);
        Ok(())
    }
}
