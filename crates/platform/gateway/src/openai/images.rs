//! Images: what they cost is how many, of which size and quality, and the text that says what is on them.

use super::{
    AtMost, ChatError, Usage, UsageError,
    bound::{OWN_TOKENS, dearest, facts_of},
    refusal::shorten,
    usage,
};
use crate::{
    json::{boolean, integer, member, needed_model, read_object, wrong},
    members::Members,
    weight::Weight,
};
use core::fmt;
use legation_credential::{Facts, Value};
use legation_keys::{
    Json,
    json::{JsonError, Object},
};
use legation_registry::model::{Model, Price, Target};
use serde_json::value::RawValue;

/// Members that pass as they came.
const PASSED: [&str; 10] = [
    "background",
    "moderation",
    "output_compression",
    "output_format",
    "prompt",
    "quality",
    "response_format",
    "size",
    "style",
    "user",
];
/// Most images of one request, as OpenAI has it.
pub(super) const MAX_IMAGES: u64 = 10;
/// Longest size or quality.
pub(super) const MAX_KIND: usize = 32;

/// A request that passes. It holds the prompt, which its `Debug` does not show.
#[derive(Clone, PartialEq, Eq)]
pub struct Images {
    model: String,
    count: u64,
    /// `None` where the provider chooses.
    size: Option<String>,
    quality: Option<String>,
    user: Option<String>,
    /// All members that are forwarded as they came: `"name":text` with commas between.
    passed: String,
    /// Most tokens of the prompt, by its bytes.
    prompt: u64,
}

impl fmt::Debug for Images {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = out.debug_struct("Images");
        out.field("model", &self.model).field("count", &self.count).finish_non_exhaustive()
    }
}

impl Images {
    /// Reads a request as an SDK sends it. A member that is `null` is as if it were not there.
    ///
    /// # Errors
    /// [`ChatError`], as [`Chat::read`](super::Chat::read).
    ///
    /// ```
    /// use legation_gateway::openai::Images;
    /// let asked = Images::read(br#"{"model":"dall-e-3","prompt":"a cat","size":"1024x1024","n":2}"#)?;
    /// assert_eq!(asked.model(), "dall-e-3");
    /// let streamed = Images::read(br#"{"model":"m","prompt":"a cat","partial_images":2}"#);
    /// assert_eq!(streamed.unwrap_err().code(), "unsupported_member");
    /// # Ok::<(), legation_gateway::openai::ChatError>(())
    /// ```
    pub fn read(body: &[u8]) -> Result<Self, ChatError> {
        read_object(body, |request| {
            request.iter().try_for_each(|(name, value)| check_member(name, value))?;
            match member(request, "prompt") {
                Some(Json::String(_)) => {}
                Some(found) => return Err(wrong("prompt", found, "a text")),
                None => {
                    return Err(ChatError::Missing { member: "prompt".to_owned(), expected: "a text" });
                }
            }
            boolean(request, "stream")?;
            let members = Members::read(body).map_err(|reason| JsonError::Malformed { reason })?;
            let passed = members.written_without(&["model", "n", "stream"]);
            let bytes = u64::try_from(passed.len()).unwrap_or(u64::MAX);
            let structure = Weight::of(passed.as_bytes()).tokens();
            Ok(Self {
                model: needed_model(request)?,
                count: integer(request, "n", (1, MAX_IMAGES))?.unwrap_or(1),
                size: kind(request, "size")?,
                quality: kind(request, "quality")?,
                user: super::request::user(request)?,
                passed,
                prompt: bytes.saturating_add(structure).saturating_add(OWN_TOKENS),
            })
        })
    }

    /// What a form asks for. How many tokens its pictures are, nobody knows before: as many as the model reads.
    pub(super) fn of_form(
        model: String,
        count: u64,
        (size, quality): (Option<String>, Option<String>),
        user: Option<String>,
    ) -> Self {
        Self { model, count, size, quality, user, passed: String::new(), prompt: u64::MAX }
    }

