//! Speech: a text that is spoken. What it costs are its characters, which are known before.

use super::{
    AtMost, ChatError, Usage,
    bound::{dearest, facts_of},
    refusal::shorten,
};
use crate::{
    json::{member, needed_model, read_object, wrong},
    members::Members,
};
use core::fmt;
use legation_credential::Facts;
use legation_keys::{Json, json::JsonError};
use legation_registry::model::{Model, Price, Target};

/// Members that pass as they came.
const PASSED: [&str; 5] = ["input", "instructions", "response_format", "speed", "voice"];

/// A request that passes. It holds the text, which its `Debug` does not show.
#[derive(Clone, PartialEq, Eq)]
pub struct Speech {
    model: String,
    /// All members that are forwarded as they came: `"name":text` with commas between.
    passed: String,
    /// Of what is spoken, and how.
    characters: u64,
}

impl fmt::Debug for Speech {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = out.debug_struct("Speech");
        out.field("model", &self.model).field("characters", &self.characters).finish_non_exhaustive()
    }
}

impl Speech {
    /// Reads a request as an SDK sends it. A member that is `null` is as if it were not there.
    ///
    /// # Errors
    /// [`ChatError`], as [`Chat::read`](super::Chat::read).
    ///
    /// ```
    /// use legation_gateway::openai::Speech;
    /// let asked = Speech::read(br#"{"model":"tts-1","input":"Hello.","voice":"alloy"}"#)?;
    /// assert_eq!((asked.model(), asked.characters()), ("tts-1", 6));
    /// # Ok::<(), legation_gateway::openai::ChatError>(())
    /// ```
    pub fn read(body: &[u8]) -> Result<Self, ChatError> {
        read_object(body, |request| {
            for (name, value) in request.iter() {
                match (name, value) {
                    ("stream_format", Json::Null) => {}
                    ("stream_format", Json::String(format)) if format == "audio" => {}
                    ("stream_format", _) => {
                        let reason = "only sound passes while it is made; send `audio`, or leave it out";
                        return Err(ChatError::Unsupported { member: shorten(name), reason });
                    }
                    ("voice", Json::Object(_)) => {
                        let reason =
                            "a voice of one's own is kept at the provider, and may be another agent's";
                        return Err(ChatError::Unsupported { member: shorten(name), reason });
                    }
                    (name, _) if PASSED.contains(&name) || name == "model" => {}
                    _ => return Err(ChatError::Unknown { member: shorten(name) }),
                }
            }
            let text = |name: &str| match member(request, name) {
                Some(Json::String(text)) => Ok(Some(text.chars().count())),
                None => Ok(None),
                Some(found) => Err(wrong(name, found, "a text")),
            };
            let missing = || ChatError::Missing { member: "input".to_owned(), expected: "the text to speak" };
            let spoken = text("input")?.ok_or_else(missing)?;
            let characters = spoken.saturating_add(text("instructions")?.unwrap_or(0));
            let members = Members::read(body).map_err(|reason| JsonError::Malformed { reason })?;
            let passed = members.written_without(&["model", "stream_format"]);
            let characters = u64::try_from(characters).unwrap_or(u64::MAX);
            Ok(Self { model: needed_model(request)?, passed, characters })
        })
    }

    /// The organization's name of the model that is asked.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// How many characters are spoken, those of the instructions included.
    #[must_use]
    pub fn characters(&self) -> u64 {
        self.characters
    }

    /// What this request takes, neither more nor less.
    ///
    /// # Errors
    /// [`ChatError::Unpriced`], [`ChatError::UnpricedKind`] where a character has no price, [`ChatError::TooDear`].
    pub fn at_most(&self, model: &Model) -> Result<AtMost, ChatError> {
        if model.currency().is_some() && model.most(|price| price.character).is_none() {
            let what = "a character that is spoken".to_owned();
            return Err(ChatError::UnpricedKind { model: model.name.clone(), what });
        }
        let (cost, currency) = dearest(model, |price| self.cost(price))?;
        Ok(AtMost { input: 0, each: 0, output: 0, cost, currency })
    }

    fn cost(&self, price: &Price) -> Option<u64> {
        price.character?.checked_mul(self.characters)
    }

    /// The facts that constraints of a grant are held against, as those of a chat completion, and `characters`.
    ///
    /// # Errors
    /// As [`Speech::at_most`].
    pub fn facts(&self, model: &Model) -> Result<Facts, ChatError> {
        let mut facts = facts_of(model, &self.at_most(model)?, (1, 0, false))?;
        let characters = i64::try_from(self.characters).unwrap_or(i64::MAX);
        facts.insert("characters".to_owned(), characters.into());
        Ok(facts)
    }

    /// The request as a target gets it, with the target's name of the model.
    #[must_use]
    pub fn forward(&self, target: &Target) -> Vec<u8> {
        let name = serde_json::Value::from(target.model.as_str());
        format!(r#"{{"model":{name},{}}}"#, self.passed).into_bytes()
    }

    /// What was taken, once it is spoken.
    #[must_use]
    pub fn usage(&self, price: &Price) -> Option<Usage> {
        Some(Usage { other: self.cost(price)?, ..Usage::default() })
    }
}
