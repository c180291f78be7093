//! What a token costs, and what a call used.

use super::{ModelError, shorten};
use legation_credential::{
    amount::{MAX_AMOUNT, MICROS},
    money,
};
use serde::{Deserialize, Serialize};

/// Largest price of a token, in millionths of a minor unit: ten million USD per million tokens, so that a price
/// given per token or in other units is noticed.
pub const MAX_PRICE: u64 = 1_000_000_000;
/// Largest cost, in millionths of a minor unit: the largest amount that a ledger counts.
pub const MAX_COST: u64 = (MAX_AMOUNT * MICROS).unsigned_abs();

/// What the tokens of a model cost, in millionths of a minor unit each. That is as many as minor units per million
/// tokens: 2.50 USD per million are 250.
///
/// Pictures and sound have prices of their own, in the same unit: an image of 0.04 USD is 4,000,000.
///
/// It is the dearest that the provider may ask: where it asks more for long prompts, or its project is set to a
/// dearer tier of service, that price stands here. What is reserved and what is counted is never too little then.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", expecting = "an object")]
pub struct Price {
    /// ISO 4217 code.
    pub currency: String,
    /// A token of the prompt.
    pub input: u64,
    /// A token of the prompt that the provider had in its cache; by default `input`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_input: Option<u64>,
    /// A token of the prompt that the provider wrote to its cache, unasked; by default `input`. OpenAI asks 1.25
    /// times `input` since GPT-5.6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<u64>,
    /// A token of the answer, reasoning included.
    pub output: u64,
    /// Images that it makes, at most [`MAX_IMAGES`]. What is none of them is not asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<ImagePrice>,
    /// A character (a code point of Unicode) that it speaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub character: Option<u64>,
    /// A second of speech that it writes down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second: Option<u64>,
    /// Most seconds of speech that it takes in one call, beyond which it refuses, 1 to [`MAX_SECONDS`]; needed where a second
    /// has a price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_seconds: Option<u64>,
}

/// Most seconds of speech of one call: a day.
pub const MAX_SECONDS: u64 = 86_400;
/// Most kinds of images of one model.
pub const MAX_IMAGES: usize = 64;

/// What an image costs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", expecting = "an object")]
pub struct ImagePrice {
    /// Its size as requests say it, `1024x1024`; of every size, where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
    /// Its quality as requests say it, `high`; of every quality, where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<String>,
    /// One image, in millionths of a minor unit.
    pub each: u64,
}

/// The tokens of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Of the prompt, those of the cache included.
    pub input: u64,
    /// Of those, the ones that came out of the provider's cache.
    pub cached: u64,
    /// Of those, the ones that the provider wrote to its cache.
    pub written: u64,
    /// Of all answers, reasoning included.
    pub output: u64,
    /// What it cost beside its tokens, in millionths of a minor unit: images and sound.
    pub other: u64,
}

impl Usage {
    /// All tokens together.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

impl Price {
    /// What a call cost, exactly, in millionths of a minor unit. `None` where that is above [`MAX_COST`], or more
    /// tokens are said to be of the cache than there are.
    ///
    /// ```
    /// use legation_registry::model::{Price, Usage};
    /// let price = Price { currency: "USD".into(), input: 250, cached_input: Some(125), output: 1000, ..Price::default() };
    /// let usage = Usage { input: 1200, cached: 1000, output: 300, ..Usage::default() };
    /// assert_eq!(price.cost(&usage), Some(200 * 250 + 1000 * 125 + 300 * 1000)); // 0.475 cents
    /// ```
    #[must_use]
    pub fn cost(&self, usage: &Usage) -> Option<u64> {
        let plain = usage.input.checked_sub(usage.cached)?.checked_sub(usage.written)?;
        sum(&[
            (plain, self.input),
            (usage.cached, self.cached_input.unwrap_or(self.input)),
            (usage.written, self.cache_write.unwrap_or(self.input)),
            (usage.output, self.output),
            (usage.other, 1),
        ])
    }

    /// What so many tokens cost at most, whatever of the prompt is in a cache or is written to one. `None` where
    /// that is above [`MAX_COST`].
    #[must_use]
    pub fn at_most(&self, input: u64, output: u64) -> Option<u64> {
        let caches = [self.cached_input, self.cache_write];
        let dearest = caches.into_iter().flatten().fold(self.input, u64::max);
        sum(&[(input, dearest), (output, self.output)])
    }

    /// The dearest image of a size and a quality, of any where none is named. `None` where it has none of them.
    #[must_use]
    pub fn image(&self, size: Option<&str>, quality: Option<&str>) -> Option<u64> {
        let fits = |known: &Option<String>, asked: Option<&str>| {
            known.as_deref().is_none_or(|known| asked.is_none_or(|asked| asked == known))
        };
        let fitting = self.images.iter().filter(|one| fits(&one.size, size) && fits(&one.quality, quality));
        fitting.map(|one| one.each).max()
    }

    pub(super) fn validate(&self) -> Result<(), ModelError> {
        // Of a code that is not listed nobody knows the minor unit, and so not what the numbers mean.
        if money::exponent(&self.currency).is_none() {
            return Err(ModelError::Currency { found: shorten(&self.currency) });
        }
        let prices = [
            ("input", Some(self.input)),
            ("cachedInput", self.cached_input),
            ("cacheWrite", self.cache_write),
            ("output", Some(self.output)),
            ("images", self.images.iter().map(|one| one.each).max()),
            ("character", self.character),
            ("second", self.second),
        ];
        let dear = prices
            .into_iter()
            .find_map(|(member, price)| Some((member, price?)).filter(|(_, price)| *price > MAX_PRICE));
        let bounded = self.max_seconds.is_some_and(|most| (1..=MAX_SECONDS).contains(&most));
        if self.second.is_some() && !bounded {
            return Err(ModelError::Seconds);
        }
        match dear {
            Some((member, found)) => Err(ModelError::Price { member, found }),
            None if self.images.len() > MAX_IMAGES => Err(ModelError::Images { found: self.images.len() }),
            None => Ok(()),
        }
    }
}

fn sum(parts: &[(u64, u64)]) -> Option<u64> {
    let sum = parts.iter().try_fold(0_u128, |sum, (tokens, price)| {
        sum.checked_add(u128::from(*tokens).checked_mul(u128::from(*price))?)
    })?;
    u64::try_from(sum).ok().filter(|cost| *cost <= MAX_COST)
}
