//! Transcription and translation: speech that is written down. Of compressed sound nobody knows how long it is before it was
//! heard, so that the most seconds that the target takes are reserved, and what the answer says is counted.

use super::{
    AtMost, ChatError, Usage, UsageError,
    bound::{dearest, facts_of},
    refusal::shorten,
    usage,
};
use crate::{
    form::{self, Part},
    members::Members,
};
use core::fmt;
use legation_credential::Facts;
use legation_registry::model::{Model, Price, Target};

/// Most bytes of a request.
pub const MAX_BYTES: usize = 26 << 20;
/// Fields that pass as they came, once each.
const PASSED: [&str; 4] = ["language", "prompt", "response_format", "temperature"];
/// Those that may be there several times.
const LISTED: [&str; 2] = ["include[]", "timestamp_granularities[]"];
/// Longest text of a field.
const MAX_TEXT: usize = 4096;

/// A request that passes. It holds the sound, which its `Debug` does not show.
#[derive(Clone, PartialEq, Eq)]
pub struct Transcription {
    model: String,
    /// The fields that are forwarded as they came.
    fields: Vec<(String, String)>,
    file: (String, Option<String>),
    sound: Vec<u8>,
}

impl fmt::Debug for Transcription {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = out.debug_struct("Transcription");
        out.field("model", &self.model).field("bytes", &self.sound.len()).finish_non_exhaustive()
    }
}

impl Transcription {
    /// Reads a request as an SDK sends it: a form, whose content type says its boundary.
    ///
    /// # Errors
    /// [`ChatError`].
    pub fn read(content_type: &str, body: &[u8]) -> Result<Self, ChatError> {
        if body.len() > MAX_BYTES {
            return Err(
                legation_keys::json::JsonError::TooLarge { limit: MAX_BYTES, found: body.len() }.into()
            );
        }
        let (mut model, mut file) = (None, None);
        let mut fields: Vec<(String, String)> = Vec::new();
        for part in form::read(content_type, body)? {
            let name = part.name.as_str();
            let twice = || ChatError::Wrong {
                member: shorten(name),
                found: "there more than once",
                expected: "one of it",
            };
            match name {
                "file" => {
                    let Some(called) = &part.file else {
                        return Err(ChatError::Missing { member: "file".to_owned(), expected: "a file" });
                    };
                    if file.replace((called.clone(), part.kind.clone(), part.data.to_vec())).is_some() {
                        return Err(twice());
                    }
                }
                "model" if model.replace(part.text()?.to_owned()).is_some() => return Err(twice()),
                "model" => {}
                "stream" if part.text()? == "false" => {}
                "stream" => {
                    let reason = "it is written down whole; send `false`, or leave it out";
                    return Err(ChatError::Unsupported { member: "stream".to_owned(), reason });
                }
                "chunking_strategy" if part.text()? == "auto" => {
                    fields.push((part.name.clone(), "auto".to_owned()));
                }
                _ if PASSED.contains(&name) || LISTED.contains(&name) => {
                    let text = part.text()?;
                    if text.len() > MAX_TEXT {
                        let member = shorten(name);
                        return Err(ChatError::Wrong { member, found: "too long", expected: "a short text" });
                    }
                    if !LISTED.contains(&name) && fields.iter().any(|(known, _)| known == name) {
                        return Err(twice());
                    }
                    fields.push((part.name.clone(), text.to_owned()));
                }
                _ => return Err(ChatError::Unknown { member: shorten(name) }),
            }
        }
        let missing = |member: &str, expected| ChatError::Missing { member: member.to_owned(), expected };
        let (called, kind, sound) = file.ok_or_else(|| missing("file", "a file of sound"))?;
        let model = model.filter(|model| (1..=256).contains(&model.len()));
        let model = model.ok_or_else(|| missing("model", "the name of a model"))?;
        Ok(Self { model, fields, file: (called, kind), sound })
    }

    /// The organization's name of the model that is asked.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// What this request takes at most: as many seconds as the target takes in one call.
    ///
    /// # Errors
    /// [`ChatError::Unpriced`], [`ChatError::UnpricedKind`] where a second has no price, [`ChatError::TooDear`].
    pub fn at_most(&self, model: &Model) -> Result<AtMost, ChatError> {
        let whole = |price: &Price| price.second?.checked_mul(price.max_seconds?);
        if model.currency().is_some() && model.most(whole).is_none() {
            let what = "a second of speech".to_owned();
            return Err(ChatError::UnpricedKind { model: model.name.clone(), what });
        }
        let (cost, currency) = dearest(model, whole)?;
        Ok(AtMost { input: 0, each: 0, output: 0, cost, currency })
    }

    /// The facts that constraints of a grant are held against, as those of a chat completion, and `bytes` of the file.
    ///
    /// # Errors
    /// As [`Transcription::at_most`].
    pub fn facts(&self, model: &Model) -> Result<Facts, ChatError> {
        let mut facts = facts_of(model, &self.at_most(model)?, (1, 0, false))?;
        let bytes = i64::try_from(self.sound.len()).unwrap_or(i64::MAX);
        facts.insert("bytes".to_owned(), bytes.into());
        Ok(facts)
    }

    /// The request as a target gets it, with the target's name of the model: its content type, and its bytes. `None` where there
    /// is no randomness.
    #[must_use]
    pub fn forward(&self, target: &Target) -> Option<(String, Vec<u8>)> {
        let field = |name: &str, text: &'_ str| (name.to_owned(), text.to_owned());
        let mut texts = vec![field("model", &target.model)];
        texts.extend(self.fields.iter().cloned());
        let mut parts: Vec<Part<'_>> = texts
            .iter()
            .map(|(name, text)| Part { name: name.clone(), file: None, kind: None, data: text.as_bytes() })
            .collect();
        let (called, kind) = self.file.clone();
        parts.push(Part { name: "file".to_owned(), file: Some(called), kind, data: &self.sound });
        form::write(&parts)
    }

    /// What an answer says that it took: seconds, as `usage` or `duration`, or tokens, where those have a price. An answer that
    /// is text alone says nothing, and what was reserved stays.
    ///
    /// # Errors
    /// [`UsageError`].
    pub fn of_answer(&self, body: &[u8], price: &Price) -> Result<Usage, UsageError> {
        let answer = Members::read(body).map_err(|_| UsageError::Missing)?;
        let said = answer.get("usage").map(|text| Members::read(text.as_bytes())).transpose();
        let said = said.map_err(|reason| UsageError::Unreadable { reason })?;
        let of_tokens = said.as_ref().is_some_and(|said| said.get("input_tokens").is_some());
        if of_tokens && (price.input > 0 || price.output > 0) {
            return usage::of_member(body, |text| usage::read_as(text, &usage::RESPONSES));
        }
        let seconds = said.as_ref().and_then(|said| said.get("seconds")).or_else(|| answer.get("duration"));
        let text = seconds.ok_or(UsageError::Missing)?;
        let wrong = || UsageError::Count { member: "seconds", found: shorten(text) };
        let seconds = whole_seconds(text.trim_matches('"')).ok_or_else(wrong)?;
        let cost = price.second.and_then(|each| each.checked_mul(seconds)).ok_or(UsageError::Missing)?;
        Ok(Usage { other: cost, ..Usage::default() })
    }
}

/// Seconds, of which a part counts as one.
fn whole_seconds(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) {
        return None;
    }
    let more = u64::from(part.bytes().any(|byte| byte != b'0'));
    whole.parse::<u64>().ok()?.checked_add(more).filter(|seconds| *seconds <= usage::MAX_TOKENS)
}
