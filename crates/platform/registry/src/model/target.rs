//! Where a model runs.

use super::{ModelError, Price, is_label, shorten};
use legation_credential::resource;
use serde::{Deserialize, Serialize};

/// Most bytes of a provider's name of a model.
const MAX_MODEL: usize = 256;

/// Largest weight of a target.
pub const MAX_WEIGHT: u32 = 1000;

/// A model at one provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", expecting = "an object")]
pub struct Target {
    /// What comes before `/chat/completions`: `https://api.openai.com/v1`. An origin of `https` or `http` and a path,
    /// in the normal form of a resource, without user, query and fragment.
    pub base_url: String,
    /// The provider's own name of the model.
    pub model: String,
    /// The name under which the provider's key is stored; `None` where it asks for none. Never the key itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// The member that bounds an answer there; by default by the host, see [`Target::output_limit`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_limit: Option<OutputLimit>,
    /// How often it is asked first, beside the other targets of its model that have a weight; 1 to [`MAX_WEIGHT`]. Where none
    /// has one the first is asked first, and the others where it can't be reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
    /// What it costs there, where that is not what the model says. A call reserves the dearest of its targets, and is counted by
    /// the one that served it. All are of one currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
}

/// The member of a request by which a provider bounds the tokens of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputLimit {
    /// `max_tokens`: what all have, and OpenAI's reasoning models refuse.
    MaxTokens,
    /// `max_completion_tokens`: OpenAI's name for it since 2024.
    MaxCompletionTokens,
}

impl OutputLimit {
    /// The member's name.
    #[must_use]
    pub fn member(self) -> &'static str {
        match self {
            Self::MaxTokens => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
        }
    }
}

impl Target {
    /// A target without a secret.
    #[must_use]
    pub fn new(base_url: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            model: model.into(),
            secret: None,
            output_limit: None,
            weight: None,
            price: None,
        }
    }

    /// The URL of an end point, whose path is given without a slash in front.
    ///
    /// ```
    /// use legation_registry::model::Target;
    /// let target = Target::new("https://api.openai.com/v1", "gpt-4o-mini");
    /// assert_eq!(target.url("chat/completions"), "https://api.openai.com/v1/chat/completions");
    /// assert_eq!(target.origin(), "https://api.openai.com");
    /// ```
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.base_url.trim_end_matches('/'))
    }

    /// The origin, which its secret is bound to: scheme, host and port where it is not the scheme's.
    #[must_use]
    pub fn origin(&self) -> &str {
        let host = self.base_url.find("://").map_or(0, |end| end.saturating_add(3));
        let path = self.base_url.get(host..).and_then(|rest| rest.find('/'));
        let end = path.map(|path| host.saturating_add(path));
        end.and_then(|end| self.base_url.get(..end)).unwrap_or(&self.base_url)
    }

    /// Whether it is Azure's, whose keys stand in a header of their own.
    #[must_use]
    pub fn is_azure(&self) -> bool {
        let host = self.origin().rsplit('/').next().unwrap_or_default();
        [".openai.azure.com", ".services.ai.azure.com"].into_iter().any(|domain| host.ends_with(domain))
    }

    /// The member that bounds an answer there. Where the target does not say it: `max_completion_tokens` at
    /// OpenAI's own hosts and Azure's, whose newer models refuse the other one, and `max_tokens` anywhere else. A
    /// provider that does not know a member may leave it unread, and then nothing would bound the answer.
    #[must_use]
    pub fn output_limit(&self) -> OutputLimit {
        let host = self.origin().rsplit('/').next().unwrap_or_default();
        let openai = host == "api.openai.com"
            || [".api.openai.com", ".openai.azure.com"].into_iter().any(|domain| host.ends_with(domain));
        let by_host = if openai { OutputLimit::MaxCompletionTokens } else { OutputLimit::MaxTokens };
        self.output_limit.unwrap_or(by_host)
    }

    /// `number` is its place among the targets of its model, for a message.
    pub(super) fn validate(&self, number: usize) -> Result<(), ModelError> {
        check_base(&self.base_url).map_err(|reason| ModelError::BaseUrl { target: number, reason })?;
        let visible = self.model.bytes().all(|byte| byte.is_ascii_graphic());
        if !visible || !(1..=MAX_MODEL).contains(&self.model.len()) {
            return Err(ModelError::TargetModel { target: number, found: shorten(&self.model) });
        }
        if let Some(found) = self.weight.filter(|weight| !(1..=MAX_WEIGHT).contains(weight)) {
            return Err(ModelError::Weight { target: number, found });
        }
        match &self.secret {
            Some(secret) if !is_label(secret) => Err(ModelError::Secret { target: number }),
            _ => Ok(()),
        }
    }
}

/// The same normal form as a resource has: one spelling, and nothing in it that two readers take for different places.
fn check_base(url: &str) -> Result<(), &'static str> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let rest = rest.ok_or("it must begin with `https://` or `http://`")?;
    let checked = if rest.contains('/') { resource::check(url) } else { resource::check(&format!("{url}/")) };
    checked.map(|_| ())
}
