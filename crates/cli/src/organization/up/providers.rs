//! The models of providers whose keys stand in the environment, for `up --dev`.

use legation_registry::{
    Registry, RegistryError,
    model::{Model, Protocol, Target},
    route,
};
use zeroize::Zeroizing;

/// A model: its name, what a million tokens cost in US cents (of the prompt, from the cache, written to it, of the answer),
/// and most tokens of a prompt and of an answer.
type Listed = (&'static str, [u64; 4], u64, u64);

/// OpenAI's, as its price list had them on 2025-10-01. What is written to its cache costs what the prompt costs.
const OPENAI: [Listed; 5] = [
    ("gpt-4o-mini", [15, 8, 15, 60], 128_000, 16_384),
    ("gpt-4o", [250, 125, 250, 1000], 128_000, 16_384),
    ("gpt-4.1", [200, 50, 200, 800], 1_047_576, 32_768),
    ("gpt-4.1-mini", [40, 10, 40, 160], 1_047_576, 32_768),
    ("gpt-4.1-nano", [10, 3, 10, 40], 1_047_576, 32_768),
];
/// Anthropic's, as its price list had them on 2025-10-15, written to the cache for five minutes.
const ANTHROPIC: [Listed; 3] = [
    ("claude-haiku-4-5", [100, 10, 125, 500], 200_000, 64_000),
    ("claude-sonnet-4-5", [300, 30, 375, 1500], 200_000, 64_000),
    ("claude-opus-4-1", [1500, 150, 1875, 7500], 200_000, 32_000),
];

/// A provider of the environment.
pub(crate) struct Provider {
    /// Under which its key is stored.
    name: &'static str,
    key: Option<Zeroizing<String>>,
    /// Where its interface is.
    base: String,
    protocol: Protocol,
    models: &'static [Listed],
}

/// The providers whose key, or whose place, stands in the environment.
pub(crate) fn in_environment() -> Vec<Provider> {
    let of = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let mut found = Vec::new();
    let (key, base) = (of("OPENAI_API_KEY"), of("OPENAI_BASE_URL"));
    if key.is_some() || base.is_some() {
        found.push(Provider {
            name: "openai",
            key: key.map(Zeroizing::new),
            base: base.unwrap_or_else(|| "https://api.openai.com/v1".to_owned()),
            protocol: Protocol::OpenAi,
            models: &OPENAI,
        });
    }
    let (key, base) = (of("ANTHROPIC_API_KEY"), of("ANTHROPIC_BASE_URL"));
    if key.is_some() || base.is_some() {
        // Its SDKs are given the place without the version.
        let base = base.unwrap_or_else(|| "https://api.anthropic.com".to_owned());
        let base = base.trim_end_matches('/');
        found.push(Provider {
            name: "anthropic",
            key: key.map(Zeroizing::new),
            base: format!("{}/v1", base.strip_suffix("/v1").unwrap_or(base)),
            protocol: Protocol::Anthropic,
            models: &ANTHROPIC,
        });
    }
    found
}

impl Provider {
    /// Its models.
    pub(crate) fn models(&self) -> impl Iterator<Item = Model> {
        self.models.iter().map(|(name, [input, cached, written, output], prompt, answer)| {
            let price = serde_json::json!({
                "currency": "USD", "input": input, "cachedInput": cached, "cacheWrite": written, "output": output,
            });
            let secret = self.key.is_some().then(|| self.name.to_owned());
            Model {
                group: "standard".to_owned(),
                name: (*name).to_owned(),
                protocol: self.protocol,
                targets: vec![Target { secret, ..Target::new(&self.base, *name) }],
                price: serde_json::from_value(price).ok(),
                max_output_tokens: *answer,
                max_input_tokens: *prompt,
            }
        })
    }

    /// Keeps its key, bound to its origin.
    pub(crate) fn keep_key(&self, registry: &Registry, now: i64) -> Result<(), RegistryError> {
        match &self.key {
            Some(key) => registry.set_secret(self.name, &route::origin_of(&self.base)?, key, now),
            None => Ok(()),
        }
    }
}
