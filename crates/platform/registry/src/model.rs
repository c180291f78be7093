//! A model of an organization: its name there, where it runs, what it costs.
//!
//! | module | what it holds |
//! |---|---|
//! | this | [`Model`]: group, name, targets, price, bounds; its resource; [`ModelError`] |
//! | `target` | [`Target`]: one provider's base URL and its name of the model |
//! | `price` | [`Price`] of a token, and [`Usage`]: how many tokens a call used |
//!
//! Grants name the organization's own name of a model, never a provider: moving to another provider reissues nothing.

mod price;
mod target;

pub use price::{ImagePrice, MAX_COST, MAX_IMAGES, MAX_PRICE, MAX_SECONDS, Price, Usage};
pub use target::{MAX_WEIGHT, OutputLimit, Target};

use serde::{Deserialize, Serialize};

/// Most bytes of a name and of a group.
pub const MAX_NAME: usize = 64;
/// Most targets of one model.
pub const MAX_TARGETS: usize = 8;
/// Most tokens that a model may be said to take or to give in one answer. No model comes near; with it no sum of
/// tokens is beyond 2^53 − 1, whatever `n` is.
pub const MAX_TOKENS: u64 = 100_000_000;

/// A model that agents of an organization may be granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", expecting = "an object")]
pub struct Model {
    /// The group that grants name, of `a`–`z`, `0`–`9`, `.`, `_`, `-`.
    pub group: String,
    /// What callers write as `model`: letters, digits, `.`, `_`, `-`, `:`, so that it may be a provider's own name
    /// (`gpt-4o-mini`, `Llama-3.1-8B`, `qwen3:8b`). Compared byte by byte.
    pub name: String,
    /// What its targets speak.
    #[serde(default, skip_serializing_if = "Protocol::is_usual")]
    pub protocol: Protocol,
    /// Where it runs, first choice first: 1 to [`MAX_TARGETS`].
    pub targets: Vec<Target>,
    /// What its tokens cost, at the dearest of those targets that have no price of their own. A model without a price is not
    /// called: its cost could not be reserved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// Most tokens of one answer, reasoning included.
    pub max_output_tokens: u64,
    /// Most tokens of a prompt: the context of the largest target, beyond which each of them refuses. Less than a
    /// target really takes would be reserved too little.
    pub max_input_tokens: u64,
}

/// The interface that a provider speaks. All targets of a model speak the same: nothing is translated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// OpenAI's: `/chat/completions`, `/responses`, `/embeddings`.
    #[default]
    OpenAi,
    /// Anthropic's: `/messages`.
    Anthropic,
}

impl Protocol {
    fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// Whose it is and where it is asked, for people.
    #[must_use]
    pub fn told(self) -> &'static str {
        match self {
            Self::OpenAi => "OpenAI's interface: ask it at `/v1/chat/completions` or `/v1/responses`",
            Self::Anthropic => "Anthropic's interface: ask it at `/v1/messages`",
        }
    }
}

/// Why something is no model that can be called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// A group that grants could not name.
    #[error(
        "the group is `{found}`; expected 1 to 64 of `a`-`z`, `0`-`9`, `.`, `_`, `-`, the first a letter or digit"
    )]
    Group {
        /// The group, shortened.
        found: String,
    },
    /// A name that is no segment of a path.
    #[error(
        "the name is `{found}`; expected 1 to 64 letters, digits, `.`, `_`, `-`, `:`, the first a letter or digit"
    )]
    Name {
        /// The name, shortened.
        found: String,
    },
    /// No target, or too many.
    #[error("{found} targets; expected 1 to {MAX_TARGETS}")]
    Targets {
        /// How many there are.
        found: usize,
    },
    /// A target's base URL. It is not told, since a password may stand in it.
    #[error("the base URL of target {target}: {reason}")]
    BaseUrl {
        /// Which target, counted from 1.
        target: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// A target's name of the model.
    #[error("target {target} calls the model `{found}`; expected 1 to 256 visible ASCII characters")]
    TargetModel {
        /// Which target, counted from 1.
        target: usize,
        /// The name, shortened.
        found: String,
    },
    /// No name of a secret. It is not told, since it may be the secret itself.
    #[error(
        "the secret of target {target} is not named by 1 to 64 of `a`-`z`, `0`-`9`, `.`, `_`, `-`; store the secret \
         with `legation secret set NAME` and give its name"
    )]
    Secret {
        /// Which target, counted from 1.
        target: usize,
    },
    /// A target that is asked never, or too often to be weighed.
    #[error("the weight of target {target} is {found}; expected 1 to {MAX_WEIGHT}")]
    Weight {
        /// Which target, counted from 1.
        target: usize,
        /// The weight.
        found: u32,
    },
    /// A currency that ISO 4217 does not list, so that nobody knows its minor unit.
    #[error("the currency is `{found}`; expected a code of ISO 4217 in capitals, such as `USD`")]
    Currency {
        /// The code, shortened.
        found: String,
    },
    /// A price that is surely in another unit.
    #[error(
        "the price `{member}` is {found}; expected at most {MAX_PRICE}, in minor units per million tokens: 2.50 USD \
         are 250"
    )]
    Price {
        /// Which of the prices.
        member: &'static str,
        /// What it is.
        found: u64,
    },
    /// More kinds of images than are looked through.
    #[error("{found} kinds of images have a price; expected at most {MAX_IMAGES}")]
    Images {
        /// How many.
        found: usize,
    },
    /// Prices of one model in several currencies.
    #[error(
        "one price is in `{found}`, another one in `{expected}`; all prices of a model are in one currency"
    )]
    Currencies {
        /// The one, shortened.
        found: String,
        /// The other, shortened.
        expected: String,
    },
    /// A price of a second, and nothing that says how many there may be.
    #[error(
        "a second has a price, and nothing bounds how many a call may have; say `maxSeconds`, 1 to {MAX_SECONDS}"
    )]
    Seconds,
    /// A bound on tokens that bounds nothing.
    #[error("`{member}` is {found}; expected 1 to {MAX_TOKENS}")]
    Tokens {
        /// Which bound.
        member: &'static str,
        /// What it is.
        found: u64,
    },
}