    /// How many are to be made.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The organization's name of the model that is asked.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Who asks at the caller's, as it says.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// What this request takes at most: its images, each as the dearest that fits what is said of it, and its prompt.
    ///
    /// # Errors
    /// [`ChatError::Unpriced`], [`ChatError::UnpricedKind`] where no price is of such an image, [`ChatError::TooDear`].
    pub fn at_most(&self, model: &Model) -> Result<AtMost, ChatError> {
        let input = self.prompt.min(model.max_input_tokens);
        if model.currency().is_some() && model.most(|price| self.each(price)).is_none() {
            let told = |kind: &Option<String>| kind.as_deref().unwrap_or("auto").to_owned();
            let what =
                format!("an image of size `{}` and quality `{}`", told(&self.size), told(&self.quality));
            return Err(ChatError::UnpricedKind { model: model.name.clone(), what });
        }
        let (cost, currency) = dearest(model, |price| {
            let images = self.each(price)?.checked_mul(self.count)?;
            price.at_most(input, 0)?.checked_add(images)
        })?;
        Ok(AtMost { input, each: 0, output: 0, cost, currency })
    }

    fn each(&self, price: &Price) -> Option<u64> {
        price.image(self.size.as_deref(), self.quality.as_deref())
    }

    /// The facts that constraints of a grant are held against: as those of a chat completion, `n` being how many images; and
    /// `size` and `quality`, as far as they are said.
    ///
    /// # Errors
    /// As [`Images::at_most`].
    pub fn facts(&self, model: &Model) -> Result<Facts, ChatError> {
        let mut facts = facts_of(model, &self.at_most(model)?, (self.count, 0, false))?;
        for (name, value) in [("size", &self.size), ("quality", &self.quality)] {
            facts.extend(value.iter().map(|value| (name.to_owned(), Value::from(value.as_str()))));
        }
        Ok(facts)
    }

    /// The request as a target gets it, with the target's name of the model and with how many images it is to make.
    #[must_use]
    pub fn forward(&self, target: &Target) -> Vec<u8> {
        let name = serde_json::Value::from(target.model.as_str());
        format!(r#"{{"model":{name},"n":{},{}}}"#, self.count, self.passed).into_bytes()
    }

    /// What an answer took: the images that are in it, and the prompt's tokens, as many as the answer says or may have been.
    ///
    /// # Errors
    /// [`UsageError`] where the images can't be counted.
    pub fn of_answer(&self, body: &[u8], price: &Price) -> Result<Usage, UsageError> {
        if body.len() > usage::MAX_ANSWER {
            return Err(UsageError::TooLarge { found: body.len() });
        }
        let unreadable = |reason: &str| UsageError::Unreadable { reason: reason.to_owned() };
        let answer = Members::read(body).map_err(|reason| UsageError::Unreadable { reason })?;
        let data = answer.get("data").ok_or(UsageError::Missing)?;
        let data: Vec<&RawValue> =
            serde_json::from_str(data).map_err(|_| unreadable("`data` is no array"))?;
        let count = u64::try_from(data.len()).unwrap_or(u64::MAX);
        let input = match answer.get("usage").map(usage::read_object).transpose()? {
            Some(said) => usage::count(&said, "input_tokens", "input_tokens")?.unwrap_or(self.prompt),
            None => self.prompt,
        };
        let other = self.each(price).and_then(|each| each.checked_mul(count)).ok_or(UsageError::Missing)?;
        Ok(Usage { input, other, ..Usage::default() })
    }
}

fn check_member(name: &str, value: &Json<'_>) -> Result<(), ChatError> {
    let unsupported = |reason| Err(ChatError::Unsupported { member: shorten(name), reason });
    match (name, value) {
        ("stream", Json::Bool(false) | Json::Null) | ("partial_images", Json::Null | Json::Integer(0)) => {
            Ok(())
        }
        ("stream" | "partial_images", _) => {
            unsupported("each partial image costs tokens that nothing bounds")
        }
        (name, _) if PASSED.contains(&name) || matches!(name, "model" | "n") => Ok(()),
        _ => Err(ChatError::Unknown { member: shorten(name) }),
    }
}

/// A size or a quality; `None` where the provider chooses.
fn kind(request: &Object<'_>, name: &str) -> Result<Option<String>, ChatError> {
    match member(request, name) {
        None => Ok(None),
        Some(Json::String(kind)) if kind == "auto" => Ok(None),
        Some(Json::String(kind)) if (1..=MAX_KIND).contains(&kind.len()) => {
            Ok(Some(kind.clone().into_owned()))
        }
        Some(found) => Err(wrong(name, found, "a short text")),
    }
}
