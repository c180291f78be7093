//! Embeddings: texts as vectors. What they cost is the texts alone.

use super::{
    AtMost, ChatError, Usage, UsageError,
    bound::{dearest, facts_of},
    refusal::shorten,
    usage,
};
use crate::{
    json::{member, needed_model, read_object, wrong},
    members::Members,
    weight::Weight,
};
use core::fmt;
use legation_credential::Facts;
use legation_keys::{
    Json,
    json::{JsonError, Object},
};
use legation_registry::model::{Model, Target};

/// Members that pass as they came.
const PASSED: [&str; 4] = ["dimensions", "encoding_format", "input", "user"];
/// Most texts of one request, as OpenAI has it.
const MAX_INPUTS: usize = 2048;

/// A request that passes. It holds the texts, which its `Debug` does not show.
#[derive(Clone, PartialEq, Eq)]
pub struct Embeddings {
    model: String,
    user: Option<String>,
    /// All members that are forwarded as they came: `"name":text` with commas between.
    passed: String,
    /// Most tokens of all texts, by their bytes.
    prompt: u64,
}

impl fmt::Debug for Embeddings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Embeddings").field("model", &self.model).finish_non_exhaustive()
    }
}

impl Embeddings {
    /// Reads a request as an SDK sends it. A member that is `null` is as if it were not there.
    ///
    /// # Errors
    /// [`ChatError`], as [`Chat::read`](super::Chat::read).
    ///
    /// ```
    /// use legation_gateway::openai::Embeddings;
    /// let asked = Embeddings::read(br#"{"model":"text-embedding-3-small","input":["a","b"]}"#)?;
    /// assert_eq!(asked.model(), "text-embedding-3-small");
    /// assert_eq!(Embeddings::read(br#"{"model":"m","input":{}}"#).unwrap_err().code(), "wrong_member");
    /// # Ok::<(), legation_gateway::openai::ChatError>(())
    /// ```
    pub fn read(body: &[u8]) -> Result<Self, ChatError> {
        read_object(body, |request| {
            if let Some((name, _)) =
                request.iter().find(|(name, _)| *name != "model" && !PASSED.contains(name))
            {
                return Err(ChatError::Unknown { member: shorten(name) });
            }
            check_input(request)?;
            let members = Members::read(body).map_err(|reason| JsonError::Malformed { reason })?;
            let passed = members.written_without(&["model"]);
            let bytes = u64::try_from(passed.len()).unwrap_or(u64::MAX);
            // What a provider writes around each text is less than a comma weighs.
            let prompt = bytes.saturating_add(Weight::of(passed.as_bytes()).tokens());
            Ok(Self { model: needed_model(request)?, user: user(request)?, passed, prompt })
        })
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

    /// What this request takes at most: of each text the model takes so much, and of all together more.
    ///
    /// # Errors
    /// [`ChatError::Unpriced`], [`ChatError::TooDear`].
    pub fn at_most(&self, model: &Model) -> Result<AtMost, ChatError> {
        let (cost, currency) = dearest(model, |price| price.at_most(self.prompt, 0))?;
        Ok(AtMost { input: self.prompt, each: 0, output: 0, cost, currency })
    }

    /// The facts that constraints of a grant are held against, as those of a chat completion.
    ///
    /// # Errors
    /// As [`Embeddings::at_most`].
    pub fn facts(&self, model: &Model) -> Result<Facts, ChatError> {
        facts_of(model, &self.at_most(model)?, (1, 0, false))
    }

    /// The request as a target gets it, with the target's name of the model.
    #[must_use]
    pub fn forward(&self, target: &Target) -> Vec<u8> {
        let name = serde_json::Value::from(target.model.as_str());
        format!(r#"{{"model":{name},{}}}"#, self.passed).into_bytes()
    }
}

fn check_input(request: &Object<'_>) -> Result<(), ChatError> {
    let expected = "a text, or an array of texts or tokens";
    let Some(input) = member(request, "input") else {
        return Err(ChatError::Missing { member: "input".to_owned(), expected });
    };
    let list = match input {
        Json::String(_) => return Ok(()),
        Json::Array(list) => list,
        found => return Err(wrong("input", found, expected)),
    };
    let tokens = |list: &[Json<'_>]| list.iter().all(|one| matches!(one, Json::Integer(_)));
    let each = |one: &Json<'_>| match one {
        Json::String(_) => true,
        Json::Array(list) => tokens(list),
        _ => false,
    };
    if list.is_empty() || !(tokens(list) || list.iter().all(each)) {
        return Err(wrong("input", input, expected));
    }
    if !tokens(list) && list.len() > MAX_INPUTS {
        return Err(wrong("input", input, "at most 2048 texts"));
    }
    Ok(())
}

fn user(request: &Object<'_>) -> Result<Option<String>, ChatError> {
    match member(request, "user") {
        None => Ok(None),
        Some(Json::String(user)) => Ok(Some(user.clone().into_owned())),
        Some(found) => Err(wrong("user", found, "a text")),
    }
}

/// The usage that an answer says.
///
/// # Errors
/// [`UsageError`].
pub fn of_answer(body: &[u8]) -> Result<Usage, UsageError> {
    usage::of_member(body, |text| {
        let said = usage::read_object(text)?;
        let input = usage::count(&said, "prompt_tokens", "prompt_tokens")?;
        let total = usage::count(&said, "total_tokens", "total_tokens")?.unwrap_or(0);
        let input = input.ok_or_else(|| usage::absent("prompt_tokens"))?.max(total);
        Ok(Usage { input, ..Usage::default() })
    })
}