impl ModelError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Group { .. } => "model_group",
            Self::Name { .. } => "model_name",
            Self::Targets { .. } => "model_targets",
            Self::BaseUrl { .. } => "target_base_url",
            Self::TargetModel { .. } => "target_model",
            Self::Secret { .. } => "target_secret",
            Self::Weight { .. } => "target_weight",
            Self::Currency { .. } => "price_currency",
            Self::Price { .. } => "price_too_large",
            Self::Images { .. } => "price_images",
            Self::Currencies { .. } => "price_currencies",
            Self::Seconds => "model_seconds",
            Self::Tokens { .. } => "model_tokens",
        }
    }
}

impl Model {
    /// The resource that grants name: `https://HOST/models/GROUP/NAME`.
    ///
    /// `host` is the host of the organization's own origin as a URL has it, with its port where that is not 443:
    /// `acme.example`, `localhost:8080`. It is what [`legation_did::web::origin`] gives behind `https://`, and not the
    /// text of the DID, where the colon is escaped (`localhost%3A8080`).
    ///
    /// ```
    /// # let model: legation_registry::model::Model = serde_json::from_str(r#"{
    /// #     "group": "standard", "name": "gpt-4o-mini", "maxOutputTokens": 16384, "maxInputTokens": 128000,
    /// #     "targets": [{"baseUrl": "https://api.openai.com/v1", "model": "gpt-4o-mini"}]
    /// # }"#)?;
    /// assert_eq!(model.resource("acme.example"), "https://acme.example/models/standard/gpt-4o-mini");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn resource(&self, host: &str) -> String {
        format!("https://{host}/models/{}/{}", self.group, self.name)
    }

    /// Whether it can be called as it stands. What was read from outside is validated before it is used.
    ///
    /// # Errors
    /// [`ModelError`]: the first rule that is broken.
    pub fn validate(&self) -> Result<(), ModelError> {
        if !is_label(&self.group) {
            return Err(ModelError::Group { found: shorten(&self.group) });
        }
        if !is_name(&self.name) {
            return Err(ModelError::Name { found: shorten(&self.name) });
        }
        if !(1..=MAX_TARGETS).contains(&self.targets.len()) {
            return Err(ModelError::Targets { found: self.targets.len() });
        }
        for (index, target) in self.targets.iter().enumerate() {
            target.validate(index.saturating_add(1))?;
        }
        self.check_prices()?;
        let bounds = [("maxOutputTokens", self.max_output_tokens), ("maxInputTokens", self.max_input_tokens)];
        match bounds.into_iter().find(|(_, tokens)| !(1..=MAX_TOKENS).contains(tokens)) {
            Some((member, found)) => Err(ModelError::Tokens { member, found }),
            None => Ok(()),
        }
    }
}

impl Model {
    /// What a call costs at the target of that index; where no target served it, what the model says.
    #[must_use]
    pub fn price_at(&self, target: Option<usize>) -> Option<&Price> {
        let own = target.and_then(|index| self.targets.get(index)).and_then(|target| target.price.as_ref());
        own.or(self.price.as_ref())
    }

    /// The prices that its targets have of their own.
    #[must_use]
    pub fn target_prices(&self) -> Vec<&Price> {
        self.targets.iter().filter_map(|target| target.price.as_ref()).collect()
    }

    /// The prices at its targets; `None` where one of them has none.
    fn prices(&self) -> Option<Vec<&Price>> {
        (0..self.targets.len()).map(|index| self.price_at(Some(index))).collect()
    }

    /// The currency of its prices; `None` where a target has none.
    #[must_use]
    pub fn currency(&self) -> Option<&str> {
        self.prices()?.first().map(|price| price.currency.as_str())
    }

    /// The most that something costs at any of its targets, in millionths of a minor unit. `None` where it has no price at one
    /// of them.
    #[must_use]
    pub fn most(&self, cost: impl Fn(&Price) -> Option<u64>) -> Option<u64> {
        self.prices()?.into_iter().map(cost).collect::<Option<Vec<u64>>>()?.into_iter().max()
    }

    fn check_prices(&self) -> Result<(), ModelError> {
        let all: Vec<&Price> =
            self.price.iter().chain(self.targets.iter().filter_map(|one| one.price.as_ref())).collect();
        for price in &all {
            price.validate()?;
        }
        let first = all.first().map(|price| &price.currency);
        match all.iter().map(|price| &price.currency).find(|currency| Some(*currency) != first) {
            Some(found) => Err(ModelError::Currencies {
                found: shorten(found),
                expected: first.map(|first| shorten(first)).unwrap_or_default(),
            }),
            None => Ok(()),
        }
    }
}

/// The name of a group or a secret. Without a dot in front it is no hidden file and no dot segment.
fn is_label(text: &str) -> bool {
    is_name(text) && !text.bytes().any(|byte| byte.is_ascii_uppercase() || byte == b':')
}

fn is_name(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b':'))
}

/// At most [`MAX_NAME`] characters, for a message.
fn shorten(text: &str) -> String {
    match text.char_indices().nth(MAX_NAME) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
