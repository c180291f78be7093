//! The caller's side of a handshake.

use crate::{Holder, answer, error, time};
use legation_calls::meeting;
use wasm_bindgen::prelude::*;

/// A handshake that is under way.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Meeting(legation_calls::Meeting);

#[wasm_bindgen]
impl Meeting {
    /// Begins with a card and the document of its DID.
    ///
    /// # Errors
    /// Where the card is refused, or names no handshake.
    #[wasm_bindgen(constructor)]
    pub fn new(holder: &Holder, card: &[u8], document: &[u8], now: f64) -> Result<Self, JsValue> {
        let meeting = legation_calls::Meeting::begin(&holder.0, card, document, time(now)?);
        meeting.map(Self).map_err(|failure| error(&failure))
    }

    /// Where messages go, and the first one.
    #[must_use]
    pub fn hello(&self) -> String {
        self.0.hello().to_string()
    }

    /// Answers the challenge.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn answer(
        &mut self,
        challenge: &[u8],
        holder: &Holder,
        given: Option<Box<[u8]>>,
        now: f64,
    ) -> Result<String, JsValue> {
        answer(self.0.answer(challenge, &holder.0, given.as_deref(), time(now)?))
    }

    /// Takes the receipt.
    ///
    /// # Errors
    /// Where it is not the callee's, of this handshake.
    pub fn finish(&mut self, message: &[u8], now: f64) -> Result<String, JsValue> {
        answer(self.0.finish(message, time(now)?))
    }
}

/// Signs the caller's own record of a meeting.
///
/// # Errors
/// Where the key does not sign.
#[wasm_bindgen(js_name = signMeeting)]
#[allow(unreachable_pub, reason = "JavaScript calls it")]
pub fn sign_meeting(record: &str, holder: &Holder, given: Option<Box<[u8]>>) -> Result<String, JsValue> {
    answer(meeting::sign_record(record, &holder.0, given.as_deref()))
}
