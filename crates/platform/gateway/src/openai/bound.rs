//! What a request takes at most, and the facts about it.
//!
//! **The prompt.** A token of a byte-level or byte-fallback tokenizer, which all providers use, stands for at least one
//! byte of the text that it encodes. What is encoded are the strings of the request, each no longer than its JSON
//! text, and what the provider writes around and between them. So a prompt has no more tokens than
//!
//! - the bytes of the members that are forwarded, and
//! - four for each `{ } [ ] , :` of their structure, and of the arguments of tool calls: line breaks and indentation
//!   where schemas are written anew, the marks and roles around each message and each tool, and
//! - twenty for each number with an exponent, and
//! - [`OWN_TOKENS`] for what a provider or a chat template says by itself;
//!
//! and no more than the model takes, since the provider refuses a longer one. It is about five times what English
//! text really has, and what is left over is free again with the answer. A tokenizer that rewrites its text
//! first (NFC in some open models) can make three bytes of one, of characters that nobody writes: a cost above its reservation is
//! debited all the same, and told.
//!
//! **The answer.** `max_tokens` or `max_completion_tokens`, else the most that the model gives, for each of `n` answers,
//! reasoning included.

use super::{Chat, ChatError};
use legation_credential::{Facts, Value, amount::AMOUNT_MICROS};
use legation_keys::json::MAX_INTEGER;
use legation_registry::model::{Model, Price};

/// Most tokens of what a provider or a chat template says by itself: hidden instructions, the date, how to call tools.
pub const OWN_TOKENS: u64 = 1024;

/// The action of a chat completion.
pub const ACTION: &str = "model:chat";

/// What a request takes at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtMost {
    /// Tokens of the prompt.
    pub input: u64,
    /// Tokens of one answer.
    pub each: u64,
    /// Tokens of all answers.
    pub output: u64,
    /// What they cost, in millionths of a minor unit.
    pub cost: u64,
    /// The currency, an ISO 4217 code.
    pub currency: String,
}

impl AtMost {
    /// All tokens together.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

impl Chat {
    /// What this request takes at most of a model, at any of its targets.
    ///
    /// # Errors
    /// [`ChatError`]: [`Unpriced`](ChatError::Unpriced), [`AnswerTooLong`](ChatError::AnswerTooLong) where more is asked
    /// for than the model gives, and [`TooDear`](ChatError::TooDear) above 2^53 − 1 millionths of a minor unit, the most
    /// that the fact of a request may say.
    pub fn at_most(&self, model: &Model) -> Result<AtMost, ChatError> {
        let each = self.answer_limit(model)?;
        bounded(model, self.prompt.saturating_add(OWN_TOKENS), (each, self.choices))
    }

    /// Most tokens of one answer: what is asked for, else what the model gives.
    pub(super) fn answer_limit(&self, model: &Model) -> Result<u64, ChatError> {
        match self.limit {
            Some(found) if found > model.max_output_tokens => Err(ChatError::AnswerTooLong {
                model: model.name.clone(),
                found,
                most: model.max_output_tokens,
            }),
            limit => Ok(limit.unwrap_or(model.max_output_tokens)),
        }
    }

    /// The facts that constraints of a grant are held against:
    ///
    /// | fact | |
    /// |---|---|
    /// | `model` | the organization's name of it, a text |
    /// | `max_tokens`, `n` | most tokens of one answer; how many answers |
    /// | `tokens` | most tokens of prompt and answers: what a `total` can sum |
    /// | `tools` | how many tools the model may call; 0 where it may call none |
    /// | `stream` | whether the answer is streamed |
    /// | `currency`, `amountMicros` | the most that it costs, in millionths of a minor unit |
    ///
    /// # Errors
    /// As [`Chat::at_most`].
    pub fn facts(&self, model: &Model) -> Result<Facts, ChatError> {
        facts_of(model, &self.at_most(model)?, (self.choices, self.tools, self.stream))
    }
}

/// What a prompt of so many tokens and so many answers of so many tokens each take at most.
pub(crate) fn bounded(model: &Model, prompt: u64, (each, choices): (u64, u64)) -> Result<AtMost, ChatError> {
    let input = prompt.min(model.max_input_tokens);
    let dear = || ChatError::TooDear { model: model.name.clone() };
    let output = each.checked_mul(choices).ok_or_else(dear)?;
    let (cost, currency) = dearest(model, |price| price.at_most(input, output))?;
    Ok(AtMost { input, each, output, cost, currency })
}

/// What something costs at the dearest of a model's targets, and the currency.
///
/// # Errors
/// [`ChatError::Unpriced`] where a target has no price, [`ChatError::TooDear`] above what an amount can say.
pub(crate) fn dearest(
    model: &Model,
    cost: impl Fn(&Price) -> Option<u64>,
) -> Result<(u64, String), ChatError> {
    let unpriced = || ChatError::Unpriced { model: model.name.clone() };
    let currency = model.currency().ok_or_else(unpriced)?.to_owned();
    let cost = model.most(cost).filter(|cost| *cost <= MAX_INTEGER.unsigned_abs());
    Ok((cost.ok_or_else(|| ChatError::TooDear { model: model.name.clone() })?, currency))
}

/// The facts of what is taken at most, of so many answers with so many tools, streamed or not.
pub(crate) fn facts_of(
    model: &Model,
    most: &AtMost,
    (choices, tools, stream): (u64, u64, bool),
) -> Result<Facts, ChatError> {
    let integer = |number: u64| match i64::try_from(number) {
        Ok(number) if number <= MAX_INTEGER => Ok(Value::Integer(number)),
        _ => Err(ChatError::TooDear { model: model.name.clone() }),
    };
    let facts = [
        ("model", Value::Text(model.name.clone())),
        ("max_tokens", integer(most.each)?),
        ("n", integer(choices)?),
        ("tokens", integer(most.tokens())?),
        ("tools", integer(tools)?),
        ("stream", Value::Bool(stream)),
        ("currency", Value::Text(most.currency.clone())),
        (AMOUNT_MICROS, integer(most.cost)?),
    ];
    Ok(facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}
