//! The body that a provider gets.

use super::{Chat, ChatError};
use legation_registry::model::{Model, Target};

impl Chat {
    /// The request as a target gets it: with the target's name of the model, with an explicit bound on the answer,
    /// and for a stream with `stream_options.include_usage`, so that it says what it cost. All other members are as
    /// they came, byte for byte.
    ///
    /// The bound is written in the member that the target reads ([`Target::output_limit`]), whichever the caller used.
    /// They mean the same, but a server that knows only one of them leaves the other unread, and a caller who may
    /// choose could ask for an answer that nothing bounds.
    ///
    /// # Errors
    /// [`ChatError::AnswerTooLong`] where more is asked for than the model gives.
    pub fn forward(&self, target: &Target, model: &Model) -> Result<Vec<u8>, ChatError> {
        let name = serde_json::Value::from(target.model.as_str());
        let limit = self.answer_limit(model)?;
        let mut body =
            format!(r#"{{"model":{name},{},"{}":{limit}"#, self.passed, target.output_limit().member());
        if self.stream {
            body.push_str(r#","stream_options":{"include_usage":true"#);
            if let Some(obfuscation) = self.obfuscation {
                body.push_str(&format!(r#","include_obfuscation":{obfuscation}"#));
            }
            body.push('}');
        }
        body.push('}');
        Ok(body.into_bytes())
    }
}
